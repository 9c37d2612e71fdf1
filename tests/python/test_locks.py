"""Sessions, locks and elections by stubs made from proto/ alone."""

import uuid

import grpc
import pytest

from conclave_cluster import until
from conftest import commit, put, refused

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION


class Locks:
    """The services of each node, and the sessions and calls of one test, which end with it."""

    def __init__(self, cluster, stubs):
        self.cluster, self.pb, self.services = cluster, stubs.lock, stubs.lock_grpc
        self.name = f"test/{uuid.uuid4()}"
        self.opened, self.streams = [], []

    def sessions(self, node=1):
        return self.services.SessionServiceStub(self.cluster.channel(node))

    def locks(self, node=1):
        return self.services.LockServiceStub(self.cluster.channel(node))

    def elections(self, node=1):
        return self.services.ElectionServiceStub(self.cluster.channel(node))

    def open(self, ttl_s=60, **fields):
        """Opens a session; gives its id."""
        request = self.pb.OpenSessionRequest(ttl_ms=ttl_s * 1_000, **fields)
        session = self.sessions().OpenSession(request, timeout=10).session
        self.opened.append(session.id)
        return session.id

    def close(self, session_id):
        return self.sessions().CloseSession(self.pb.CloseSessionRequest(session_id=session_id), timeout=10)

    def asks(self, session_id, node=1, **fields):
        """Asks for the lock, and gives the stream."""
        request = self.pb.AcquireRequest(name=self.name, session_id=session_id, **fields)
        stream = self.locks(node).Acquire(request, timeout=60)
        self.streams.append(stream)
        return stream

    def waits(self, session_id, node=1, **fields):
        """Asks for the lock, which others have; gives the stream once there is a ticket, and its number."""
        stream = self.asks(session_id, node, **fields)
        return stream, next(stream).waiting.ticket

    def holds(self, session_id, **fields):
        """Gets the lock at once; gives the stream and the token."""
        stream = self.asks(session_id, **fields)
        return stream, next(stream).granted.token

    def release(self, session_id, **fields):
        request = self.pb.ReleaseRequest(name=self.name, session_id=session_id, **fields)
        return self.locks(2).Release(request, timeout=10).released

    def lock(self, node=1):
        return self.locks(node).GetLock(self.pb.GetLockRequest(name=self.name), timeout=10).lock

    def waiters(self):
        """The sessions that wait, in order."""
        return [waiter.session_id for waiter in self.lock().waiters]

    def end(self):
        for stream in self.streams:
            stream.cancel()
        for session_id in self.opened:
            try:
                self.close(session_id)
            except grpc.RpcError as error:
                assert error.code() == NOT_FOUND, error


@pytest.fixture
def locks(cluster, stubs):
    cluster.wait_for_leader()
    locks = Locks(cluster, stubs)
    yield locks
    locks.end()


def granted(stream):
    """The grant, whatever is told of the queue before."""
    return next(told.granted for told in stream if told.HasField("granted"))


def lost(stream):
    return next(told.lost for told in stream if told.HasField("lost"))


def permits(pb, count, capacity):
    return pb.LockMode(permits=pb.Permits(count=count, capacity=capacity))


def test_a_session_lives_while_it_is_renewed_and_tells_of_itself(locks):
    pb = locks.pb
    request_id = uuid.uuid4().hex
    first = locks.open(owner="worker-7", metadata={"pid": "42"}, request_id=request_id)
    again = locks.open(owner="worker-7", metadata={"pid": "42"}, request_id=request_id)
    assert again == first, "a retry opens no second one"
    locks.holds(first)
    session = locks.sessions(3).GetSession(pb.GetSessionRequest(session_id=first), timeout=10).session
    assert (session.owner, dict(session.metadata), session.ttl_ms) == ("worker-7", {"pid": "42"}, 60_000)
    assert 0 < session.remaining_ms <= 60_000 and session.tickets == 1
    listed = locks.sessions(2).ListSessions(pb.ListSessionsRequest(page_size=1_000), timeout=10).sessions
    assert first in [session.id for session in listed]
    renewed = locks.sessions(2).RenewSession(pb.RenewSessionRequest(session_id=first), timeout=10)
    assert renewed.ttl_ms == 60_000
    assert locks.close(first).tickets == 1
    for node in (1, 2, 3):
        told = refused(locks.sessions(node).RenewSession, pb.RenewSessionRequest(session_id=first))
        assert (told.code, told.reason) == (NOT_FOUND, "session-not-found")


