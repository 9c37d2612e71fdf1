//! The stream over a hub whose history the tests write.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use conclave_core::Rejection;
use conclave_core::auth::AuthRejection;
use conclave_door::{Ends, Places};
use conclave_mvcc::{ChangeLimits, Event, EventKind, KeyRange, MapError, Record, Revised, Revision};
use conclave_node::{ChangeSource, Hub, Readiness, RequestError, WatchFilter, WatchOptions, Watcher};
use conclave_proto::etcd::etcdserverpb as wire;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::{Semaphore, watch};
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use wire::watch_request::RequestUnion;

use super::progress::INTERVAL;
use super::store::{Floors, Ranges, Store};
use super::stream::Following;
use super::watches::Serial;

/// A store whose revisions are those that were committed; revision 1 is that of the empty one.
#[derive(Clone)]
struct World {
    hub: Hub,
    history: Arc<History>,
}

#[derive(Default)]
struct History {
    revised: Mutex<Vec<Revised>>,
    /// Up to where changes of which keys are gone.
    floors: Mutex<Vec<(KeyRange, Revision)>>,
    reads: Mutex<usize>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

impl History {
    fn floor(&self, range: &KeyRange) -> Revision {
        let floors = lock(&self.floors);
        let touching = floors.iter().filter(|(keys, _)| {
            (keys.end.is_empty() || range.start < keys.end)
                && (range.end.is_empty() || keys.start < range.end)
        });
        touching.map(|(_, floor)| *floor).max().unwrap_or_default()
    }
}

impl ChangeSource for History {
    #[expect(clippy::disallowed_methods, reason = "there is no store whose threads could be asked")]
    fn spawn(&self, read: Box<dyn FnOnce() + Send>) -> std::io::Result<()> {
        drop(tokio::task::spawn_blocking(read));
        Ok(())
    }

    fn changes_since(
        &self,
        from: Revision,
        ranges: &[KeyRange],
        limits: ChangeLimits,
    ) -> Result<Option<Vec<Revised>>, MapError> {
        *lock(&self.reads) += 1;
        if ranges.iter().any(|range| from <= self.floor(range)) {
            return Ok(None);
        }
        let all = lock(&self.revised);
        Ok(Some(all.iter().filter(|one| one.revision >= from).take(limits.revisions_max).cloned().collect()))
    }
}

impl Store for World {
    fn watch(&self, filter: WatchFilter, start: Revision) -> Result<Watcher, RequestError> {
        Ok(self.hub.watch(filter, start))
    }

    fn newest(&self) -> Revision {
        self.hub.newest()
    }

    fn header(&self, revision: Revision) -> Option<wire::ResponseHeader> {
        let revision = revision.get().cast_signed();
        Some(wire::ResponseHeader { revision, ..wire::ResponseHeader::default() })
    }

    fn may_watch(&self, range: KeyRange) -> BoxFuture<'static, Result<Result<(), Rejection>, RequestError>> {
        let secret = range == KeyRange::single("secret");
        let told = if secret { Err(AuthRejection::PermissionDenied.into()) } else { Ok(()) };
        Box::pin(async move { Ok(told) })
    }

    fn floors(&self, ranges: Ranges) -> BoxFuture<'static, Result<Floors, RequestError>> {
        let floor = |ranges: Vec<KeyRange>| ranges.iter().map(|it| self.history.floor(it)).max();
        let floors: Vec<(Serial, Revision)> =
            ranges.into_iter().map(|(serial, ranges)| (serial, floor(ranges).unwrap_or_default())).collect();
        Box::pin(async move { Ok(floors) })
    }
}

impl World {
    fn new(tail_revisions_max: usize) -> Self {
        let options =
            WatchOptions { tail_revisions_max, catch_up_revisions_max: 3, ..WatchOptions::default() };
        let history = Arc::new(History::default());
        Self { hub: Hub::new(history.clone(), options, Revision::EMPTY), history }
    }

    /// Puts keys in this order; one that begins with `-` is deleted.
    fn commit(&self, keys: &[&str]) -> u64 {
        let revision = self.newest().next();
        let mut events: Vec<_> = (0..).zip(keys).map(|(order, key)| event(key, revision, order)).collect();
        events.sort_by(|one, other| one.key.cmp(&other.key));
        let revised = Revised { revision, events: events.into() };
        lock(&self.history.revised).push(revised.clone());
        self.hub.publish(&[revised], revision);
        revision.get()
    }

