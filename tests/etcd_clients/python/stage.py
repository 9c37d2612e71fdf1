"""What the programs begin with: where the nodes are, faults that the test makes for them, and how they tell what they do."""

import os
import threading
import time
import traceback

ENDPOINTS = os.environ["CONCLAVE_TEST_ENDPOINTS"].split(",")
PATIENCE_S = 30


def fault(what):
    """Has the test do something to the nodes; tells the address of the node that it concerned."""
    print(f"> {what}", flush=True)
    return input()


def kill_the_leader():
    return fault("kill the leader")


def start_it_again():
    return fault("start it again")


def until(what, look):
    """Looks until `look` tells something that is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.02)
    return found


def side_by_side(*works):
    """Starts some functions in threads of their own; tells how to wait for them."""
    failures = []

    def attend(work):
        try:
            work()
        except BaseException as failure:
            traceback.print_exc()
            failures.append(failure)

    threads = [threading.Thread(target=attend, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()

    def wait():
        for thread in threads:
            thread.join(2 * PATIENCE_S)
            assert not thread.is_alive(), "a thread does not end"
        assert not failures, failures

    return wait


def run(steps):
    """Runs the steps in order; the first that fails ends it all."""
    for step in steps:
        print(f"{step.__name__.replace('_', ' ')} ...", flush=True)
        step()
    print("all is as it should be", flush=True)
