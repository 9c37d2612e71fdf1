"""Commits, reads, history, differences, rollback and pages, by the generated client."""

import uuid

from conftest import commit, delete, put


def read(config, pb, namespace, key, **fields):
    return config.Get(pb.GetRequest(namespace=namespace, key=key, **fields), timeout=10)


def test_a_commit_makes_a_version_that_every_node_serves(cluster, config, pb, namespace):
    edits = [put(pb, "db.pool", b"16"), put(pb, "name", "Rösterei ☕".encode(), labels={"team": "core"})]
    answer = config.Commit(commit(pb, namespace, edits, message="more connections"), timeout=10)
    committed = answer.versions[0]
    assert (committed.namespace, committed.version) == (namespace, 2)
    assert (committed.added, committed.changed, committed.deleted) == (1, 1, 0)
    for node in (1, 2, 3):
        got = read(cluster.config(node), pb, namespace, "name")
        assert got.item.value.decode() == "Rösterei ☕"
        assert dict(got.item.labels) == {"team": "core"}
        assert got.item.content_type == "text/plain"
        assert (got.version, got.item.mod_revision, got.item.change_count) == (2, answer.revision, 1)


def test_reads_at_a_version_and_at_a_revision(config, pb, namespace):
    first = read(config, pb, namespace, "db.pool")
    config.Commit(commit(pb, namespace, [put(pb, "db.pool", b"32")]), timeout=10)
    assert read(config, pb, namespace, "db.pool").item.value == b"32"
    at_version = read(config, pb, namespace, "db.pool", at=pb.At(version=1))
    at_revision = read(config, pb, namespace, "db.pool", at=pb.At(revision=first.store_revision))
    assert at_version.item == at_revision.item == first.item


def test_a_local_read_is_served_by_the_node_that_is_asked(cluster, config, pb, namespace):
    leader = cluster.wait_for_leader()
    got = read(cluster.config(leader), pb, namespace, "db.pool", consistency=pb.CONSISTENCY_LOCAL)
    assert got.item.value == b"8"


def test_bytes_are_kept_as_they_are(config, pb, namespace):
    value = bytes(range(256)) * 1_000
    content_type = "application/octet-stream"
    config.Commit(commit(pb, namespace, [put(pb, "image", value, content_type=content_type)]), timeout=10)
    got = read(config, pb, namespace, "image").item
    assert (got.value, got.content_type) == (value, content_type)


def test_a_commit_of_two_namespaces_is_one_step(config, pb, namespace):
    other = f"test/{uuid.uuid4()}"
    request = commit(pb, namespace, [put(pb, "db.pool", b"1")])
    request.namespaces.append(
        pb.NamespaceEdits(namespace=other, edits=[put(pb, "db.pool", b"1")], create_if_missing=True)
    )
    answer = config.Commit(request, timeout=10)
    assert [version.version for version in answer.versions] == [2, 1]
    items = [read(config, pb, name, "db.pool").item for name in (namespace, other)]
    assert {item.mod_revision for item in items} == {answer.revision}


def test_a_retry_under_the_same_id_changes_nothing(cluster, pb, namespace):
    request = commit(pb, namespace, [put(pb, "db.pool", b"9")], request_id=str(uuid.uuid4()))
    answers = [cluster.config(node).Commit(request, timeout=10) for node in (1, 2, 3)]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0].versions[0].version == 2


def test_a_dry_run_tells_and_changes_nothing(config, pb, namespace):
    request = commit(pb, namespace, [put(pb, "db.pool", b"9"), delete(pb, "db.url")])
    request.dry_run = True
    answer = config.Commit(request, timeout=10)
    told = answer.versions[0]
    assert (told.version, told.changed, told.deleted, answer.revision) == (2, 1, 1, 0)
    assert read(config, pb, namespace, "db.pool").version == 1


def test_history_tells_who_what_and_why(config, pb, namespace):
    config.Commit(commit(pb, namespace, [delete(pb, "db.url")], message="no longer read"), timeout=10)
    request = pb.HistoryRequest(namespace=namespace, with_changes=True)
    versions = config.History(request, timeout=10).versions
    assert [(it.version, it.message, it.author) for it in versions] == [
        (2, "no longer read", "python"),
        (1, "first", "python"),
    ]
    assert [(it.key, it.kind) for it in versions[0].changes] == [("db.url", pb.CHANGE_KIND_DELETED)]
    assert [it.key for it in versions[1].changes] == ["db.pool", "db.url"]


def test_rollback_makes_a_new_version_of_old_content(config, pb, namespace):
    config.Commit(commit(pb, namespace, [put(pb, "db.pool", b"0"), delete(pb, "db.url")]), timeout=10)
    answer = config.Rollback(pb.RollbackRequest(namespace=namespace, to_version=1), timeout=10)
    assert (answer.committed.version, answer.committed.added, answer.committed.changed) == (3, 1, 1)
    diff = config.Diff(pb.DiffRequest(namespace=namespace, from_version=1, to_version=3), timeout=10)
    assert list(diff.changes) == []
    newest = config.History(pb.HistoryRequest(namespace=namespace, page_size=1), timeout=10).versions[0]
    assert newest.rollback_of == 1


def test_a_difference_has_both_sides(config, pb, namespace):
    config.Commit(commit(pb, namespace, [put(pb, "db.pool", b"0"), put(pb, "new", b"")]), timeout=10)
    diff = config.Diff(pb.DiffRequest(namespace=namespace, from_version=1), timeout=10)
    assert (diff.from_version, diff.to_version) == (1, 2)
    pool, new = diff.changes
    assert (pool.kind, pool.before.value, pool.after.value) == (pb.CHANGE_KIND_CHANGED, b"8", b"0")
    assert (new.kind, new.HasField("before"), new.HasField("after")) == (pb.CHANGE_KIND_ADDED, False, True)


def test_pages_hold_together_at_one_revision(cluster, config, pb, namespace):
    keys = [f"key-{number:03}" for number in range(100)]
    config.Commit(commit(pb, namespace, [put(pb, key, b"v") for key in keys]), timeout=10)
    found, token, pages, revisions = [], "", 0, set()
    while True:
        request = pb.ListRequest(namespace=namespace, key_prefix="key-", page_size=30, page_token=token)
        # Each page by another node, and a version between the pages.
        page = cluster.config(pages % 3 + 1).List(request, timeout=10)
        config.Commit(commit(pb, namespace, [put(pb, f"key-late-{pages}", b"")]), timeout=10)
        found += [item.key for item in page.items]
        revisions.add((page.store_revision, page.version))
        pages, token = pages + 1, page.next_page_token
        if not token:
            break
    assert (found, pages, len(revisions)) == (keys, 4, 1)


def test_namespaces_come_and_go(config, pb):
    name = f"gone/{uuid.uuid4()}"
    created = config.CreateNamespace(pb.CreateNamespaceRequest(namespace=name, description="for a test"), timeout=10)
    assert (created.namespace.name, created.namespace.version) == (name, 0)
    listed = config.ListNamespaces(pb.ListNamespacesRequest(prefix="gone/"), timeout=10).namespaces
    assert [(it.name, it.description) for it in listed] == [(name, "for a test")]
    config.DeleteNamespace(pb.DeleteNamespaceRequest(namespace=name, expected_version=0), timeout=10)
    assert not config.ListNamespaces(pb.ListNamespacesRequest(prefix="gone/"), timeout=10).namespaces
