"""A pool of workers over a shared queue of jobs: each job is done exactly once, whatever dies meanwhile.

It uses nothing of Conclave but the stubs made from proto/, and shows what a worker in any language has to do:

* a session, which a thread renews, at whichever node answers;
* a deadline by the worker's own clock, after which it does no more under its locks;
* a lock for each job, by a stream that goes on at another node under the same request id;
* the token, handed to what the lock protects, which refuses a smaller one. Here that is a database: the queue itself.

    pip install grpcio grpcio-tools
    mkdir stubs
    python -m grpc_tools.protoc -I proto --python_out=stubs --grpc_python_out=stubs proto/conclave/lock/v1/*.proto
    PYTHONPATH=stubs python examples/python/worker_pool.py 127.0.0.1:4101,127.0.0.1:4102,127.0.0.1:4103 jobs.sqlite

Start it several times over the same database, kill some, kill a node: the count at the end is exact.
"""

import argparse
import contextlib
import os
import random
import socket
import sqlite3
import threading
import time
import uuid

import grpc
from conclave.lock.v1 import locks_pb2, locks_pb2_grpc, sessions_pb2, sessions_pb2_grpc

TTL_S = 10.0
# Clocks run at different speeds: the session counts as lost so much before the cluster may end it.
MARGIN_S = TTL_S / 10
ATTEMPT_S = TTL_S / 6
# A node that is silent is found out by pings, so that a stream does not hang at it.
CHANNEL = [
    ("grpc.keepalive_time_ms", 2_000),
    ("grpc.keepalive_timeout_ms", 1_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 500),
]
# The node, or the way to it, is at fault. Another one may do it; the request ids make that safe.
ELSEWHERE = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
}


def now_s():
    """Time that goes on while this process is stopped and while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Lost(Exception):
    """The session or the lock is lost: what was done under it must not go on."""


class Nodes:
    """The nodes of a cluster. Each caller begins at one of its own and stays there as long as it answers."""

    def __init__(self, addresses):
        self.channels = [grpc.insecure_channel(address, CHANNEL) for address in addresses]
        self.at = random.randrange(len(self.channels))

    def sessions(self):
        return sessions_pb2_grpc.SessionServiceStub(self.channels[self.at])

    def locks(self):
        return locks_pb2_grpc.LockServiceStub(self.channels[self.at])

    def move_on(self):
        self.at = (self.at + 1) % len(self.channels)

    def ask(self, call, until_s):
        """Makes a short call at one node after the other, until one answers or the time is over."""
        while True:
            try:
                return call(min(ATTEMPT_S, max(until_s - now_s(), 0.05)))
            except grpc.RpcError as error:
                if error.code() not in ELSEWHERE or now_s() + 0.1 >= until_s:
                    raise
            self.move_on()
            time.sleep(0.05)

    def close(self):
        for channel in self.channels:
            channel.close()


class Session:
    """A session that a thread renews. `is_alive` is false before the cluster can have ended it."""

    def __init__(self, addresses, owner):
        self.addresses, self.owner = addresses, owner
        self.nodes = Nodes(addresses)
        request = sessions_pb2.OpenSessionRequest(
            ttl_ms=int(TTL_S * 1000), owner=owner, request_id=uuid.uuid4().hex
        )

        def attempt(timeout):
            # It lives from when the attempt that was answered was sent: count from before.
            self.alive_until_s = now_s() + TTL_S - MARGIN_S
            return self.nodes.sessions().OpenSession(request, timeout=timeout)

        self.id = self.nodes.ask(attempt, now_s() + 60).session.id
        self.ended = threading.Event()
        self.streams = set()
        self.keeper = threading.Thread(target=self._keep, daemon=True)
        self.keeper.start()

    def is_alive(self):
        return not self.ended.is_set() and now_s() < self.alive_until_s

    def _keep(self):
        renew_at_s = now_s()
        request = sessions_pb2.RenewSessionRequest(session_id=self.id)
        while self.is_alive():
            if now_s() < renew_at_s:
                self.ended.wait(min(renew_at_s - now_s(), 0.25))
                continue
            sent_s = now_s()
            try:
                timeout = min(ATTEMPT_S, self.alive_until_s - sent_s)
                self.nodes.sessions().RenewSession(request, timeout=timeout)
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.NOT_FOUND:
                    break
                self.nodes.move_on()
                self.ended.wait(0.05)
                continue
            # What came too late is no renewal: somebody may have stopped working already.
            if self.is_alive():
                self.alive_until_s = sent_s + TTL_S - MARGIN_S
                renew_at_s = sent_s + TTL_S / 3
        self.ended.set()
        # Nobody is to wait at a node for what cannot come any more.
        for stream in list(self.streams):
            stream.cancel()

    def close(self):
        """Ends it: whatever it still holds is the next one's."""
        self.ended.set()
        self.keeper.join()
        request = sessions_pb2.CloseSessionRequest(session_id=self.id)
        # If no node hears it, the session ends by itself.
        with contextlib.suppress(grpc.RpcError):
            self.nodes.ask(lambda timeout: self.nodes.sessions().CloseSession(request, timeout=timeout), now_s() + 5)
        self.nodes.close()


