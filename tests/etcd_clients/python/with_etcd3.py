"""The Python client etcd3, over gRPC: keys, transactions, leases, watches, locks, members, maintenance, users."""

import io
import queue

import etcd3
from etcd3 import etcdrpc, exceptions

import stage

WORKERS = 4
ROUNDS = 15


def client_of(number, **options):
    """A client of one node: it knows no more than one."""
    host, port = stage.ENDPOINTS[number % len(stage.ENDPOINTS)].rsplit(":", 1)
    return etcd3.client(host=host, port=int(port), timeout=10, **options)


etcd = client_of(0)


def keys():
    assert etcd.get("none") == (None, None)
    etcd.put("k/1", "one")
    etcd.put("k/2", b"\x00\xff")
    value, told = etcd.get("k/1")
    assert (value, told.key, told.version) == (b"one", b"k/1", 1)
    assert [value for value, _ in etcd.get_prefix("k/", sort_order="descend")] == [b"\x00\xff", b"one"]
    assert [told.key for _, told in etcd.get_range("k/1", "k/2")] == [b"k/1"]
    assert etcd.put("k/1", "two", prev_kv=True).prev_kv.value == b"one"
    assert etcd.replace("k/1", "two", "three") and not etcd.replace("k/1", "two", "four")
    assert etcd.put_if_not_exists("k/3", "new") and not etcd.put_if_not_exists("k/3", "newer")
    assert etcd.delete("k/3") and not etcd.delete("k/3")
    assert etcd.delete_prefix("k/").deleted == 2
    assert list(etcd.get_all()) == []


def transactions():
    t = etcd.transactions
    etcd.put("t/1", "1")
    done, told = etcd.transaction(
        compare=[t.value("t/1") == "1", t.version("t/1") > 0, t.create("t/2") == 0, t.mod("t/1") != 0],
        success=[t.put("t/2", "2"), t.get("t/1"), t.txn([], [t.put("t/3", "3")], [])],
        failure=[],
    )
    assert done and told[1][0][0] == b"1", told
    done, told = etcd.transaction(
        compare=[t.value("t/1") == "other"], success=[], failure=[t.delete("t/1"), t.get("t/3")]
    )
    assert not done and told[1][0][0] == b"3", told
    assert etcd.get("t/1")[0] is None


def leases():
    lease = etcd.lease(100)
    etcd.put("leased", "1", lease=lease)
    assert lease.granted_ttl == 100 and 0 < lease.remaining_ttl <= 100 and lease.keys == [b"leased"]
    assert lease.refresh()[0].TTL == 100
    lease.revoke()
    assert etcd.get("leased")[0] is None
    etcd.put("short", "1", lease=etcd.lease(2, lease_id=777))
    stage.until("a lease that nobody keeps ends", lambda: etcd.get("short")[0] is None)


def watches():
    begin = etcd.put("w/1", "old").header.revision
    etcd.put("w/1", "new")
    events, cancel = etcd.watch_prefix("w/", start_revision=begin, prev_kv=True)
    etcd.delete("w/1")
    seen = [next(events) for _ in range(3)]
    assert [type(event).__name__ for event in seen] == ["PutEvent", "PutEvent", "DeleteEvent"]
    assert (seen[1].value, seen[1].prev_value, seen[2].prev_value) == (b"new", b"old", b"new")
    cancel()
    told = queue.Queue()
    watch = etcd.add_watch_callback("w/2", told.put)
    etcd.put("w/2", "called")
    assert told.get(timeout=stage.PATIENCE_S).events[0].value == b"called"
    etcd.cancel_watch(watch)
    put_later = stage.side_by_side(lambda: etcd.put("w/3", "once"))
    assert etcd.watch_once("w/3", timeout=stage.PATIENCE_S, start_revision=begin).value == b"once"
    put_later()
    etcd.compact(etcd.put("w/1", "x").header.revision)
    compacted, _ = etcd.watch("w/1", start_revision=begin)
    try:
        next(compacted)
        raise AssertionError("what is compacted cannot be watched")
    except exceptions.RevisionCompactedError as error:
        assert error.compacted_revision > begin


def locks():
    first, second = etcd.lock("orders", ttl=20), client_of(1).lock("orders", ttl=20)
    assert first.acquire() and first.is_acquired() and not second.is_acquired()
    assert not second.acquire(timeout=0)
    first.refresh()
    wait = stage.side_by_side(lambda: second.acquire(timeout=stage.PATIENCE_S) or 1 / 0)
    assert first.release()
    wait()
    assert second.is_acquired() and second.release()