def test_a_stream_of_renewals_answers_each_in_order(locks):
    pb = locks.pb
    alive, gone = locks.open(), locks.open(ttl_s=30)
    locks.close(gone)
    asked = (pb.KeepAliveRequest(session_id=session_id) for session_id in (alive, gone, alive))
    answers = locks.sessions(3).KeepAlive(asked, timeout=10)
    assert [(it.session_id, it.ttl_ms) for it in answers] == [(alive, 60_000), (gone, 0), (alive, 60_000)]


def test_tickets_are_granted_in_the_order_in_which_they_came(locks):
    sessions = [locks.open(owner=f"worker-{number}") for number in range(6)]
    _, token = locks.holds(sessions[0])
    streams = {}
    for number, session_id in enumerate(sessions[1:]):
        streams[session_id], ticket = locks.waits(session_id, node=number % 3 + 1)
        assert locks.lock().waiters[-1].ticket == ticket
    assert locks.waiters() == sessions[1:]
    for before, session_id in zip(sessions, sessions[1:]):
        assert locks.release(before, token=token) == 1
        grant = granted(streams[session_id])
        assert grant.token > token
        token = grant.token
        lock = locks.lock()
        assert [(it.session_id, it.token) for it in lock.holders] == [(session_id, token)], "it and nobody else"
        assert [it.session_id for it in lock.waiters] == sessions[sessions.index(session_id) + 1 :]
    assert locks.release(sessions[-1]) == 1
    told = refused(locks.locks().GetLock, locks.pb.GetLockRequest(name=locks.name))
    assert (told.code, told.reason, told.metadata) == (NOT_FOUND, "lock-not-found", {"name": locks.name})


def test_many_hold_it_shared_and_one_exclusively(locks):
    shared, exclusive = locks.pb.LockMode(shared={}), locks.pb.LockMode(exclusive={})
    first, second, writer, late = (locks.open() for _ in range(4))
    locks.holds(first, mode=shared)
    locks.holds(second, mode=shared)
    assert locks.lock().holder_count == 2
    told = refused(
        locks.locks().Acquire, locks.pb.AcquireRequest(name=locks.name, session_id=first, mode=exclusive)
    )
    assert (told.code, told.reason) == (PRECONDITION, "lock-mode-change")
    writing, _ = locks.waits(writer, mode=exclusive)
    reading, _ = locks.waits(late, mode=shared)
    assert locks.waiters() == [writer, late], "nobody overtakes"
    locks.release(first)
    assert locks.lock().holder_count == 1
    locks.release(second)
    token = granted(writing).token
    assert [it.session_id for it in locks.lock().holders] == [writer]
    locks.release(writer, token=token)
    assert granted(reading).token > token


def test_permits_are_counted(locks):
    pb = locks.pb
    two, one, waits = locks.open(), locks.open(), locks.open()
    _, token = locks.holds(two, mode=permits(pb, 2, 3))
    locks.holds(one, mode=permits(pb, 1, 3))
    stream, _ = locks.waits(waits, mode=permits(pb, 2, 3))
    lock = locks.lock()
    assert (lock.capacity, lock.holder_count, lock.waiter_count) == (3, 2, 1)
    locks.release(one)
    assert locks.lock().waiter_count == 1, "one of two is free"
    locks.release(two, token=token)
    assert granted(stream).token > token
    for mode, asked in ((permits(pb, 1, 4), "4"), (pb.LockMode(exclusive={}), "0")):
        told = refused(locks.locks().TryAcquire, pb.TryAcquireRequest(name=locks.name, session_id=one, mode=mode))
        assert (told.code, told.reason) == (PRECONDITION, "lock-capacity-mismatch")
        assert told.metadata == {"name": locks.name, "capacity": "3", "asked": asked}