    fn compact(&self, keys: KeyRange, floor: u64) {
        lock(&self.history.floors).push((keys, Revision::new(floor)));
    }

    fn open(&self) -> Client {
        self.open_with_room(1 << 20)
    }

    /// Opens a stream whose watches may take so many bytes.
    fn open_with_room(&self, size_bytes: usize) -> Client {
        let (requests, sent) = unbounded();
        let (readiness, stop) = (watch::Sender::new(Readiness::Ready), CancellationToken::new());
        let ends = Ends::new(readiness.subscribe(), Duration::from_secs(3), &stop);
        let room = Arc::new(Semaphore::new(size_bytes));
        let following = Following::begin(self.clone(), Box::pin(sent), room, ends).unwrap();
        let answers = following.into_stream(Places::new("streams", 1).take().unwrap());
        Client { requests, answers, readiness, stop, waiting: VecDeque::new() }
    }
}

fn event(key: &str, revision: Revision, order: u32) -> Event {
    let record = |at| Record {
        create_revision: at,
        mod_revision: at,
        version: 1,
        annotations: bytes::Bytes::new(),
        value: "value".into(),
    };
    let (kind, key) = match key.strip_prefix('-') {
        Some(key) => (EventKind::Delete { revision }, key),
        None => (EventKind::Put(record(revision)), key),
    };
    Event { key: key.to_owned().into(), kind, previous: Some(record(revision.previous())), order }
}

/// A client with a stream.
struct Client {
    requests: UnboundedSender<Result<wire::WatchRequest, Status>>,
    answers: BoxStream<'static, Result<wire::WatchResponse, Status>>,
    readiness: watch::Sender<Readiness>,
    stop: CancellationToken,
    waiting: VecDeque<wire::WatchResponse>,
}

/// What an answer says, in few words: the watch, its revision, and its keys.
type Said = (i64, i64, String);

impl Client {
    fn send(&self, request: RequestUnion) {
        self.requests.unbounded_send(Ok(wire::WatchRequest { request_union: Some(request) })).unwrap();
    }

    fn create(&self, request: wire::WatchCreateRequest) {
        self.send(RequestUnion::CreateRequest(request));
    }

    fn cancel(&self, watch_id: i64) {
        self.send(RequestUnion::CancelRequest(wire::WatchCancelRequest { watch_id }));
    }

    fn ask_progress(&self) {
        self.send(RequestUnion::ProgressRequest(wire::WatchProgressRequest {}));
    }

    /// The next answer; it must come.
    async fn next(&mut self) -> wire::WatchResponse {
        self.result().await.unwrap()
    }

    async fn result(&mut self) -> Result<wire::WatchResponse, Status> {
        // Longer than nothing happens in any test: the clock is paused, and does not wait.
        let answer = tokio::time::timeout(10 * INTERVAL, self.answers.next()).await;
        answer.expect("an answer comes").expect("the stream goes on")
    }

    async fn said(&mut self) -> Said {
        said(&self.next().await)
    }

    /// Makes a watch, and what is said of it.
    async fn made(&mut self, request: wire::WatchCreateRequest) -> wire::WatchResponse {
        self.create(request);
        let mut answer = self.next().await;
        while !answer.created {
            self.waiting.push_back(answer);
            answer = self.next().await;
        }
        answer
    }

    /// Whether nothing is to be told.
    fn is_quiet(&mut self) -> bool {
        (0..10).all(|_| self.answers.next().now_or_never().is_none())
    }
}

fn said(answer: &wire::WatchResponse) -> Said {
    let key = |event: &conclave_proto::etcd::mvccpb::Event| {
        let key = &event.kv.as_ref().unwrap().key;
        let mark = if event.r#type == 1 { "-" } else { "" };
        format!("{mark}{}", String::from_utf8_lossy(key))
    };
    let keys: Vec<_> = answer.events.iter().map(key).collect();
    (answer.watch_id, answer.header.as_ref().unwrap().revision, keys.join(" "))
}

fn of(id: i64, revision: u64, keys: &str) -> Said {
    (id, revision.cast_signed(), keys.to_owned())
}

