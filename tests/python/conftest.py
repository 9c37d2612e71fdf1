"""A client of Conclave made from proto/ alone: its modules are generated into a temporary folder."""

import importlib
import os
import pathlib
import sys
import types
import uuid

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from grpc_tools import protoc

from conclave_cluster import Cluster

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROTOS = ROOT / "proto"
PACKAGES = ("config", "lock", "cluster")


@pytest.fixture(scope="session")
def stubs(tmp_path_factory):
    """The generated modules: messages as `config`, `lock` and `cluster`, services as `config_grpc` and so on."""
    out = tmp_path_factory.mktemp("stubs")
    files = [
        str(path.relative_to(PROTOS))
        for name in PACKAGES
        for path in sorted((PROTOS / "conclave" / name / "v1").glob("*.proto"))
    ]
    arguments = [f"-I{PROTOS}", f"--python_out={out}", f"--grpc_python_out={out}"]
    assert protoc.main(["protoc", *arguments, *files]) == 0, "protoc takes the definitions as they are"
    sys.path.insert(0, str(out))
    found = types.SimpleNamespace()
    for name in PACKAGES:
        folder, package = out / "conclave" / name / "v1", f"conclave.{name}.v1"
        setattr(found, name, members(folder, package, f"{name}_pb2", "*_pb2.py"))
        setattr(found, f"{name}_grpc", members(folder, package, f"{name}_pb2_grpc", "*_pb2_grpc.py"))
    return found


def members(folder, package, last, pattern):
    """All that is in a package, whichever of its files it is in; what is in several, as `DESCRIPTOR`, of the last."""
    found = {}
    for path in sorted(folder.glob(pattern), key=lambda path: path.stem == last):
        module = importlib.import_module(f"{package}.{path.stem}")
        found |= {key: value for key, value in vars(module).items() if not key.startswith("_")}
    return types.SimpleNamespace(**found)


@pytest.fixture(scope="session")
def cluster(stubs, tmp_path_factory):
    """Three nodes, for all tests. A test that takes one away brings it back."""
    binary = os.environ.get("CONCLAVE_BIN")
    assert binary, "CONCLAVE_BIN names the program: run deploy/scripts/python.sh"
    cluster = Cluster(binary, tmp_path_factory.mktemp("cluster"), stubs)
    try:
        cluster.start_all()
        yield cluster
    finally:
        cluster.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows the ends of the nodes' logs with a test that failed."""
    report = (yield).get_result()
    cluster = item.funcargs.get("cluster") if hasattr(item, "funcargs") else None
    if report.failed and cluster is not None:
        report.sections.append(("nodes", "\n".join(cluster.log_tails())))


@pytest.fixture
def pb(stubs):
    """The messages of the configuration service."""
    return stubs.config


@pytest.fixture
def config(cluster):
    """The configuration service of node 1."""
    return cluster.config(1)


@pytest.fixture
def namespace(config, pb):
    """A namespace of the test's own, with `db.url` and `db.pool` at version 1."""
    name = f"test/{uuid.uuid4()}"
    edits = [put(pb, "db.url", b"postgres://db-1/shop"), put(pb, "db.pool", b"8")]
    config.Commit(commit(pb, name, edits, create=True, message="first"), timeout=10)
    return name


def put(pb, key, value, **fields):
    return pb.Edit(key=key, put=pb.PutItem(value=value, **fields))


def delete(pb, key):
    return pb.Edit(key=key, delete=pb.DeleteItem())


def commit(pb, namespace, edits, create=False, request_id="", message="", **fields):
    """A commit of one namespace."""
    part = pb.NamespaceEdits(namespace=namespace, edits=edits, create_if_missing=create, **fields)
    authorship = pb.Authorship(request_id=request_id, author="python", message=message)
    return pb.CommitRequest(namespaces=[part], authorship=authorship)


class Refused:
    """What a refused call told: status, `ErrorInfo`, field violations, `RetryInfo`."""

    def __init__(self, error):
        self.code, self.message = error.code(), error.details()
        self.reason, self.domain, self.metadata = None, None, {}
        self.violations, self.retry_after_s = {}, None
        status = rpc_status.from_call(error)
        for detail in status.details if status else []:
            info, bad, retry = (
                error_details_pb2.ErrorInfo(),
                error_details_pb2.BadRequest(),
                error_details_pb2.RetryInfo(),
            )
            if detail.Unpack(info):
                self.reason, self.domain, self.metadata = info.reason, info.domain, dict(info.metadata)
            elif detail.Unpack(bad):
                self.violations = {it.field: it.description for it in bad.field_violations}
            elif detail.Unpack(retry):
                self.retry_after_s = retry.retry_delay.ToTimedelta().total_seconds()

    def __repr__(self):
        return f"Refused({vars(self)})"


def refused(call, request, timeout=10):
    """Makes a call that must be refused."""
    with pytest.raises(grpc.RpcError) as raised:
        answer = call(request, timeout=timeout)
        if hasattr(answer, "__next__"):
            next(answer)
    return Refused(raised.value)