def test_whoever_does_not_wait_is_told_who_holds_it(locks):
    pb = locks.pb
    holder, other = locks.open(), locks.open()
    _, token = locks.holds(holder, owner="worker-7")
    found = {"name": locks.name, "owner": "worker-7", "session_id": str(holder), "token": str(token)}
    told = refused(locks.locks(2).TryAcquire, pb.TryAcquireRequest(name=locks.name, session_id=other))
    assert (told.code, told.reason, told.metadata) == (PRECONDITION, "lock-held", found)
    told = refused(locks.locks(3).Acquire, pb.AcquireRequest(name=locks.name, session_id=other, wait_ms=0))
    assert (told.reason, told.metadata) == ("lock-held", found)
    stream, _ = locks.waits(other, wait_ms=300)
    with pytest.raises(grpc.RpcError) as raised:
        granted(stream)
    assert raised.value.code() == PRECONDITION and "300 ms" in raised.value.details()
    until("it has left the queue", lambda: locks.waiters() == [])


def test_a_waiter_whose_call_or_session_ends_leaves_the_queue(locks):
    holder, cancels, closes, last = (locks.open() for _ in range(4))
    _, token = locks.holds(holder)
    cancelled, _ = locks.waits(cancels)
    locks.waits(closes)
    stream, _ = locks.waits(last)
    cancelled.cancel()
    locks.close(closes)
    until("only the last one waits", lambda: locks.waiters() == [last])
    locks.release(holder, token=token)
    assert granted(stream).token > token


def test_a_retry_at_another_node_finds_the_same_ticket(locks):
    holder, other = locks.open(), locks.open()
    locks.holds(holder)
    first, ticket = locks.waits(other, node=2, request_id="job-1")
    again, same = locks.waits(other, node=3, request_id="job-1")
    assert same == ticket
    first.cancel()
    locks.release(holder)
    grant = granted(again)
    assert grant.ticket == ticket
    once_more, token = locks.holds(other, node=1, request_id="job-1")
    assert token == grant.token
    assert locks.lock().holder_count == 1
    shared = locks.pb.AcquireRequest(
        name=locks.name, session_id=other, request_id="job-1", mode=locks.pb.LockMode(shared={})
    )
    told = refused(locks.locks().Acquire, shared)
    assert (told.code, told.reason) == (PRECONDITION, "acquire-id-reused")
    locks.release(other)
    assert lost(once_more).reason == locks.pb.LOST_REASON_RELEASED


def test_a_session_that_is_not_renewed_ends_and_the_next_one_gets_the_lock(locks):
    dies, lives = locks.open(ttl_s=1), locks.open()
    dead, token = locks.holds(dies)
    stream, _ = locks.waits(lives)
    assert granted(stream).token > token
    assert lost(dead).reason == locks.pb.LOST_REASON_SESSION_ENDED
    told = refused(locks.locks().TryAcquire, locks.pb.TryAcquireRequest(name=locks.name, session_id=dies))
    assert (told.code, told.reason, told.metadata) == (NOT_FOUND, "session-not-found", {"session_id": str(dies)})


def test_a_lock_is_taken_by_force_and_its_holder_is_told_why(locks):
    pb = locks.pb
    hangs, next_one = locks.open(), locks.open()
    taken, token = locks.holds(hangs, owner="worker-7")
    stream, _ = locks.waits(next_one)
    force = pb.ForceReleaseRequest(name=locks.name, token=token, author="ada", reason="it hangs")
    assert locks.locks(3).ForceRelease(force, timeout=10).released == 1
    told = lost(taken)
    assert told.reason == pb.LOST_REASON_FORCED
    forced = told.forced_release
    assert (forced.token, forced.owner, forced.author, forced.reason) == (token, "worker-7", "ada", "it hangs")
    newer = granted(stream).token
    assert newer > token
    assert locks.lock().forced_release == forced
    told = refused(locks.locks().ForceRelease, force)
    assert (told.code, told.reason) == (PRECONDITION, "lock-token-mismatch"), "the next holder keeps it"
    check = locks.locks(2).CheckToken(pb.CheckTokenRequest(name=locks.name, token=token), timeout=10)
    assert (check.held, check.newest_token) == (False, newer)
    check = locks.locks(2).CheckToken(pb.CheckTokenRequest(name=locks.name, token=newer), timeout=10)
    assert (check.held, check.holder.session_id) == (True, next_one)


