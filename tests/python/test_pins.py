"""Tags and snapshots: what they name stays, can be read, and can be gone back to."""

import time
import uuid

import grpc
import pytest

from conftest import commit, put, refused

NOT_FOUND = grpc.StatusCode.NOT_FOUND
OUT_OF_RANGE = grpc.StatusCode.OUT_OF_RANGE


def change(config, pb, namespace, value):
    return config.Commit(commit(pb, namespace, [put(pb, "db.pool", value)]), timeout=10)


def read(config, pb, namespace, **at):
    request = pb.GetRequest(namespace=namespace, key="db.pool", at=pb.At(**at) if at else None)
    return config.Get(request, timeout=10)


@pytest.fixture
def snapshot(config, pb):
    """A name for a snapshot, which is deleted afterwards if it was made."""
    name = f"before-{uuid.uuid4()}"
    yield name
    try:
        config.DeleteSnapshot(pb.DeleteSnapshotRequest(snapshot=name), timeout=10)
    except grpc.RpcError as error:
        assert error.code() == NOT_FOUND


def test_a_tag_names_a_version_on_every_node(cluster, config, pb, namespace):
    change(config, pb, namespace, b"16")
    authorship = pb.Authorship(author="ada", message="what runs")
    request = pb.SetTagRequest(namespace=namespace, tag="live", version=1, authorship=authorship)
    tag = config.SetTag(request, timeout=10).tag
    assert (tag.name, tag.version, tag.author, tag.message) == ("live", 1, "ada", "what runs")
    for node in (1, 2, 3):
        got = read(cluster.config(node), pb, namespace, tag="live")
        assert (got.item.value, got.version) == (b"8", 1)
    listed = config.List(pb.ListRequest(namespace=namespace, at=pb.At(tag="live")), timeout=10)
    assert [item.value for item in listed.items] == [b"8", b"postgres://db-1/shop"]


def test_a_tag_moves_only_if_asked_to(config, pb, namespace):
    change(config, pb, namespace, b"16")
    config.SetTag(pb.SetTagRequest(namespace=namespace, tag="live", version=1), timeout=10)
    told = refused(config.SetTag, pb.SetTagRequest(namespace=namespace, tag="live", version=2))
    assert (told.code, told.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "tag-exists")
    assert told.metadata == {"namespace": namespace, "tag": "live", "version": "1"}
    moved = config.SetTag(pb.SetTagRequest(namespace=namespace, tag="live", move=True), timeout=10).tag
    assert moved.version == 2, "no version means the newest"


def test_tags_are_listed_page_by_page_and_deleted(cluster, config, pb, namespace):
    names = [f"t{number}" for number in range(5)]
    for name in names:
        config.SetTag(pb.SetTagRequest(namespace=namespace, tag=name), timeout=10)
    found, token, pages = [], "", 0
    while True:
        request = pb.ListTagsRequest(namespace=namespace, page_size=2, page_token=token)
        page = cluster.config(pages % 3 + 1).ListTags(request, timeout=10)
        found += [tag.name for tag in page.tags]
        pages, token = pages + 1, page.next_page_token
        if not token:
            break
    assert (found, pages) == (names, 3)
    deleted = config.DeleteTag(pb.DeleteTagRequest(namespace=namespace, tag="t0"), timeout=10).tag
    assert (deleted.name, deleted.version) == ("t0", 1)
    told = refused(config.Get, pb.GetRequest(namespace=namespace, key="db.pool", at=pb.At(tag="t0")))
    assert (told.code, told.reason) == (NOT_FOUND, "tag-not-found")
    assert told.metadata == {"namespace": namespace, "tag": "t0"}


