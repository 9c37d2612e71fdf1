"""Settings of namespaces, the defaults, quotas, and what retention lets go."""

import uuid

import grpc
import pytest

from conclave_cluster import until
from conftest import commit, put, refused


def update(config, pb, namespace, **fields):
    return config.UpdateNamespace(pb.UpdateNamespaceRequest(namespace=namespace, **fields), timeout=10).namespace


def known(config, pb, namespace):
    return config.GetNamespace(pb.GetNamespaceRequest(namespace=namespace), timeout=10).namespace


def test_a_namespace_tells_what_it_was_made_with_and_what_it_holds(config, pb):
    name = f"test/{uuid.uuid4()}"
    request = pb.CreateNamespaceRequest(
        namespace=name,
        description="Payments",
        owner="payments team",
        labels={"tier": "1"},
        retention=pb.Retention(versions=50),
        quota=pb.Quota(items_max=3),
    )
    created = config.CreateNamespace(request, timeout=10).namespace
    assert (created.description, created.owner, dict(created.labels)) == ("Payments", "payments team", {"tier": "1"})
    assert (created.retention.versions, created.retention.HasField("days")) == (50, False)
    config.Commit(commit(pb, name, [put(pb, "a", b"1"), put(pb, "b", b"2")]), timeout=10)
    after = known(config, pb, name)
    assert (after.usage.items, after.usage.size_bytes > 0, after.quota.items_max) == (2, True, 3)
    assert after in config.ListNamespaces(pb.ListNamespacesRequest(prefix=name), timeout=10).namespaces


def test_an_update_changes_what_it_names_and_makes_no_version(cluster, config, pb, namespace):
    first = update(config, pb, namespace, description="one", owner="ada", labels=pb.Labels(labels={"a": "1"}))
    assert (first.description, first.owner, first.version) == ("one", "ada", 1)
    second = update(config, pb, namespace, owner="", labels=pb.Labels(), quota=pb.Quota(items_max=9))
    assert (second.description, second.owner, dict(second.labels)) == ("one", "", {})
    assert update(config, pb, namespace, quota=pb.Quota()).quota == pb.Quota(), "set and empty: as the defaults say"
    for node in (1, 2, 3):
        assert known(cluster.config(node), pb, namespace).version == 1


def test_every_wrong_field_of_an_update_is_told(config, pb, namespace):
    request = pb.UpdateNamespaceRequest(
        namespace=namespace,
        description="d" * 4_097,
        owner="o" * 257,
        labels=pb.Labels(labels={"l" * 129: "\n"}),
        retention=pb.Retention(versions=0, days=36_501),
    )
    told = refused(config.UpdateNamespace, request)
    assert (told.code, told.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "invalid-argument")
    fields = {field.split("[")[0] for field in told.violations}
    assert fields == {"description", "owner", "labels", "retention.versions", "retention.days"}, told
    told = refused(config.UpdateNamespace, pb.UpdateNamespaceRequest(namespace="nowhere", owner="x"))
    assert (told.code, told.reason) == (grpc.StatusCode.NOT_FOUND, "namespace-not-found")


@pytest.mark.parametrize(
    ("quota", "edits", "name"),
    [
        ({"items_max": 2}, {"new": b""}, "items"),
        ({"size_bytes_max": 100}, {"db.url": b"x" * 200}, "size-bytes"),
    ],
)
def test_a_quota_refuses_what_would_exceed_it(config, pb, namespace, quota, edits, name):
    update(config, pb, namespace, quota=pb.Quota(**quota))
    request = commit(pb, namespace, [put(pb, key, value) for key, value in edits.items()])
    told = refused(config.Commit, request)
    assert (told.code, told.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "quota-exceeded")
    assert (told.metadata["namespace"], told.metadata["quota"]) == (namespace, name)
    assert int(told.metadata["used"]) > int(told.metadata["allowed"]) == next(iter(quota.values()))
    assert told.retry_after_s is None, "waiting does not help"
    assert known(config, pb, namespace).version == 1


def test_a_quota_of_versions_says_when_to_come_back(config, pb, namespace):
    update(config, pb, namespace, quota=pb.Quota(versions_per_minute_max=1))

    def commits_until_refused():
        # The clock may begin a new minute in between, but not each time.
        for number in range(20):
            try:
                config.Commit(commit(pb, namespace, [put(pb, "db.pool", str(number).encode())]), timeout=10)
            except grpc.RpcError:
                return refused(config.Commit, commit(pb, namespace, [put(pb, "db.pool", b"again")]))
        return None

    told = commits_until_refused()
    assert told and (told.code, told.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "quota-exceeded"), told
    assert told.metadata["quota"] == "versions-per-minute"
    assert 0 < told.retry_after_s <= 60
    config.Rollback(pb.RollbackRequest(namespace=namespace, to_version=1), timeout=10)


def test_defaults_hold_for_namespaces_that_say_nothing(config, pb, namespace):
    before = config.GetDefaults(pb.GetDefaultsRequest(), timeout=10)
    assert (before.defaults.retention.versions, before.defaults.retention.days) == (1_000, 90)
    assert before.namespaces >= 1

    def set_defaults(**fields):
        request = pb.UpdateDefaultsRequest(defaults=pb.Defaults(**fields))
        return config.UpdateDefaults(request, timeout=10).defaults

    try:
        after = set_defaults(quota=pb.Quota(items_max=2))
        assert (after.quota.items_max, after.retention.versions) == (2, 1_000), "what is unset stays"
        told = refused(config.Commit, commit(pb, namespace, [put(pb, "third", b"")]))
        assert (told.reason, told.metadata["allowed"]) == ("quota-exceeded", "2")
        set_defaults(namespaces_max=before.namespaces)
        told = refused(config.CreateNamespace, pb.CreateNamespaceRequest(namespace="one/too-many"))
        assert (told.reason, told.metadata["quota"]) == ("quota-exceeded", "namespaces")
    finally:
        set_defaults(quota=pb.Quota(items_max=0), namespaces_max=0)
    told = refused(config.UpdateDefaults, pb.UpdateDefaultsRequest(defaults={"retention": {"versions": 0}}))
    assert list(told.violations) == ["defaults.retention.versions"]


def test_what_need_not_be_kept_is_dropped_and_what_is_tagged_stays(config, pb, namespace):
    config.SetTag(pb.SetTagRequest(namespace=namespace, tag="first", version=1), timeout=10)
    for number in range(2, 12):
        config.Commit(commit(pb, namespace, [put(pb, "db.pool", str(number).encode())]), timeout=10)
    update(config, pb, namespace, retention=pb.Retention(versions=3, days=0))

    def oldest():
        found = known(config, pb, namespace).oldest_version
        return found if found >= 5 else None

    oldest = until("old versions are dropped", oldest)
    gone = pb.GetRequest(namespace=namespace, key="db.pool", at=pb.At(version=4))
    told = refused(config.Get, gone)
    assert (told.code, told.reason) == (grpc.StatusCode.OUT_OF_RANGE, "version-dropped")
    assert told.metadata == {"namespace": namespace, "version": "4", "oldest": str(oldest)}
    tagged = config.Get(pb.GetRequest(namespace=namespace, key="db.pool", at=pb.At(tag="first")), timeout=10)
    assert (tagged.version, tagged.item.value) == (1, b"8")
    assert config.Get(pb.GetRequest(namespace=namespace, key="db.pool"), timeout=10).item.value == b"11"
