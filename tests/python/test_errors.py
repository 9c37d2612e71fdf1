"""Each error of design.md section 4 that applies, as a client in another language finds it: the status code, the
reason, the fields, what was found, and when to try again."""

import uuid

import grpc
import pytest

from conftest import commit, delete, put, refused

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
DEADLINE = grpc.StatusCode.DEADLINE_EXCEEDED


def check(told, code, reason):
    assert (told.code, told.reason, told.domain) == (code, reason, "conclave"), told
    assert told.message, told


@pytest.fixture
def unchanged(config, pb, namespace):
    """Whatever is refused, the namespace is afterwards as before."""
    before = config.List(pb.ListRequest(namespace=namespace), timeout=10)
    yield
    after = config.List(pb.ListRequest(namespace=namespace), timeout=10)
    assert (list(after.items), after.version) == (list(before.items), before.version)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "empty"),
        ("n" * 257, "257 bytes"),
        ("shop/../prod", '".."'),
        ("shop//prod", '""'),
        ("shop\x07", "at byte 4"),
    ],
)
def test_a_malformed_name(config, pb, name, says):
    told = refused(config.Commit, commit(pb, name, [put(pb, "a", b"1")], create=True))
    check(told, INVALID, "invalid-argument")
    assert says in told.violations["namespaces[0].namespace"], told
    told = refused(config.Get, pb.GetRequest(namespace=name, key="a"))
    check(told, INVALID, "invalid-argument")
    assert says in told.violations["namespace"], told


def test_a_value_too_large_and_an_unknown_content_type(config, pb, namespace, unchanged):
    edits = [put(pb, "large", bytes((1 << 20) + 1)), put(pb, "odd", b"", content_type="no type")]
    told = refused(config.Commit, commit(pb, namespace, edits))
    check(told, INVALID, "invalid-argument")
    assert "1048577 bytes" in told.violations["namespaces[0].edits[0].put.value"], told
    assert told.violations["namespaces[0].edits[1].put.content_type"], told


def test_too_many_edits_and_two_of_one_key(config, pb, namespace, unchanged):
    edits = [put(pb, f"k{number}", b"") for number in range(1_001)]
    told = refused(config.Commit, commit(pb, namespace, edits))
    check(told, INVALID, "invalid-argument")
    assert "1001" in told.violations["namespaces"], told
    told = refused(config.Commit, commit(pb, namespace, [put(pb, "a", b"1"), delete(pb, "a")]))
    check(told, INVALID, "invalid-argument")
    assert told.violations["namespaces[0].edits[1].key"], told


def test_text_that_is_no_utf8(cluster, unchanged, namespace):
    call = cluster.channel(1).unary_unary("/conclave.config.v1.ConfigService/Get")
    told = refused(call, b"\x0a\x04sh\xffp\x12\x01a")
    check(told, INVALID, "invalid-argument")
    assert told.message.startswith("the request cannot be read"), told


def test_no_such_namespace_key_version_or_revision(config, pb, namespace, unchanged):
    told = refused(config.Get, pb.GetRequest(namespace="nowhere", key="a"))
    check(told, NOT_FOUND, "namespace-not-found")
    assert told.metadata == {"namespace": "nowhere"}
    told = refused(config.Commit, commit(pb, "nowhere", [put(pb, "a", b"1")]))
    check(told, NOT_FOUND, "namespace-not-found")
    for call, request in (
        (config.Get, pb.GetRequest(namespace=namespace, key="cost")),
        (config.Commit, commit(pb, namespace, [delete(pb, "cost")])),
    ):
        told = refused(call, request)
        check(told, NOT_FOUND, "key-not-found")
        assert told.metadata == {"namespace": namespace, "key": "cost"}
    for call, request in (
        (config.Get, pb.GetRequest(namespace=namespace, key="db.pool", at=pb.At(version=7))),
        (config.Rollback, pb.RollbackRequest(namespace=namespace, to_version=7)),
        (config.Diff, pb.DiffRequest(namespace=namespace, from_version=1, to_version=7)),
    ):
        told = refused(call, request)
        check(told, NOT_FOUND, "version-not-found")
        assert told.metadata == {"namespace": namespace, "version": "7", "newest": "1"}
    told = refused(config.Get, pb.GetRequest(namespace=namespace, key="db.pool", at=pb.At(revision=1 << 40)))
    check(told, NOT_FOUND, "revision-not-found")
    told = refused(config.Watch, pb.WatchRequest(targets=[pb.WatchTarget(namespace="nowhere")]))
    check(told, NOT_FOUND, "namespace-not-found")


