"""64 workers of three kinds count in one resource under one lock, while nodes are killed and paused: the Rust client,
stubs made from proto/ alone, and the command line."""

import os
import pathlib
import signal
import socket
import socketserver
import subprocess
import threading
import time
import uuid

import grpc
import pytest

from conclave_cluster import Cluster, until

WORKERS = {"rust": 22, "python": 21, "command": 21}
TARGET = 250
TTL_S = 5


class Resource:
    """A counter outside the store. It remembers the greatest token, and refuses a smaller one."""

    def __init__(self, target):
        self.target, self.lock = target, threading.Lock()
        self.count = self.written = self.refused = self.token = 0
        resource = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                for line in self.rfile:
                    self.wfile.write(f"{resource.answer(line.decode().split())}\n".encode())

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        self.address = "127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, words):
        with self.lock:
            token = int(words[1])
            if self.written >= self.target:
                return "done"
            if token < self.token:
                self.refused += 1
                return "stale"
            self.token = token
            if words[0] == "read":
                return self.count
            # What is written is what the worker made of what it read: two who hold the lock at once lose a count.
            self.count = int(words[2])
            self.written += 1
            return "ok"

    def is_done(self):
        with self.lock:
            return self.written >= self.target

    def ask(self, line):
        host, port = self.address.split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(f"{line}\n".encode())
            return connection.makefile().readline().strip()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def own_cluster(stubs, tmp_path):
    """Three nodes of this test alone: it breaks them."""
    cluster = Cluster(os.environ["CONCLAVE_BIN"], tmp_path, stubs)
    try:
        cluster.start_all()
        yield cluster
    finally:
        cluster.close()


class PythonWorker(threading.Thread):
    """Counts with the stubs alone: a session that it renews, one stream for the lock."""

    def __init__(self, stubs, addresses, resource, name, number):
        super().__init__(daemon=True)
        self.pb, self.grpc, self.addresses = stubs.lock, stubs.lock_grpc, addresses
        self.resource, self.lock_name, self.number = resource, name, number
        self.turn, self.counted, self.failure = number, 0, None

    def run(self):
        try:
            while not self.resource.is_done():
                try:
                    self.work()
                except grpc.RpcError:
                    self.turn += 1  # another node; the session that was is left to end by itself
                    time.sleep(0.1)
        except BaseException as error:  # told by the test, which sees it
            self.failure = error
            raise

    def work(self):
        address = self.addresses[self.turn % len(self.addresses)]
        with grpc.insecure_channel(address) as channel:
            sessions, locks = self.grpc.SessionServiceStub(channel), self.grpc.LockServiceStub(channel)
            opened = sessions.OpenSession(
                self.pb.OpenSessionRequest(ttl_ms=TTL_S * 1000, owner=f"python-{self.number}"), timeout=10
            )
            session_id, stop = opened.session.id, threading.Event()
            keeper = threading.Thread(target=self.keep, args=(sessions, session_id, stop), daemon=True)
            keeper.start()
            try:
                while not self.resource.is_done() and not stop.is_set():
                    self.count(locks, session_id, stop)
            finally:
                stop.set()
                keeper.join()
            sessions.CloseSession(self.pb.CloseSessionRequest(session_id=session_id), timeout=10)

    def keep(self, sessions, session_id, stop):
        alive_until = time.monotonic() + TTL_S * 0.9
        while not stop.wait(TTL_S / 4):
            sent = time.monotonic()
            try:
                sessions.RenewSession(self.pb.RenewSessionRequest(session_id=session_id), timeout=TTL_S / 4)
                alive_until = sent + TTL_S * 0.9
            except grpc.RpcError:
                pass
            if time.monotonic() > alive_until - TTL_S / 4:
                stop.set()

    def count(self, locks, session_id, stop):
        request = self.pb.AcquireRequest(
            name=self.lock_name, session_id=session_id, request_id=uuid.uuid4().hex, wait_ms=20_000
        )
        stream = locks.Acquire(request, timeout=30)
        try:
            for told in stream:
                if told.HasField("granted"):
                    break
            else:
                return
            token = told.granted.token
            read = self.resource.ask(f"read {token}")
            if read.isdigit() and not stop.is_set():
                if self.resource.ask(f"write {token} {int(read) + 1}") == "ok":
                    self.counted += 1
            locks.Release(
                self.pb.ReleaseRequest(name=self.lock_name, session_id=session_id, token=token), timeout=10
            )
        finally:
            stream.cancel()


# Reads and writes with bash alone, so that a worker of the command line is cheap.
COUNT = r"""
exec 3<>/dev/tcp/${RESOURCE%:*}/${RESOURCE#*:} || exit 70
echo "read $CONCLAVE_FENCING_TOKEN" >&3; read -r n <&3
case $n in done|stale) exit 0;; esac
echo "write $CONCLAVE_FENCING_TOKEN $((n + 1))" >&3; read -r told <&3
"""


class CommandWorker(threading.Thread):
    """Counts with `conclave lock NAME -- bash`."""

    def __init__(self, binary, addresses, resource, name, number):
        super().__init__(daemon=True)
        self.command = [binary, "lock", name, "--ttl", f"{TTL_S}s", "--", "bash", "-c", COUNT]
        self.environment = os.environ | {"CONCLAVE_ENDPOINTS": ",".join(addresses), "RESOURCE": resource.address}
        self.resource, self.counted = resource, 0

    def run(self):
        while not self.resource.is_done():
            ended = subprocess.run(
                self.command, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
            self.counted += ended.returncode == 0


def test_the_counter_is_exact_while_nodes_are_killed_and_paused(own_cluster, stubs):
    resource = Resource(TARGET)
    name = "test/counter"
    addresses = [port.address for port in own_cluster.client_ports.values()]
    example = pathlib.Path(own_cluster.binary).parent / "examples" / "counter_worker"
    rust = subprocess.Popen(
        [example, ",".join(addresses), resource.address, name, str(WORKERS["rust"])], stdin=subprocess.DEVNULL
    )
    python = [PythonWorker(stubs, addresses, resource, name, it) for it in range(WORKERS["python"])]
    command = [
        CommandWorker(own_cluster.binary, addresses, resource, name, it) for it in range(WORKERS["command"])
    ]
    try:
        for worker in python + command:
            worker.start()
        until("all kinds of workers count", lambda: all(any(it.counted for it in kind) for kind in (python, command)))
        node = 0
        while not resource.is_done():
            node = node % 3 + 1
            before = resource.written
            if node == 2:
                # Longer than every TTL: whoever trusts this node alone loses its session.
                own_cluster.processes[node].send_signal(signal.SIGSTOP)
                time.sleep(TTL_S + 1)
                own_cluster.processes[node].send_signal(signal.SIGCONT)
            else:
                own_cluster.kill(node)
                until("it goes on without the node", lambda: resource.written > before + 5 or resource.is_done())
                own_cluster.start(node)
            until("it goes on with the node", lambda: resource.written > before + 20 or resource.is_done())
        assert rust.wait(timeout=60) == 0
        for worker in python + command:
            worker.join(timeout=60)
            assert not worker.is_alive(), "every worker comes to its end"
        assert resource.count == resource.written, "two have held the lock at once"
        assert not [worker.failure for worker in python if worker.failure]
        by_python = sum(worker.counted for worker in python)
        print(
            f"{resource.written} counts, of them {by_python} by stubs; {resource.refused} stale tokens refused; "
            f"greatest token {resource.token}"
        )
    finally:
        rust.kill()
        rust.wait()
        resource.close()
