"""The example of a pool of workers, as it stands: each job is done once while a node and a pool are killed."""

import os
import pathlib
import sqlite3
import subprocess
import sys
import threading

import pytest

from conclave_cluster import until
from conftest import ROOT

EXAMPLE = ROOT / "examples" / "python" / "worker_pool.py"
JOBS, POOLS, WORKERS = 60, 3, 4


@pytest.fixture
def stubs_folder(stubs):
    """Where the modules made from proto/ are, for a program of its own."""
    return pathlib.Path(sys.modules["conclave.lock.v1.locks_pb2"].__file__).parents[3]


@pytest.fixture
def worker_pool(stubs, monkeypatch):
    """The example as a module."""
    monkeypatch.syspath_prepend(str(EXAMPLE.parent))
    import worker_pool

    return worker_pool


def start(cluster, stubs_folder, database, log):
    addresses = ",".join(port.address for port in cluster.client_ports.values())
    command = [sys.executable, str(EXAMPLE), addresses, str(database), "--workers", str(WORKERS), "--jobs", str(JOBS)]
    environment = os.environ | {"PYTHONPATH": str(stubs_folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)


def ask(database, query):
    connection = sqlite3.connect(database, timeout=60)
    try:
        return connection.execute(query).fetchall()
    except sqlite3.OperationalError:  # no pool has made it yet
        return []
    finally:
        connection.close()


def effects(database):
    return len(ask(database, "SELECT job FROM effects"))


def test_each_job_is_done_once_while_a_node_and_a_pool_are_killed(cluster, stubs_folder, tmp_path):
    cluster.wait_for_leader()
    database = tmp_path / "jobs.sqlite"
    with open(tmp_path / "pools.log", "wb") as log:
        pools = [start(cluster, stubs_folder, database, log) for _ in range(POOLS)]
        try:
            until("the pools are at work", lambda: effects(database) >= 5)
            leader = cluster.wait_for_leader()
            cluster.kill(leader)
            # A pool dies with jobs in its hands: they are others' once its sessions have ended.
            pools[0].kill()
            pools[0].wait()
            before = effects(database)
            until("it goes on without them", lambda: effects(database) >= min(before + 10, JOBS))
            cluster.start(leader)
            codes = [pool.wait(timeout=120) for pool in pools[1:]]
        finally:
            for pool in pools:
                pool.kill()
                pool.wait()
            cluster.start_all()
    told = (tmp_path / "pools.log").read_text()
    assert codes == [0] * (POOLS - 1), told
    assert f"{JOBS} jobs, {JOBS} done, {JOBS} effects" in told, told
    done = ask(database, "SELECT job, count(*) FROM effects GROUP BY job ORDER BY job")
    assert done == [(job, 1) for job in range(JOBS)], told
    workers = ask(database, "SELECT count(DISTINCT worker) FROM effects")
    assert workers[0][0] > WORKERS, "more than one pool has done them"


def test_the_queue_refuses_a_smaller_token_than_it_has_seen(worker_pool, tmp_path):
    queue = worker_pool.Queue(tmp_path / "jobs.sqlite")
    queue.fill(1)
    assert queue.begin(0, 7)
    assert queue.begin(0, 9), "whoever had it before has not finished"
    with pytest.raises(worker_pool.Lost):
        queue.finish(0, "late", 7)
    queue.finish(0, "next", 9)
    assert not queue.begin(0, 10), "it is done"
    assert queue.tally() == (1, 1, 1)
    assert ask(queue.path, "SELECT worker, token FROM refused") == [("late", 7)]


def test_a_worker_whose_lock_is_taken_stops_and_the_next_one_goes_on(cluster, stubs, worker_pool):
    cluster.wait_for_leader()
    pb = stubs.lock
    service = stubs.lock_grpc.LockServiceStub(cluster.channel(1))
    addresses = [port.address for port in cluster.client_ports.values()]
    first, second = (worker_pool.Session(addresses, owner) for owner in ("first", "second"))
    try:
        held = worker_pool.Lock(first, "test/taken")
        token = held.wait()
        held.require_held()
        waits = worker_pool.Lock(second, "test/taken")
        service.ForceRelease(pb.ForceReleaseRequest(name="test/taken", token=token, reason="a test"), timeout=10)
        until("its worker is told", lambda: held.over)
        assert held.over == "LOST_REASON_FORCED"
        with pytest.raises(worker_pool.Lost):
            held.require_held()
        assert waits.wait() > token
        assert worker_pool.Lock(first, "test/taken", wait_ms=0).wait() is None, "it is held"
        waits.release()
    finally:
        first.close()
        second.close()
    told = service.ListLocks(pb.ListLocksRequest(prefix="test/taken"), timeout=10)
    assert not told.locks, "with the sessions everything is released"


def test_another_ticket_under_the_same_request_is_a_loss(stubs, worker_pool):
    pb = stubs.lock
    lock = worker_pool.Lock.__new__(worker_pool.Lock)
    lock.token = lock.ticket = lock.over = None
    lock.changed = threading.Condition()
    held = pb.AcquireResponse(granted=pb.Grant(token=7, ticket=3))
    for told in (pb.AcquireResponse(waiting=pb.Waiting(ticket=3)), held, held, pb.AcquireResponse()):
        lock._hear(told)
    assert (lock.wait(), lock.over) == (7, None), "a stream that goes on at another node finds the same"
    lock._hear(pb.AcquireResponse(granted=pb.Grant(token=12, ticket=9)))
    assert (lock.token, lock.ticket, lock.over) == (7, 9, "lost-meanwhile"), "what is to be released is the new one"


def test_a_session_that_no_node_renews_is_lost_before_its_ttl_is_over(cluster, worker_pool, monkeypatch):
    cluster.wait_for_leader()
    monkeypatch.setattr(worker_pool, "TTL_S", 2.0)
    monkeypatch.setattr(worker_pool, "MARGIN_S", 0.5)
    session = worker_pool.Session([port.address for port in cluster.client_ports.values()], "cut off")
    opened_s = worker_pool.now_s()
    # The worker alone is cut off: its calls fail from here on.
    monkeypatch.setattr(worker_pool, "ATTEMPT_S", 0.0)
    until("it counts as lost", lambda: not session.is_alive())
    assert worker_pool.now_s() < opened_s + 2.0 + 0.7, "one renewal may have been under way"
    session.keeper.join(timeout=10)
    assert not session.keeper.is_alive(), "the thread ends with it"
    monkeypatch.setattr(worker_pool, "ATTEMPT_S", 1.0)
    session.close()
