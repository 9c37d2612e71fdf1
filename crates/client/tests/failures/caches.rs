//! Caches: what programs read while nodes fail, and what they start from while the cluster is away.

use std::path::Path;
use std::sync::{Arc, Mutex};

use conclave_client::config::watch_response::Event;
use conclave_client::config::{Item, ItemChange, Version, WatchHeartbeat, WatchReset, WatchVersion};
use conclave_client::{CacheFileError, CacheOptions, CacheState, ConfigCache, reason};
use futures::StreamExt as _;
use tokio::sync::mpsc;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::fake_node::{End, FakeNode, Stage, client_of, nobody};

fn item(key: &str, value: &str) -> Item {
    Item { key: key.into(), value: value.to_owned().into(), ..Default::default() }
}

fn reset(version: u64, items: &[(&str, &str)]) -> Event {
    let items = items.iter().map(|(key, value)| item(key, value)).collect();
    Event::Reset(WatchReset {
        namespace: "shop".into(),
        version,
        revision: version + 100,
        items,
        ..Default::default()
    })
}

fn version(number: u64, key: &str, value: &str) -> Event {
    let version = Some(Version { version: number, revision: number + 100, ..Default::default() });
    let change = ItemChange { key: key.into(), after: Some(item(key, value)), ..Default::default() };
    Event::Version(WatchVersion {
        namespace: "shop".into(),
        version,
        changes: vec![change],
        ..Default::default()
    })
}

fn refusal(code: Code, reason: &str) -> Stage {
    let details = ErrorDetails::with_error_info(reason, "conclave", []);
    Stage::Refuse(Status::with_error_details(code, "no", details))
}

/// A node that tells what is sent.
async fn live() -> (FakeNode, mpsc::UnboundedSender<Event>) {
    let node = FakeNode::start().await;
    let (sender, events) = mpsc::unbounded_channel();
    node.on_watch(Stage::Live(events));
    (node, sender)
}

fn options() -> CacheOptions {
    CacheOptions { start_timeout_ms: 300, ..CacheOptions::of("shop") }
}

/// Where a node answers: whatever the machine has to do besides.
fn patient() -> CacheOptions {
    CacheOptions { start_timeout_ms: 20_000, ..CacheOptions::of("shop") }
}

fn text(cache: &ConfigCache, key: &str) -> Option<String> {
    cache.get(key).map(|item| String::from_utf8(item.value.to_vec()).expect("tests write text"))
}

/// Leaves a good copy of version 7 in a file.
async fn good_copy(file: &Path) {
    let (node, events) = live().await;
    events.send(reset(7, &[("price", "1")])).unwrap();
    let cache = ConfigCache::open(client_of(&[node.address()]), patient().with_file(file)).await.unwrap();
    cache.close().await;
}

#[tokio::test]
async fn it_follows_and_tells_what_changed() {
    let (node, events) = live().await;
    events.send(reset(7, &[("price", "1"), ("name", "coffee")])).unwrap();
    let cache = ConfigCache::open(client_of(&[node.address()]), patient()).await.unwrap();
    assert_eq!((cache.version(), text(&cache, "price")), (7, Some("1".into())));
    assert!(matches!(cache.state(), CacheState::Fresh { revision: 107 }));

    let heard = Arc::<Mutex<Vec<String>>>::default();
    let (hears, (called, mut calls)) = (Arc::clone(&heard), mpsc::unbounded_channel());
    cache.on_change(move |change| {
        hears.lock().unwrap().extend(change.keys);
        called.send(()).unwrap();
    });
    let mut changes = cache.changes();
    let before = cache.content();
    events.send(version(8, "price", "2")).unwrap();
    let change = changes.next().await.expect("the cache lives");
    assert_eq!((change.before.version(), change.after.version(), change.keys), (7, 8, vec!["price".into()]));
    assert_eq!(text(&cache, "price"), Some("2".into()));
    assert_eq!(cache.get_as::<u32>("price"), Ok(Some(2)));
    assert_eq!(before.get_as::<u32>("price"), Ok(Some(1)), "what was taken stays as it was");
    calls.recv().await.expect("the callback is called");
    assert_eq!(*heard.lock().unwrap(), ["price"]);

    cache.close().await;
    assert!(changes.next().await.is_none(), "the stream ends with the cache");
    assert!(calls.recv().await.is_none(), "and so do callbacks");
}

#[tokio::test]
async fn it_says_when_it_may_be_out_of_date_and_when_no_longer() {
    let (node, events) = live().await;
    events.send(reset(7, &[("price", "1")])).unwrap();
    let cache = ConfigCache::open(client_of(&[node.address()]), patient()).await.unwrap();
    let mut states = cache.states();
    assert!(states.next().await.expect("the present state").is_fresh());

    let (next, more) = mpsc::unbounded_channel();
    node.on_watch(Stage::Live(more));
    drop(events);
    let Some(CacheState::Stale { from_file, cause, .. }) = states.next().await else { panic!("it was lost") };
    assert_eq!((from_file, cause.reason()), (false, reason::STREAM_BROKEN));
    assert_eq!(text(&cache, "price"), Some("1".into()), "what was known is still told");

    next.send(Event::Heartbeat(WatchHeartbeat { revision: 109 })).unwrap();
    assert!(states.next().await.expect("it goes on").is_fresh());
    assert!(matches!(cache.state(), CacheState::Fresh { revision: 109 }));
    assert_eq!(node.watched_from(), [0, 108], "it went on where it was");
}