# A node that is away, and a watch whose stream has ended: of that one the client tells by stumbling over it.
AWAY = (exceptions.ConnectionFailedError, exceptions.ConnectionTimeoutError, AttributeError)


def count_once(etcd, note):
    """Adds 1 under the lock and notes that it did, in one transaction; to do so again changes nothing."""
    if etcd.get(note)[0]:
        return
    lock = etcd.lock("count", ttl=2)
    # It begins to watch the lock after it found it held, and may have missed its end by then.
    if lock.acquire(timeout=1):
        value, t = counted(etcd), etcd.transactions
        holds = [t.value(lock.key) == lock.uuid, t.create(note) == 0]
        etcd.transaction(holds, [t.put("count/sum", str(value + 1)), t.put(note, "1")], [])
        lock.release()


def counted(etcd):
    return int(etcd.get("count/sum")[0] or 0)


def patiently(what, look):
    """Looks until nobody is away and it tells something that is true."""

    def attempt():
        try:
            return look()
        except AWAY:
            return None

    return stage.until(what, attempt)


def a_leader_is_killed_while_they_count_under_a_lock():
    def work(worker):
        node, todo = worker, [f"count/done/{worker}/{number}" for number in range(ROUNDS)]
        etcd = client_of(node)
        while todo:
            try:
                count_once(etcd, todo[0])
                if etcd.get(todo[0])[0]:
                    todo.pop(0)
            except AWAY:
                node += 1
                etcd = client_of(node)

    wait = stage.side_by_side(*(lambda worker=worker: work(worker) for worker in range(WORKERS)))
    some = client_of(0)
    stage.until("they count", lambda: counted(some) > 5)
    stage.kill_the_leader()
    wait()
    stage.start_it_again()
    assert patiently("it is back", lambda: counted(some)) == WORKERS * ROUNDS


def a_watch_goes_on_while_the_leader_is_killed():
    leader = patiently("it is back", lambda: etcd.status().leader.client_urls[0])
    number = next(n for n, address in enumerate(stage.ENDPOINTS) if address not in leader)
    follower = client_of(number)
    put = patiently("it is back", lambda: follower.put("killed/before", "1"))
    events, cancel = follower.watch_prefix("killed/", start_revision=put.header.revision)
    stage.kill_the_leader()
    patiently("another one leads", lambda: follower.put("killed/after", "1"))
    assert [next(events).key for _ in range(2)] == [b"killed/before", b"killed/after"]
    cancel()
    stage.start_it_again()


def members_and_maintenance():
    members = list(etcd.members)
    assert sorted(member.name for member in members) == ["node-1", "node-2", "node-3"]
    status = etcd.status()
    assert status.version == "3.5.21" and status.leader.id in [member.id for member in members]
    etcd.update_member(members[0].id, members[0].peer_urls)
    added = etcd.add_member(["http://127.0.0.1:1"])
    assert [list(member.peer_urls) for member in etcd.members if member.id == added.id] == [["http://127.0.0.1:1"]]
    etcd.remove_member(added.id)
    assert len(list(etcd.members)) == 3
    etcd.defragment()
    assert etcd.hash() == etcd.hash()
    etcd.create_alarm()
    assert list(etcd.list_alarms()) != []
    etcd.disarm_alarm()
    assert list(etcd.list_alarms()) == []
    saved = io.BytesIO()
    etcd.snapshot(saved)
    assert saved.tell() > 0


def users():
    auth = etcdrpc.AuthStub(etcd.channel)
    auth.UserAdd(etcdrpc.AuthUserAddRequest(name="root", password="secret"))
    auth.UserGrantRole(etcdrpc.AuthUserGrantRoleRequest(user="root", role="root"))
    auth.AuthEnable(etcdrpc.AuthEnableRequest())
    root = client_of(1, user="root", password="secret")
    # It gives the token twice; grpcio lets the other way pass over TLS only, whatever the server is.
    root.call_credentials = None
    root.put("secret", "1")
    assert root.get("secret")[0] == b"1"
    try:
        client_of(2, user="root", password="wrong")
        raise AssertionError("nobody may come in with that")
    except Exception as error:
        assert "authentication failed" in str(error), error
    metadata = list(root.metadata)
    etcdrpc.AuthStub(root.channel).AuthDisable(etcdrpc.AuthDisableRequest(), metadata=metadata)
    auth.UserDelete(etcdrpc.AuthUserDeleteRequest(name="root"))
    assert etcd.get("secret")[0] == b"1"


stage.run(
    [
        keys,
        transactions,
        leases,
        watches,
        locks,
        members_and_maintenance,
        users,
        a_leader_is_killed_while_they_count_under_a_lock,
        a_watch_goes_on_while_the_leader_is_killed,
    ]
)
