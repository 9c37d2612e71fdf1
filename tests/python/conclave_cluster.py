"""A cluster of three `conclave serve` processes on loopback, with its data in a temporary folder."""

import os
import pathlib
import signal
import socket
import subprocess
import time

import grpc

PATIENCE_S = 30


class Port:
    """A port that no other test takes, claimed as crates/testkit/src/ports.rs does it."""

    _first = os.getpid() * 37 % 12_000

    def __init__(self):
        for step in range(12_000):
            number = 20_000 + (Port._first + step) % 12_000
            claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                claim.bind(f"\0conclave-test-port-{number}")
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", number))
            except OSError:
                claim.close()
                continue
            self.number, self._claim = number, claim
            return
        raise RuntimeError("no port is free")

    @property
    def address(self):
        return f"127.0.0.1:{self.number}"


def until(what, look):
    """Looks until `look` gives something, and gives it."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited for {PATIENCE_S} s in vain: {what}"
        time.sleep(0.02)


class Cluster:
    """Three nodes; `stubs` are the modules made from proto/."""

    def __init__(self, binary, folder, stubs):
        self.binary, self.folder, self.stubs = binary, pathlib.Path(folder), stubs
        self.client_ports = {node: Port() for node in (1, 2, 3)}
        self.peer_ports = {node: Port() for node in (1, 2, 3)}
        self.processes, self.channels = {}, {}

    def start(self, node):
        members = ",".join(
            f"{other}={port.address}/http://{self.client_ports[other].address}"
            for other, port in self.peer_ports.items()
        )
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CONCLAVE_")}
        with open(self.folder / f"node{node}.log", "ab") as log:
            self.processes[node] = subprocess.Popen(
                [
                    self.binary, "serve", "--node-id", str(node), "--cluster-name", "python",
                    "--data-dir", str(self.folder / f"node{node}"),
                    "--client-listen", self.client_ports[node].address,
                    "--peer-listen", self.peer_ports[node].address,
                    "--initial-cluster", members,
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
            )  # fmt: skip

    def kill(self, node):
        process = self.processes.pop(node)
        process.kill()
        process.wait()

    def terminate(self, node):
        """Asks a node to stop; gives its exit code."""
        process = self.processes.pop(node)
        process.send_signal(signal.SIGTERM)
        return process.wait(timeout=PATIENCE_S)

    def channel(self, node):
        if node not in self.channels:
            # A node that was away is asked again at once.
            options = [("grpc.max_reconnect_backoff_ms", 200), ("grpc.initial_reconnect_backoff_ms", 50)]
            self.channels[node] = grpc.insecure_channel(self.client_ports[node].address, options)
        return self.channels[node]

    def config(self, node=1):
        """The configuration service of a node."""
        return self.stubs.config_grpc.ConfigServiceStub(self.channel(node))

    def status(self, node):
        service = self.stubs.cluster_grpc.ClusterServiceStub(self.channel(node))
        try:
            return service.GetStatus(self.stubs.cluster.GetStatusRequest(), timeout=3)
        except grpc.RpcError:
            return None

    def wait_for_leader(self):
        """Waits until all nodes that run serve and know one leader; gives it."""

        def look():
            statuses = {node: self.status(node) for node in self.processes}
            if not all(statuses.values()):
                return None
            for node, status in statuses.items():
                # A node that has just started does not know the members yet.
                own = next((member for member in status.members if member.id == node), None)
                if own is None or own.health != self.stubs.cluster.HEALTH_OK:
                    return None
            leaders = {status.leader_id for status in statuses.values()}
            return leaders.pop() if len(leaders) == 1 and leaders <= set(self.processes) else None

        return until("all nodes serve and know one leader", look)

    def start_all(self):
        """Starts the nodes that do not run; gives the leader."""
        for node in self.client_ports:
            if node not in self.processes:
                self.start(node)
        return self.wait_for_leader()

    def log_tails(self):
        for path in sorted(self.folder.glob("*.log")):
            yield f"--- {path.name}, its end:\n" + "\n".join(path.read_text(errors="replace").splitlines()[-30:])

    def close(self):
        for channel in self.channels.values():
            channel.close()
        for node in list(self.processes):
            self.kill(node)