#[tokio::test]
async fn what_ends_a_watch_does_not_end_the_cache() {
    let node = FakeNode::start().await;
    node.on_watch(Stage::Stream(vec![reset(7, &[("price", "1")])], End::Close));
    node.on_watch(refusal(Code::NotFound, reason::NAMESPACE_NOT_FOUND));
    node.on_watch(Stage::Stream(vec![reset(9, &[("price", "3")])], End::Silence));
    let cache = ConfigCache::open(client_of(&[node.address()]), patient()).await.unwrap();
    let mut changes = cache.changes();
    while cache.version() < 9 {
        changes.next().await.expect("the cache lives");
    }
    assert_eq!(text(&cache, "price"), Some("3".into()));
    assert_eq!(node.watched_from(), [0, 108, 0], "after an end it asks for everything anew");
}

#[tokio::test]
async fn it_starts_from_the_last_good_copy_and_becomes_current() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("last-good");
    good_copy(&file).await;

    let (node, events) = live().await;
    // The first node never answers, and the second one does not before the start is over.
    let addresses = [&*nobody().await, node.address()];
    let cache = ConfigCache::open(client_of(&addresses), options().with_file(&file)).await.unwrap();
    assert_eq!((cache.version(), text(&cache, "price")), (7, Some("1".into())));
    let CacheState::Stale { from_file: true, .. } = cache.state() else { panic!("{:?}", cache.state()) };
    assert!(cache.state().age().as_secs() < 60, "it was current a moment ago");
    assert!(cache.file_problem().is_none());

    let mut changes = cache.changes();
    let (next, more) = mpsc::unbounded_channel();
    node.on_watch(Stage::Live(more));
    for sender in [&events, &next] {
        // Whichever stream it reads from by now.
        let _ = sender.send(reset(8, &[("price", "2")]));
    }
    let change = changes.next().await.expect("the cache lives");
    assert_eq!((change.after.version(), change.keys), (8, vec!["price".into()]));
    assert!(cache.state().is_fresh());
    cache.close().await;

    let away = client_of(&[&nobody().await]);
    let cache = ConfigCache::open(away, options().with_file(&file)).await.unwrap();
    assert_eq!(cache.version(), 8, "the copy was replaced");
}

#[tokio::test]
async fn a_damaged_copy_is_told_and_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("last-good");
    good_copy(&file).await;
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&file, bytes).unwrap();

    let away = client_of(&[&nobody().await]);
    let error = ConfigCache::open(away, options().with_file(&file)).await.unwrap_err();
    assert!(matches!(error.file, Some(CacheFileError::Damaged { .. })));
    // Which of the two comes first is for the machine to say.
    let told = error.to_string();
    assert!(told.contains("cannot connect") || told.contains("no answer within"), "{told}");
    assert!(told.contains("is damaged"), "{told}");

    let (node, events) = live().await;
    events.send(reset(9, &[("price", "3")])).unwrap();
    let cache = ConfigCache::open(client_of(&[node.address()]), patient().with_file(&file)).await.unwrap();
    assert_eq!(cache.version(), 9);
    cache.close().await;
    good_copy_is_of(9, &file).await;
}

async fn good_copy_is_of(version: u64, file: &Path) {
    let away = client_of(&[&nobody().await]);
    let cache = ConfigCache::open(away, options().with_file(file)).await.unwrap();
    assert_eq!(cache.version(), version);
}

#[tokio::test]
async fn a_cluster_that_refuses_is_believed_rather_than_the_copy() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("last-good");
    good_copy(&file).await;
    let node = FakeNode::start().await;
    node.on_watch(refusal(Code::NotFound, reason::NAMESPACE_NOT_FOUND));
    let error =
        ConfigCache::open(client_of(&[node.address()]), patient().with_file(&file)).await.unwrap_err();
    assert_eq!(error.cluster.reason(), reason::NAMESPACE_NOT_FOUND);
}

#[tokio::test]
async fn a_deletion_is_seen_and_does_not_replace_the_last_good_copy() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("last-good");
    let (node, events) = live().await;
    events.send(reset(7, &[("price", "1")])).unwrap();
    let cache = ConfigCache::open(client_of(&[node.address()]), patient().with_file(&file)).await.unwrap();
    let mut changes = cache.changes();
    // The copy of version 7 is written before anything else happens.
    cache_wrote(&file).await;
    let version = Some(Version { version: 8, revision: 108, deleted_namespace: true, ..Default::default() });
    let gone = ItemChange { key: "price".into(), ..Default::default() };
    let deletion =
        WatchVersion { namespace: "shop".into(), version, changes: vec![gone], ..Default::default() };
    events.send(Event::Version(deletion)).unwrap();
    let change = changes.next().await.expect("the cache lives");
    assert!(change.after.is_deleted() && cache.get("price").is_none());
    cache.close().await;
    good_copy_is_of(7, &file).await;
}

/// Waits for the first copy.
async fn cache_wrote(file: &Path) {
    while !file.exists() {
        tokio::task::yield_now().await;
    }
}
