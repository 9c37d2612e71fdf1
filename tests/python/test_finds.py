"""The changes of one item, and the search."""

import uuid

import grpc

from conftest import commit, delete, put, refused


def test_an_item_is_followed_through_its_history(cluster, config, pb, namespace):
    config.Commit(commit(pb, namespace, [put(pb, "db.pool", b"16")], message="more"), timeout=10)
    config.Commit(commit(pb, namespace, [put(pb, "db.url", b"elsewhere")]), timeout=10)
    config.Commit(commit(pb, namespace, [delete(pb, "db.pool")], message="no longer read"), timeout=10)
    found, token, pages = [], "", 0
    while True:
        request = pb.ItemHistoryRequest(namespace=namespace, key="db.pool", page_size=2, page_token=token)
        page = cluster.config(pages % 3 + 1).ItemHistory(request, timeout=10)
        found += page.revisions
        pages, token = pages + 1, page.next_page_token
        if not token:
            break
    assert pages == 2
    assert [(it.version.version, it.version.message, it.kind, it.item.value) for it in found] == [
        (4, "no longer read", pb.CHANGE_KIND_DELETED, b""),
        (2, "more", pb.CHANGE_KIND_CHANGED, b"16"),
        (1, "first", pb.CHANGE_KIND_ADDED, b"8"),
    ]
    assert not found[0].HasField("item")


def test_an_item_that_never_was_has_no_history(config, pb, namespace):
    told = refused(config.ItemHistory, pb.ItemHistoryRequest(namespace=namespace, key="never"))
    assert (told.code, told.reason) == (grpc.StatusCode.NOT_FOUND, "key-not-found")


def search(cluster, pb, **fields):
    """All matches, each page by another node."""
    matches, token, pages = [], "", 0
    while True:
        request = pb.SearchRequest(page_token=token, **fields)
        page = cluster.config(pages % 3 + 1).Search(request, timeout=10)
        matches += page.matches
        pages, token = pages + 1, page.next_page_token
        if not token:
            return matches


def test_a_search_finds_what_keys_and_values_contain(cluster, config, pb):
    folder = f"search/{uuid.uuid4()}/"
    names = [f"{folder}{name}" for name in ("one", "two")]
    for name in names:
        edits = [put(pb, "Host", b"db-1.internal"), put(pb, "note", b"see HOST"), put(pb, "raw", b"\xff\x00host\xfe")]
        config.Commit(commit(pb, name, edits, create=True), timeout=10)

    def keys(**fields):
        found = search(cluster, pb, namespace_prefix=folder, **fields)
        return [(it.namespace[len(folder) :], it.item.key) for it in found]

    assert keys(text="host", page_size=1) == [("one", "raw"), ("two", "raw")]
    assert keys(text="host", ignore_case=True, in_keys=True) == [("one", "Host"), ("two", "Host")]
    everywhere = search(cluster, pb, namespace_prefix=names[0], text="HOST", ignore_case=True)
    assert [(it.item.key, it.key_matches, it.value_matches) for it in everywhere] == [
        ("Host", True, False),
        ("note", False, True),
        ("raw", False, True),
    ]
    assert keys(text="nothing like it") == []


def test_large_values_are_left_out_of_matches(cluster, config, pb, namespace):
    config.Commit(commit(pb, namespace, [put(pb, "large", b"needle" + bytes(5_000))]), timeout=10)
    (found,) = search(cluster, pb, namespace_prefix=namespace, text="needle")
    assert (found.value_omitted, found.item.value, found.item.key) == (True, b"", "large")


def test_a_search_needs_a_text(config, pb):
    told = refused(config.Search, pb.SearchRequest(text="t" * 257, consistency=9))
    assert (told.code, told.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "invalid-argument")
    assert set(told.violations) == {"text", "consistency"}
    assert "empty" in refused(config.Search, pb.SearchRequest()).violations["text"]