fn on(key: &'static str, end: &'static str) -> wire::WatchCreateRequest {
    wire::WatchCreateRequest { key: key.into(), range_end: end.into(), ..Default::default() }
}

fn from(start: i64, key: &'static str, end: &'static str) -> wire::WatchCreateRequest {
    wire::WatchCreateRequest { start_revision: start, ..on(key, end) }
}

#[tokio::test(start_paused = true)]
async fn a_revision_is_told_to_whom_it_concerns_in_the_order_of_writing() {
    let world = World::new(100);
    let mut client = world.open();
    for request in [on("a", ""), on("a", "z"), on("x", "\0"), on("\0", "\0")] {
        client.made(request).await;
    }
    world.commit(&["m", "a", "conclave/lock/x", "-b"]);
    world.commit(&["conclave/lock/y"]);
    world.commit(&["conclave/config/n//k"]);
    assert_eq!(client.said().await, of(0, 2, "a"));
    assert_eq!(client.said().await, of(1, 2, "m a -b"));
    assert_eq!(client.said().await, of(3, 2, "m a -b"));
    assert_eq!(client.said().await, of(1, 4, "conclave/config/n//k"));
    assert_eq!(client.said().await, of(3, 4, "conclave/config/n//k"));
    assert!(client.is_quiet());
}

#[tokio::test(start_paused = true)]
async fn past_and_present_and_future_join_without_a_gap() {
    // Of ten revisions two are in memory.
    let world = World::new(2);
    for _ in 2..=11 {
        world.commit(&["a", "b"]);
    }
    let mut client = world.open();
    client.create(from(3, "a", ""));
    client.create(from(11, "b", ""));
    client.create(from(14, "a", ""));
    client.create(on("b", ""));
    let mut told = vec![Vec::new(); 4];
    for _ in 12..=15 {
        world.commit(&["b", "a"]);
    }
    for _ in 0..(4 + 13 + 5 + 2) {
        let answer = client.next().await;
        if !answer.created {
            let (id, revision, _) = said(&answer);
            told[usize::try_from(id).unwrap()].push(revision);
        }
    }
    assert_eq!(told[0], (3..=15).collect::<Vec<_>>());
    assert_eq!(told[1], (11..=15).collect::<Vec<_>>());
    assert_eq!(told[2], [14, 15]);
    assert!(told[3].is_empty(), "now is when the request is read");
}

#[tokio::test(start_paused = true)]
async fn all_that_begin_in_the_past_read_it_together() {
    let world = World::new(1);
    for _ in 0..300 {
        world.commit(&["a"]);
    }
    let mut client = world.open();
    for start in 2..=200 {
        client.create(from(start, "a", ""));
    }
    let mut told = vec![0; 199];
    let expected: i64 = (2..=200).map(|start| 302 - start).sum();
    for _ in 0..(199 + expected) {
        let answer = client.next().await;
        told[usize::try_from(answer.watch_id).unwrap()] += answer.events.len();
    }
    assert!((0..199).all(|id| told[id] == 300 - id), "{told:?}");
    // One alone takes a hundred reads.
    assert!(*lock(&world.history.reads) < 600, "{}", lock(&world.history.reads));
    assert!(client.is_quiet());
}

