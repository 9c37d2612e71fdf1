"""Watches: the present state, every version once and in order, and resumption by revision at another node."""

import uuid

import grpc
import pytest

from conftest import commit, put


def watch(service, pb, *namespaces, **fields):
    targets = [pb.WatchTarget(namespace=name) for name in namespaces]
    return service.Watch(pb.WatchRequest(targets=targets, heartbeat_interval_ms=200, **fields), timeout=60)


def versions(stream, count):
    """The next versions of a stream, whatever heartbeats come between."""
    found = []
    while len(found) < count:
        event = next(stream)
        assert not event.HasField("reset"), "nothing was lost, so nothing has to be told anew"
        if event.HasField("version"):
            found.append(event.version)
    return found


def change(config, pb, namespace, number):
    edits = [put(pb, "db.pool", str(number).encode())]
    return config.Commit(commit(pb, namespace, edits, message=f"change {number}"), timeout=10)


def test_the_present_state_comes_first_and_then_what_follows(config, pb, namespace):
    stream = watch(config, pb, namespace)
    reset = next(stream).reset
    assert (reset.namespace, reset.version, reset.more) == (namespace, 1, False)
    assert [(item.key, item.value) for item in reset.items] == [("db.pool", b"8"), ("db.url", b"postgres://db-1/shop")]
    change(config, pb, namespace, 1)
    (event,) = versions(stream, 1)
    assert (event.version.version, event.version.message) == (2, "change 1")
    (changed,) = event.changes
    assert (changed.key, changed.before.value, changed.after.value) == ("db.pool", b"8", b"1")
    stream.cancel()


def test_a_watch_goes_on_at_another_node_where_it_stopped(cluster, config, pb, namespace):
    answers = [change(config, pb, namespace, number) for number in range(1, 6)]
    stream = watch(cluster.config(2), pb, namespace, start_revision=answers[0].revision)
    first = versions(stream, 3)
    stream.cancel()
    stream = watch(cluster.config(3), pb, namespace, start_revision=first[-1].version.revision + 1)
    rest = versions(stream, 2)
    change(config, pb, namespace, 6)
    rest += versions(stream, 1)
    assert [event.version.version for event in first + rest] == [2, 3, 4, 5, 6, 7]
    assert [event.version.revision for event in first + rest[:2]] == [answer.revision for answer in answers]
    stream.cancel()


def test_a_watch_outlives_the_node_that_it_was_connected_to(cluster, pb, namespace):
    node = cluster.wait_for_leader()
    other = node % 3 + 1
    first = change(cluster.config(other), pb, namespace, 1)
    stream = watch(cluster.config(node), pb, namespace, start_revision=first.revision)
    seen = versions(stream, 1)
    try:
        cluster.kill(node)
        with pytest.raises(grpc.RpcError):
            versions(stream, 1)
        cluster.wait_for_leader()
        for number in (2, 3):
            change(cluster.config(other), pb, namespace, number)
        stream = watch(cluster.config(other), pb, namespace, start_revision=seen[-1].version.revision + 1)
        seen += versions(stream, 2)
        assert [event.version.version for event in seen] == [2, 3, 4]
        stream.cancel()
    finally:
        cluster.start_all()


def test_several_namespaces_come_on_one_stream_in_order_of_revision(config, pb, namespace):
    other = f"test/{uuid.uuid4()}"
    config.CreateNamespace(pb.CreateNamespaceRequest(namespace=other), timeout=10)
    start = change(config, pb, namespace, 0).revision + 1
    stream = watch(config, pb, namespace, other, start_revision=start)
    for number in range(1, 4):
        change(config, pb, namespace, number)
        change(config, pb, other, number)
    seen = [(event.namespace, event.version.revision) for event in versions(stream, 6)]
    assert [name for name, _ in seen] == [namespace, other] * 3
    assert [revision for _, revision in seen] == sorted({revision for _, revision in seen})
    stream.cancel()


def test_a_prefix_narrows_the_changes_and_not_the_versions(config, pb, namespace):
    target = pb.WatchTarget(namespace=namespace, key_prefix="name")
    start = change(config, pb, namespace, 0).revision + 1
    stream = config.Watch(pb.WatchRequest(targets=[target], start_revision=start), timeout=60)
    change(config, pb, namespace, 1)
    config.Commit(commit(pb, namespace, [put(pb, "name", b"x"), put(pb, "db.pool", b"y")]), timeout=10)
    without, with_name = versions(stream, 2)
    assert list(without.changes) == []
    assert [it.key for it in with_name.changes] == ["name"]
    stream.cancel()


def test_heartbeats_carry_a_revision_to_resume_from(config, pb, namespace):
    newest = change(config, pb, namespace, 1).revision
    stream = watch(config, pb, namespace, start_revision=newest + 1)
    heartbeat = next(event for event in stream if event.HasField("heartbeat")).heartbeat
    assert heartbeat.revision >= newest
    stream.cancel()