def test_a_commit_with_a_stale_token_is_refused(locks, config, pb, namespace):
    old, new = locks.open(), locks.open()

    def write(value, token, dry_run=False):
        request = commit(pb, namespace, [put(pb, "db.pool", value)])
        request.held_locks.append(pb.HeldLock(name=locks.name, token=token))
        request.dry_run = dry_run
        return request

    def value():
        return config.Get(pb.GetRequest(namespace=namespace, key="db.pool"), timeout=10).item.value

    _, stale = locks.holds(old)
    config.Commit(write(b"1", stale), timeout=10)
    locks.close(old)
    told = refused(config.Commit, write(b"2", stale))
    assert (told.code, told.reason) == (PRECONDITION, "lock-token-mismatch")
    assert told.metadata == {"name": locks.name, "token": str(stale), "held_token": "0"}
    _, token = locks.holds(new)
    for dry_run in (True, False):
        told = refused(config.Commit, write(b"2", stale, dry_run))
        assert told.metadata["held_token"] == str(token)
    rollback = pb.RollbackRequest(namespace=namespace, to_version=1)
    rollback.held_locks.append(pb.HeldLock(name=locks.name, token=stale))
    assert refused(config.Rollback, rollback).reason == "lock-token-mismatch"
    assert value() == b"1"
    config.Commit(write(b"3", token), timeout=10)
    assert value() == b"3"


def test_an_election_tells_who_leads(locks):
    pb, service = locks.pb, locks.elections()
    one, two = locks.open(), locks.open()
    observed = locks.elections(3).Observe(pb.ObserveRequest(name=locks.name), timeout=60)
    locks.streams.append(observed)

    def leader(value):
        """Reads on until this one leads; of several changes only the last may be told."""
        for told in observed:
            if not told.heartbeat and (told.leader.metadata if told.HasField("leader") else None) == value:
                return told.leader

    leader(None)

    def campaign(session_id, value):
        request = pb.CampaignRequest(name=locks.name, session_id=session_id, value=value)
        stream = service.Campaign(request, timeout=60)
        locks.streams.append(stream)
        return stream

    first, second = campaign(one, b"node-a"), None
    token = granted(first).token
    assert leader(b"node-a").token == token
    second = campaign(two, b"node-b")
    assert next(second).waiting.ahead == 0
    change = pb.ProclaimRequest(name=locks.name, session_id=one, token=token, value=b"node-a:2")
    assert service.Proclaim(change, timeout=10).revision > token
    assert leader(b"node-a:2").token == token
    found = locks.elections(2).GetLeader(pb.GetLeaderRequest(name=locks.name), timeout=10).leader
    assert (found.session_id, found.metadata) == (one, b"node-a:2")
    service.Resign(pb.ResignRequest(name=locks.name, session_id=one, token=token), timeout=10)
    assert leader(b"node-b").token == granted(second).token > token
    told = refused(service.Proclaim, change)
    assert (told.code, told.reason) == (PRECONDITION, "lock-not-held")
    locks.close(two)
    assert leader(None) is not None
    told = refused(service.GetLeader, pb.GetLeaderRequest(name=locks.name))
    assert (told.code, told.reason) == (NOT_FOUND, "lock-not-found")


def test_a_watch_tells_what_is_so_and_then_all_that_happens(locks):
    pb = locks.pb
    one, two = locks.open(), locks.open()
    locks.holds(one)
    watch = locks.locks(3).WatchLocks(pb.WatchLocksRequest(name=locks.name), timeout=60)
    locks.streams.append(watch)
    (lock,) = next(watch).state.locks
    assert [it.session_id for it in lock.holders] == [one]
    locks.waits(two)
    locks.close(one)
    locks.release(two)

    def changes(count):
        told = (message.change for message in watch if message.HasField("change"))
        return [next(told) for _ in range(count)]

    seen = [(change.WhichOneof("change"), change) for change in changes(4)]
    assert [kind for kind, _ in seen] == ["queued", "ended", "granted", "ended"]
    ended = [change.ended for kind, change in seen if kind == "ended"]
    assert [(it.holder.session_id, it.reason) for it in ended] == [
        (one, pb.LOST_REASON_SESSION_ENDED),
        (two, pb.LOST_REASON_RELEASED),
    ]
    assert [change.name for _, change in seen] == [locks.name] * 4