class Lock:
    """A lock that is asked for, waited for, held, and lost, by one thread that attends to its stream.

    If the stream breaks, the same request at another node finds the same ticket: its place in the queue, or its grant.
    """

    def __init__(self, session, name, wait_ms=None):
        self.session, self.name, self.token, self.ticket = session, name, None, None
        self.nodes = Nodes(session.addresses)
        self.request = locks_pb2.AcquireRequest(
            name=name, session_id=session.id, owner=session.owner, request_id=uuid.uuid4().hex, wait_ms=wait_ms
        )
        self.changed = threading.Condition()
        # None while it waits or is held; else why it is over.
        self.over = None
        self.stream = None
        self.thread = threading.Thread(target=self._attend, daemon=True)
        self.thread.start()

    def wait(self):
        """Waits for the grant; gives the token. None: it was not to be had in the time given."""
        with self.changed:
            self.changed.wait_for(lambda: self.token or self.over)
        if self.token:
            return self.token
        if self.over == "not-had":
            return None
        raise Lost(f"{self.name}: {self.over}")

    def require_held(self):
        if self.over or not self.session.is_alive():
            raise Lost(f"{self.name}: {self.over or 'session-lost'}")

    def _attend(self):
        while not self.over:
            self.stream = self.nodes.locks().Acquire(self.request)
            self.session.streams.add(self.stream)
            try:
                if not self.session.is_alive():
                    return self._tell(over="session-lost")
                for told in self.stream:
                    self._hear(told)
                    if self.over:
                        break
            except grpc.RpcError as error:
                self._fail(error.code())
            finally:
                self.session.streams.discard(self.stream)
                self.stream.cancel()

    def _hear(self, told):
        event = told.WhichOneof("event")
        if event == "lost":
            self._tell(over=locks_pb2.LostReason.Name(told.lost.reason))
        elif event:
            held, self.ticket = self.ticket, getattr(told, event).ticket
            if self.token and self.ticket != held:
                # What was held was lost while the stream was, and this is another ticket: no lock to go on with.
                self._tell(over="lost-meanwhile")
            elif event == "granted":
                self._tell(token=told.granted.token)

    def _fail(self, code):
        if not self.session.is_alive():
            self._tell(over="session-lost")
        elif code == grpc.StatusCode.FAILED_PRECONDITION and not self.token:
            self._tell(over="not-had")
        elif code in ELSEWHERE:
            self.nodes.move_on()
            time.sleep(0.05)
        else:
            self._tell(over=code.name)

    def _tell(self, token=None, over=None):
        with self.changed:
            self.token, self.over = token or self.token, over or self.over
            self.changed.notify_all()

    def release(self):
        if self.ticket and self.session.is_alive():
            request = locks_pb2.ReleaseRequest(name=self.name, session_id=self.session.id, ticket=self.ticket)
            # What is not held any more needs no release, and what cannot be released ends with the session.
            with contextlib.suppress(grpc.RpcError):
                nodes, until_s = self.session.nodes, self.session.alive_until_s
                nodes.ask(lambda timeout: nodes.locks().Release(request, timeout=timeout), until_s)
        self._tell(over="released")
        self.stream.cancel()
        self.thread.join()
        self.nodes.close()