def test_a_namespace_that_exists(config, pb, namespace, unchanged):
    told = refused(config.CreateNamespace, pb.CreateNamespaceRequest(namespace=namespace))
    check(told, grpc.StatusCode.ALREADY_EXISTS, "namespace-exists")


def test_preconditions_tell_what_was_found(config, pb, namespace, unchanged):
    told = refused(config.Commit, commit(pb, namespace, [put(pb, "db.pool", b"0")], expected_version=9))
    check(told, PRECONDITION, "version-mismatch")
    assert told.metadata == {"namespace": namespace, "expected": "9", "found": "1"}
    item = config.Get(pb.GetRequest(namespace=namespace, key="db.pool"), timeout=10).item
    edit = put(pb, "db.pool", b"0")
    edit.expected_mod_revision = 0
    told = refused(config.Commit, commit(pb, namespace, [edit]))
    check(told, PRECONDITION, "item-revision-mismatch")
    assert (told.metadata["expected"], told.metadata["found"]) == ("0", str(item.mod_revision))
    assert told.retry_after_s is None


def test_a_request_id_that_was_used_for_another_write(config, pb, namespace):
    request_id = str(uuid.uuid4())
    config.Commit(commit(pb, namespace, [put(pb, "a", b"1")], request_id=request_id), timeout=10)
    told = refused(config.Commit, commit(pb, namespace, [put(pb, "a", b"2")], request_id=request_id))
    check(told, PRECONDITION, "request-id-reused")
    assert config.Get(pb.GetRequest(namespace=namespace, key="a"), timeout=10).item.value == b"1"


def test_a_page_token_that_no_node_made(config, pb, namespace):
    told = refused(config.List, pb.ListRequest(namespace=namespace, page_token="made up"))
    check(told, INVALID, "page-token-invalid")


def test_without_a_majority_nothing_is_made_up(cluster, pb, namespace):
    leader = cluster.wait_for_leader()
    last = next(node for node in (1, 2, 3) if node != leader)
    away = [node for node in (1, 2, 3) if node != last]
    service = cluster.config(last)
    request_id = str(uuid.uuid4())
    write = commit(pb, namespace, [put(pb, "db.pool", b"99")], request_id=request_id)
    try:
        for node in away:
            cluster.kill(node)
        told = refused(service.Commit, write, timeout=3)
        assert told.code in (UNAVAILABLE, DEADLINE), told
        assert told.reason in ("no-leader", "outcome-unknown", "deadline-exceeded", None), told
        surely_not = told.reason == "no-leader"

        told = refused(service.Get, pb.GetRequest(namespace=namespace, key="db.pool"), timeout=3)
        check(told, UNAVAILABLE, "no-leader")
        assert told.retry_after_s > 0, "the node says when to try again"
        local = pb.GetRequest(namespace=namespace, key="db.pool", consistency=pb.CONSISTENCY_LOCAL)
        assert service.Get(local, timeout=3).item.value == b"8"
    finally:
        cluster.start_all()
    value = service.Get(pb.GetRequest(namespace=namespace, key="db.pool"), timeout=10).item.value
    assert value == b"8" or not surely_not, "what was refused as not done was not done"
    answer = service.Commit(write, timeout=10)
    assert answer.versions[0].version == 2, "the same id settles it: applied once"


def test_a_node_that_is_about_to_stop_sends_its_clients_elsewhere(cluster, pb, namespace):
    node = cluster.wait_for_leader()
    stream = cluster.config(node).Watch(pb.WatchRequest(targets=[pb.WatchTarget(namespace=namespace)]))
    assert next(stream).HasField("reset")
    try:
        assert cluster.terminate(node) == 0, "SIGTERM ends a node in order"
        with pytest.raises((grpc.RpcError, StopIteration)):
            while True:
                next(stream)
    finally:
        cluster.start_all()