# What is wrong, at which service, and the fields that are told.
WRONG = [
    ("sessions", "OpenSession", {"ttl_ms": 999}, {"ttl_ms"}),
    ("sessions", "OpenSession", {"ttl_ms": 86_400_001}, {"ttl_ms"}),
    ("sessions", "OpenSession", {"owner": "o" * 257, "request_id": "a b"}, {"ttl_ms", "owner", "request_id"}),
    ("sessions", "OpenSession", {"ttl_ms": 1_000, "metadata": {str(it): "" for it in range(17)}}, {"metadata"}),
    ("sessions", "RenewSession", {}, {"session_id"}),
    ("sessions", "CloseSession", {}, {"session_id"}),
    ("locks", "Acquire", {}, {"name", "session_id"}),
    ("locks", "Acquire", {"name": "a//b", "session_id": 1}, {"name"}),
    ("locks", "Acquire", {"name": "n" * 257, "session_id": 1, "metadata": bytes(4_097)}, {"name", "metadata"}),
    ("locks", "TryAcquire", {"name": "a", "session_id": 1, "mode": {"permits": {}}}, {"mode.permits.capacity"}),
    (
        "locks",
        "TryAcquire",
        {"name": "a", "session_id": 1, "mode": {"permits": {"count": 4, "capacity": 3}}},
        {"mode.permits.count"},
    ),
    ("locks", "Release", {"name": "a b"}, {"name", "session_id"}),
    ("locks", "ForceRelease", {"name": "a"}, {"reason"}),
    ("locks", "CheckToken", {"name": "a"}, {"token"}),
    ("locks", "GetLock", {}, {"name"}),
    ("elections", "Campaign", {"name": "a", "session_id": 1, "value": bytes(4_097)}, {"value"}),
    ("elections", "Proclaim", {"name": "a", "session_id": 1}, {"token"}),
    ("elections", "GetLeader", {"name": "../a"}, {"name"}),
]


@pytest.mark.parametrize(("service", "method", "fields", "wrong"), WRONG)
def test_wrong_fields_are_told(locks, service, method, fields, wrong):
    request = getattr(locks.pb, f"{method}Request")(**fields)
    told = refused(getattr(getattr(locks, service)(), method), request)
    assert (told.code, told.reason) == (INVALID, "invalid-argument"), told
    assert set(told.violations) == wrong, told


# What does not fit what is there: a session that never was, or somebody else's lock.
UNFIT = [
    ("Acquire", {"session_id": 1 << 40}, NOT_FOUND, "session-not-found"),
    ("TryAcquire", {"session_id": 1 << 40}, NOT_FOUND, "session-not-found"),
    ("Release", {"session_id": "other"}, PRECONDITION, "lock-not-held"),
    ("Release", {"session_id": "holder", "token": 1}, PRECONDITION, "lock-not-held"),
    ("Release", {"session_id": "holder", "ticket": 1}, PRECONDITION, "lock-not-held"),
    ("ForceRelease", {"token": 1, "reason": "it hangs"}, PRECONDITION, "lock-token-mismatch"),
    ("ForceRelease", {"name": "test/nobody-has-it", "reason": "it hangs"}, NOT_FOUND, "lock-not-found"),
]


@pytest.mark.parametrize(("method", "fields", "code", "reason"), UNFIT)
def test_what_does_not_fit_changes_nothing(locks, method, fields, code, reason):
    sessions = {"holder": locks.open(), "other": locks.open()}
    _, token = locks.holds(sessions["holder"])
    fields = {"name": locks.name} | {key: sessions.get(value, value) for key, value in fields.items()}
    told = refused(getattr(locks.locks(2), method), getattr(locks.pb, f"{method}Request")(**fields))
    assert (told.code, told.reason) == (code, reason), told
    assert [(it.session_id, it.token) for it in locks.lock().holders] == [(sessions["holder"], token)]
