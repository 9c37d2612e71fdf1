"""What is not Conclave's own: health checks and server reflection, by their usual clients."""

from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from conclave_cluster import until

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
CONFIG, CLUSTER = "conclave.config.v1.ConfigService", "conclave.cluster.v1.ClusterService"
LOCKS = tuple(f"conclave.lock.v1.{name}Service" for name in ("Session", "Lock", "Election"))


def health(cluster, node, service):
    stub = health_pb2_grpc.HealthStub(cluster.channel(node))
    return stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5).status


def test_a_node_is_healthy_while_it_knows_a_leader(cluster):
    leader = cluster.wait_for_leader()
    for node in (1, 2, 3):
        for service in ("", CONFIG, CLUSTER, *LOCKS):
            assert health(cluster, node, service) == SERVING
    last = next(node for node in (1, 2, 3) if node != leader)
    try:
        for node in (1, 2, 3):
            if node != last:
                cluster.kill(node)
        until("the last node notices", lambda: health(cluster, last, CONFIG) == NOT_SERVING)
        assert health(cluster, last, "") == NOT_SERVING
        assert health(cluster, last, CLUSTER) == SERVING, "it still tells the state of the cluster"
    finally:
        cluster.start_all()
    assert health(cluster, last, CONFIG) == SERVING


def test_reflection_tells_the_definitions(cluster, pb):
    database = ProtoReflectionDescriptorDatabase(cluster.channel(2))
    assert {CONFIG, CLUSTER, *LOCKS, "grpc.health.v1.Health"} <= set(database.get_services())
    assert not any("raft" in name for name in database.get_services()), "peers speak on another port"
    pool = DescriptorPool(database)
    service = pool.FindServiceByName(CONFIG)
    assert [method.name for method in service.methods] == [
        method.name for method in pb.DESCRIPTOR.services_by_name["ConfigService"].methods
    ]
    assert pool.FindMessageTypeByName("conclave.config.v1.CommitRequest").fields_by_name["dry_run"].number == 3