def test_what_was_in_force_at_a_time(config, pb, namespace):
    first = config.History(pb.HistoryRequest(namespace=namespace), timeout=10).versions[0]
    while True:
        second = change(config, pb, namespace, str(time.monotonic_ns()).encode())
        if second.time_ms > first.time_ms:
            break
    assert read(config, pb, namespace, time_ms=first.time_ms).version == 1
    assert read(config, pb, namespace, time_ms=second.time_ms + 60_000).version == second.versions[0].version
    early = pb.GetRequest(namespace=namespace, key="db.pool", at=pb.At(time_ms=first.time_ms - 1))
    told = refused(config.Get, early)
    assert (told.code, told.reason) == (NOT_FOUND, "no-version-then")
    assert told.metadata["oldest_ms"] == str(first.time_ms)


def test_a_snapshot_brings_many_namespaces_back_at_once(config, pb, namespace, snapshot):
    other = f"test/{uuid.uuid4()}"
    config.Commit(commit(pb, other, [put(pb, "db.pool", b"1")], create=True), timeout=10)
    request = pb.CreateSnapshotRequest(snapshot=snapshot, namespaces=[namespace, other])
    made = config.CreateSnapshot(request, timeout=10).snapshot
    assert (made.name, made.namespaces, made.all_namespaces) == (snapshot, 2, False)
    change(config, pb, namespace, b"99")

    held = config.ListSnapshotNamespaces(pb.ListSnapshotNamespacesRequest(snapshot=snapshot), timeout=10).namespaces
    versions = {one.namespace: (one.version, one.newest_version) for one in held}
    assert versions == {namespace: (1, 2), other: (1, 1)}
    assert read(config, pb, namespace, snapshot=snapshot).item.value == b"8"

    rollback = pb.RollbackSnapshotRequest(snapshot=snapshot, dry_run=True)
    tried = config.RollbackSnapshot(rollback, timeout=10)
    assert (tried.namespaces_changed, tried.namespaces_unchanged, tried.revision) == (1, 1, 0)
    assert read(config, pb, namespace).item.value == b"99", "a dry run changes nothing"

    rollback.dry_run = False
    rollback.authorship.request_id = str(uuid.uuid4())
    done = config.RollbackSnapshot(rollback, timeout=10)
    assert [(it.namespace, it.version) for it in done.versions] == [(namespace, 3)]
    assert config.RollbackSnapshot(rollback, timeout=10) == done, "a retry is answered as the first time"
    assert read(config, pb, namespace).item.value == b"8"


def test_snapshots_are_refused_clearly(config, pb, namespace, snapshot):
    told = refused(config.CreateSnapshot, pb.CreateSnapshotRequest(snapshot="a b"))
    assert (told.code, told.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "invalid-argument")
    assert set(told.violations) == {"snapshot", "namespaces"}
    request = pb.CreateSnapshotRequest(snapshot=snapshot, namespaces=["nowhere"])
    assert refused(config.CreateSnapshot, request).reason == "namespace-not-found"
    told = refused(config.GetSnapshot, pb.GetSnapshotRequest(snapshot=snapshot))
    assert (told.code, told.reason, told.metadata) == (NOT_FOUND, "snapshot-not-found", {"snapshot": snapshot})

    request = pb.CreateSnapshotRequest(snapshot=snapshot, namespaces=[namespace])
    made = config.CreateSnapshot(request, timeout=10).snapshot
    assert config.GetSnapshot(pb.GetSnapshotRequest(snapshot=snapshot), timeout=10).snapshot == made
    assert made in config.ListSnapshots(pb.ListSnapshotsRequest(), timeout=10).snapshots
    again = refused(config.CreateSnapshot, request)
    assert (again.code, again.reason) == (grpc.StatusCode.ALREADY_EXISTS, "snapshot-exists")
    told = refused(config.RollbackSnapshot, pb.RollbackSnapshotRequest(snapshot=snapshot, namespaces=["other"]))
    assert (told.code, told.reason) == (NOT_FOUND, "not-in-snapshot")
    assert told.metadata == {"snapshot": snapshot, "namespace": "other"}