#[tokio::test(start_paused = true)]
async fn what_is_compacted_ends_its_watches_and_no_others() {
    let world = World::new(100);
    for _ in 2..=20 {
        world.commit(&["a", "b", "c"]);
    }
    world.compact(KeyRange::single("a"), 9);
    world.compact(KeyRange::single("b"), 4);
    let mut client = world.open();
    for request in [from(9, "a", ""), from(10, "a", ""), from(2, "c", ""), from(6, "b", "")] {
        client.create(request);
    }
    let (mut ended, mut told) = (Vec::new(), [0; 4]);
    for _ in 0..(4 + 1 + 11 + 19 + 15) {
        let answer = client.next().await;
        if answer.canceled {
            assert_eq!(answer.cancel_reason, "", "the revision says why");
            ended.push((answer.watch_id, answer.compact_revision));
        }
        told[usize::try_from(answer.watch_id).unwrap()] += answer.events.len();
    }
    assert_eq!((ended, told), (vec![(0, 10)], [0, 11, 19, 15]));
    assert!(client.is_quiet());
    let with_previous = wire::WatchCreateRequest { prev_kv: true, ..from(10, "a", "") };
    client.made(with_previous).await;
    for revision in 10..=20 {
        let event = client.next().await.events.pop().unwrap();
        assert_eq!(event.prev_kv.is_some(), revision > 10, "what was before is gone with what is compacted");
    }
    assert_eq!(client.made(wire::WatchCreateRequest { watch_id: 0, ..on("a", "") }).await.watch_id, 5);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_goes_on_where_it_was() {
    let world = World::new(3);
    let mut client = world.open();
    client.made(on("a", "")).await;
    client.made(on("b", "")).await;
    for _ in 2..=30 {
        world.commit(&["a", "b"]);
    }
    world.hub.reset(Revision::new(30));
    for revision in 2..=30 {
        assert_eq!(client.said().await, of(0, revision, "a"));
        assert_eq!(client.said().await, of(1, revision, "b"));
    }
    for _ in 31..=60 {
        world.commit(&["a", "b"]);
    }
    // Nobody keeps history for those who do not read.
    world.compact(KeyRange::single("a"), 40);
    let answer = client.next().await;
    assert_eq!((answer.watch_id, answer.canceled, answer.compact_revision), (0, true, 41));
    for revision in 31..=60 {
        assert_eq!(client.said().await, of(1, revision, "b"));
    }
    world.commit(&["a", "b"]);
    assert_eq!(client.said().await, of(1, 61, "b"));
    assert!(client.is_quiet());
}

#[tokio::test(start_paused = true)]
async fn progress_is_told_when_all_has_been() {
    let world = World::new(2);
    for _ in 2..=9 {
        world.commit(&["a"]);
    }
    let mut client = world.open();
    client.made(on("b", "")).await;
    client.ask_progress();
    assert_eq!(client.said().await, of(-1, 9, ""));
    client.create(from(4, "a", ""));
    client.ask_progress();
    client.ask_progress();
    let told: Vec<_> = [client.said().await, client.said().await, client.said().await].into();
    assert_eq!(told, [of(1, 9, ""), of(1, 4, "a"), of(1, 5, "a")]);
    for revision in 6..=9 {
        assert_eq!(client.said().await, of(1, revision, "a"));
    }
    assert_eq!(client.said().await, of(-1, 9, ""), "once, when the past is told");
    world.commit(&["x"]);
    client.ask_progress();
    assert_eq!(client.said().await, of(-1, 10, ""));
    assert!(client.is_quiet());
    client.made(from(12, "a", "")).await;
    client.ask_progress();
    assert!(client.is_quiet(), "one that begins later would believe that it has begun");
    world.commit(&["x"]);
    assert_eq!(client.said().await, of(-1, 11, ""));
    client.made(from(90, "a", "")).await;
    client.ask_progress();
    assert!(client.is_quiet());
    client.cancel(3);
    assert!(client.next().await.canceled);
    assert_eq!(client.said().await, of(-1, 11, ""), "the watch that kept it back has ended");
}

#[tokio::test(start_paused = true)]
async fn who_wants_progress_is_told_from_time_to_time() {
    let world = World::new(10);
    let mut client = world.open();
    let began = tokio::time::Instant::now();
    client.made(wire::WatchCreateRequest { progress_notify: true, ..on("a", "") }).await;
    client.made(on("a", "")).await;
    client.made(wire::WatchCreateRequest { progress_notify: true, ..from(90, "a", "") }).await;
    world.commit(&["b"]);
    assert_eq!(client.said().await, of(0, 2, ""));
    assert_eq!(began.elapsed(), INTERVAL);
    world.commit(&["a"]);
    assert_eq!(client.said().await, of(0, 3, "a"));
    assert_eq!(client.said().await, of(1, 3, "a"));
    assert_eq!(client.said().await, of(0, 3, ""));
    assert_eq!(began.elapsed(), 3 * INTERVAL, "who was told something else knows");
}

#[tokio::test(start_paused = true)]
async fn ids_are_the_clients_own_or_the_next() {
    let world = World::new(10);
    let mut client = world.open();
    let numbered = |watch_id| wire::WatchCreateRequest { watch_id, ..on("a", "") };
    for (asked, id) in [(1, 1), (0, 0), (0, 2), (-7, -7), (0, 3)] {
        assert_eq!(client.made(numbered(asked)).await.watch_id, id);
    }
    let twice = client.made(numbered(1)).await;
    assert_eq!((twice.watch_id, twice.canceled), (-1, true));
    assert_eq!(twice.cancel_reason, "mvcc: duplicate watch ID provided on the WatchStream");
    client.cancel(1);
    client.cancel(77);
    client.cancel(1);
    let ended = client.next().await;
    assert_eq!((ended.watch_id, ended.canceled), (1, true));
    assert!(client.is_quiet(), "what is not there has no end");
    let again = wire::WatchCreateRequest { watch_id: 1, ..on("b", "") };
    assert_eq!(client.made(again).await.watch_id, 1);
    world.commit(&["b"]);
    assert_eq!(client.said().await, of(1, 2, "b"));
    assert!(client.is_quiet());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_watched_is_said_and_the_stream_goes_on() {
    let world = World::new(10);
    let mut client = world.open();
    let told = client.made(on("b", "a")).await;
    assert_eq!((told.watch_id, told.canceled), (-1, true));
    assert_eq!(told.cancel_reason, "mvcc: watcher range is empty");
    let told = client.made(wire::WatchCreateRequest { watch_id: 5, ..on("secret", "") }).await;
    assert_eq!((told.watch_id, told.canceled), (5, true));
    assert_eq!(told.cancel_reason, "rpc error: code = PermissionDenied desc = etcdserver: permission denied");
    let reserved = client.made(from(1, "conclave/lock/a", "conclave/lock/b")).await;
    assert!(!reserved.canceled);
    world.commit(&["conclave/lock/a"]);
    assert!(client.is_quiet());
    // There is room for a mebibyte.
    let large = wire::WatchCreateRequest { key: vec![b'x'; 1 << 20].into(), ..Default::default() };
    let told = client.made(large).await;
    assert_eq!((told.watch_id, told.canceled), (-1, true));
    assert_eq!(told.cancel_reason, "this node has as many watches as it may: ask another one");
    assert!(!client.made(on("a", "")).await.canceled);
}

#[tokio::test(start_paused = true)]
async fn the_watches_of_a_stream_are_counted() {
    let world = World::new(10);
    let mut client = world.open_with_room(256 << 20);
    for id in 0..100_000 {
        assert_eq!(client.made(on("a", "")).await.watch_id, id);
    }
    let told = client.made(on("a", "")).await;
    assert_eq!((told.watch_id, told.canceled), (-1, true));
    assert_eq!(told.cancel_reason, "this stream has as many watches as it may: open another one");
    client.cancel(7);
    assert!(client.next().await.canceled);
    assert!(!client.made(on("a", "")).await.canceled, "one has made room");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_needs_a_leader_ends_without_one() {
    let world = World::new(10);
    let mut client = world.open();
    client.made(on("a", "")).await;
    client.readiness.send_replace(Readiness::NoLeader);
    world.commit(&["a"]);
    assert_eq!(client.said().await, of(0, 2, "a"));
    let status = client.result().await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "etcdserver: no leader"));
    assert!(client.answers.next().await.is_none(), "a failure is the last answer");

    let mut client = world.open();
    client.stop.cancel();
    let status = client.result().await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "etcdserver: server stopped"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_nothing_more_is_told_all_the_same() {
    let world = World::new(10);
    let mut client = world.open();
    client.made(on("a", "")).await;
    client.requests.close_channel();
    assert!(client.is_quiet());
    world.commit(&["a"]);
    assert_eq!(client.said().await, of(0, 2, "a"));
}

#[tokio::test(start_paused = true)]
async fn watches_that_come_and_go_leave_nothing_behind() {
    let world = World::new(10);
    let mut client = world.open();
    client.made(on("a", "")).await;
    for id in 1..=1_000 {
        assert_eq!(client.made(on("a", "b")).await.watch_id, id);
        client.cancel(id);
        assert!(client.next().await.canceled);
    }
    world.commit(&["a"]);
    assert_eq!(client.said().await, of(0, 2, "a"));
    assert!(client.is_quiet());
}
