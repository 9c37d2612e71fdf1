"""The Python client etcd3gw, over the HTTP gateway: keys, transactions, leases, watches, locks, members."""

import base64

import etcd3gw
from etcd3gw import exceptions

import stage

AWAY = (exceptions.ConnectionFailedError, exceptions.ConnectionTimeoutError, exceptions.InternalServerError)


def client_of(number):
    """A client of one node: it knows no more than one."""
    host, port = stage.ENDPOINTS[number % len(stage.ENDPOINTS)].rsplit(":", 1)
    return etcd3gw.client(host=host, port=int(port), timeout=10)


etcd = client_of(0)


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def keys():
    assert etcd.get("none") == []
    assert etcd.create("k/1", "one") and not etcd.create("k/1", "two")
    assert etcd.replace("k/1", "one", "two") and not etcd.replace("k/1", "one", "three")
    etcd.put("k/2", b"\x00\xff")
    assert [value for value, _ in etcd.get_prefix("k/", sort_order="descend")] == [b"\x00\xff", b"two"]
    (value, told), = etcd.get("k/1", metadata=True)
    assert (value, told["version"]) == (b"two", "2")
    assert len(etcd.get_all()) == 2
    assert etcd.delete("k/1") and not etcd.delete("k/1")
    assert etcd.delete_prefix("k/") and etcd.get_all() == []


def transactions():
    key, value = encoded("t"), encoded("1")
    absent = {"key": key, "result": "EQUAL", "target": "VERSION", "version": 0}
    put, get = {"request_put": {"key": key, "value": value}}, {"request_range": {"key": key}}
    txn = {"compare": [absent], "success": [put], "failure": [get]}
    assert etcd.transaction(txn)["succeeded"]
    told = etcd.transaction(txn)
    assert "succeeded" not in told, "what is false is left out"
    assert told["responses"][0]["response_range"]["kvs"][0]["value"] == value


def leases():
    lease = etcd.lease(ttl=100)
    etcd.put("leased", "1", lease=lease)
    assert 0 < lease.ttl() <= 100 and lease.refresh() == 100 and lease.keys() == [b"leased"]
    assert lease.revoke() and etcd.get("leased") == []
    assert lease.refresh() == -1


def watches():
    begin = int(etcd.status()["header"]["revision"]) + 1
    etcd.put("w/1", "old")
    events, cancel = etcd.watch_prefix("w/", start_revision=begin, prev_kv=True)
    etcd.put("w/1", "new")
    etcd.delete("w/1")
    seen = [next(events) for _ in range(3)]
    assert [event.get("type") for event in seen] == [None, None, "DELETE"]
    assert [event["kv"].get("value") for event in seen] == [b"old", b"new", None]
    cancel()
    put_later = stage.side_by_side(lambda: etcd.put("w/2", "once"))
    assert etcd.watch_once("w/2", timeout=stage.PATIENCE_S, start_revision=begin)["kv"]["value"] == b"once"
    put_later()


def locks():
    first, second = etcd.lock("orders", ttl=20), client_of(1).lock("orders", ttl=20)
    assert first.acquire() and first.is_acquired()
    assert not second.acquire() and not second.is_acquired()
    first.refresh()
    assert first.release() and second.acquire() and second.release()


def members():
    told = etcd.members()
    assert sorted(member["name"] for member in told) == ["node-1", "node-2", "node-3"]
    assert etcd.status()["version"] == "3.5.21"


def a_leader_is_killed_in_the_middle():
    killed = stage.kill_the_leader()
    clients = [client_of(n) for n, address in enumerate(stage.ENDPOINTS) if address != killed]

    def put():
        try:
            return clients[0].put("after", "1")
        except AWAY:
            return None

    stage.until("another one leads", put)
    assert clients[1].get("after") == [b"1"]
    stage.start_it_again()


stage.run([keys, transactions, leases, watches, locks, members, a_leader_is_killed_in_the_middle])