class Queue:
    """The jobs, in a database. Each has the greatest token that has worked on it: its fence."""

    def __init__(self, path):
        self.path = path
        with self.connect() as database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS jobs "
                "(id INTEGER PRIMARY KEY, fence INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0)"
            )
            database.execute("CREATE TABLE IF NOT EXISTS effects (job INTEGER, worker TEXT, token INTEGER)")
            database.execute("CREATE TABLE IF NOT EXISTS refused (job INTEGER, worker TEXT, token INTEGER)")

    @contextlib.contextmanager
    def connect(self):
        with contextlib.closing(sqlite3.connect(self.path, timeout=60, isolation_level=None)) as database:
            yield database

    def fill(self, count):
        with self.connect() as database:
            database.executemany("INSERT OR IGNORE INTO jobs (id) VALUES (?)", ((job,) for job in range(count)))

    def open_jobs(self):
        with self.connect() as database:
            return [job for (job,) in database.execute("SELECT id FROM jobs WHERE done = 0")]

    def begin(self, job, token):
        """Raises the fence, then reads: whoever had the lock before cannot change anything from here on. Tells
        whether the job is still to be done."""
        with self.connect() as database:
            self._raise_fence(database, job, token)
            return database.execute("SELECT done FROM jobs WHERE id = ?", (job,)).fetchone() == (0,)

    def finish(self, job, worker, token):
        """Marks the job as done and keeps what came of it, in one transaction that begins with the fence."""
        with self.connect() as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                self._raise_fence(database, job, token)
                database.execute("UPDATE jobs SET done = 1 WHERE id = ?", (job,))
                database.execute("INSERT INTO effects VALUES (?, ?, ?)", (job, worker, token))
                database.execute("COMMIT")
            except Lost:
                database.execute("ROLLBACK")
                database.execute("INSERT INTO refused VALUES (?, ?, ?)", (job, worker, token))
                raise

    def _raise_fence(self, database, job, token):
        raised = database.execute("UPDATE jobs SET fence = ? WHERE id = ? AND fence <= ?", (token, job, token))
        if raised.rowcount != 1:
            raise Lost(f"jobs/{job}: token {token} is refused, a greater one was here")

    def tally(self):
        """How many jobs there are, how many are done, and how many effects they had."""
        with self.connect() as database:
            jobs, done = database.execute("SELECT count(*), sum(done) FROM jobs").fetchone()
            (effects,) = database.execute("SELECT count(*) FROM effects").fetchone()
            return jobs, done or 0, effects


def do(held, step_s):
    """The work itself, in steps: before each it looks whether it may go on."""
    for _ in range(5):
        held.require_held()
        time.sleep(step_s)
    held.require_held()


def work_on(session, queue, job, wait_ms, step_s):
    """Does one job under its lock. A job that somebody else has, or has done, is left alone."""
    lock = Lock(session, f"example/jobs/{job}", wait_ms)
    try:
        token = lock.wait()
        if token and queue.begin(job, token):
            do(lock, step_s)
            queue.finish(job, session.owner, token)
    except Lost as lost:
        # The job is another worker's by now, or will be this one's again.
        print(f"{session.owner}: {lost}", flush=True)
    finally:
        lock.release()


def work(addresses, queue, owner, step_s):
    """One worker: goes over the open jobs until there are none. A session that was lost is followed by another."""
    session = Session(addresses, owner)
    try:
        while jobs := queue.open_jobs():
            if not session.is_alive():
                session.close()
                session = Session(addresses, owner)
            random.shuffle(jobs)
            for job in jobs:
                # Somebody else has it: the next one.
                work_on(session, queue, job, 0, step_s)
            if jobs := queue.open_jobs():
                # All are taken: wait in the queue for one of them, should whoever has it die.
                work_on(session, queue, random.choice(jobs), 2_000, step_s)
    finally:
        session.close()


def main():
    arguments = argparse.ArgumentParser(description="A pool of workers over a shared queue of jobs.")
    arguments.add_argument("nodes", help="addresses, joined by commas")
    arguments.add_argument("database", help="a file; several pools may share it")
    arguments.add_argument("--workers", type=int, default=4)
    arguments.add_argument("--jobs", type=int, default=100)
    arguments.add_argument("--step", type=float, default=0.01, help="seconds of each of the five steps of a job")
    arguments = arguments.parse_args()
    queue = Queue(arguments.database)
    queue.fill(arguments.jobs)
    name = f"{socket.gethostname()}-{os.getpid()}"
    threads = [
        threading.Thread(target=work, args=(arguments.nodes.split(","), queue, f"{name}-{number}", arguments.step))
        for number in range(arguments.workers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    jobs, done, effects = queue.tally()
    print(f"{jobs} jobs, {done} done, {effects} effects", flush=True)


if __name__ == "__main__":
    main()
