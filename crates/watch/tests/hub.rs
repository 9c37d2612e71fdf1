//! One behaviour of the hub a test: order, progress, catch-up, falling behind, and the end.

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use conclave_mvcc::{KeyRange, Revision};
use conclave_watch::{Reach, WatchOptions};
use support::{Seen, Store, next, poll_once, revised};

fn small_tail(tail_revisions_max: usize) -> WatchOptions {
    WatchOptions { tail_revisions_max, ..WatchOptions::default() }
}

#[tokio::test]
async fn live_events_come_in_order_and_cut_to_the_ranges() {
    let store = Store::new(WatchOptions::default());
    let mut watcher = store.watch(&[(b'b', b'd'), (b'c', b'e'), (b'x', b'x')], 1);
    store.commit(b"abcdex");
    store.commit(b"a");
    store.commit(b"d");
    assert_eq!(next(&mut watcher).await, Seen::Changes(1, b"bcd".to_vec()));
    assert_eq!(next(&mut watcher).await, Seen::Changes(3, b"d".to_vec()));
    assert_eq!(poll_once(&mut watcher).await, None, "nothing is left, and nothing is said of it");
}

#[tokio::test]
async fn progress_is_told_when_nothing_matched_and_never_ahead_of_an_event() {
    let store = Store::new(WatchOptions::default());
    let mut watcher = store.watch(&[(b'b', b'c')], 1);
    assert_eq!(poll_once(&mut watcher).await, None, "an empty store has no progress to tell");
    store.commit(b"b");
    store.commit(b"a");
    assert_eq!(next(&mut watcher).await, Seen::Changes(1, b"b".to_vec()));
    assert_eq!(next(&mut watcher).await, Seen::Progress(2));
    assert_eq!(watcher.told(), Revision::new(2));
    assert_eq!(poll_once(&mut watcher).await, None, "the same progress is not told twice");
}

#[tokio::test]
async fn a_start_in_the_future_yields_nothing_older() {
    let store = Store::new(WatchOptions::default());
    store.commit(b"b");
    let mut watcher = store.watch(&[(b'b', b'c')], 4);
    for _ in 2..=3 {
        store.commit(b"b");
        assert_eq!(poll_once(&mut watcher).await, None);
    }
    store.commit(b"b");
    assert_eq!(next(&mut watcher).await, Seen::Changes(4, b"b".to_vec()));
}

#[tokio::test]
async fn a_start_in_the_future_of_a_small_tail_yields_nothing_older() {
    let store = Store::new(small_tail(1));
    let mut watcher = store.watch(&[(b'b', b'c')], 5);
    for _ in 1..=8 {
        store.commit(b"b");
    }
    for revision in 5..=8 {
        assert_eq!(next(&mut watcher).await, Seen::Changes(revision, b"b".to_vec()));
    }
}

#[tokio::test]
async fn whoever_waits_is_woken() {
    let store = Arc::new(Store::new(WatchOptions::default()));
    let mut watcher = store.watch(&[(b'b', b'c')], 1);
    let (told, committed) = tokio::join!(next(&mut watcher), async {
        tokio::task::yield_now().await;
        store.commit(b"b")
    });
    assert_eq!(told, Seen::Changes(committed.get(), b"b".to_vec()));
}

#[tokio::test]
async fn history_before_the_tail_is_replayed_from_the_store() {
    let store = Store::new(WatchOptions { catch_up_revisions_max: 3, ..small_tail(2) });
    for _ in 0..20 {
        store.commit(b"ab");
    }
    let mut watcher = store.watch(&[(b'b', b'c')], 4);
    for revision in 4..=20 {
        assert_eq!(next(&mut watcher).await, Seen::Changes(revision, b"b".to_vec()));
    }
    assert_eq!(poll_once(&mut watcher).await, None);
    assert_eq!(store.history.reads.load(Ordering::SeqCst), 5, "15 revisions before the tail, 3 a read");
}

#[tokio::test]
async fn catching_up_tells_nothing_that_was_not_published() {
    let store = Store::new(small_tail(1));
    store.commit(b"b");
    store.commit(b"b");
    store.commit(b"a");
    store.history.append(revised(4, b"b", 8));
    let mut watcher = store.watch(&[(b'b', b'c')], 1);
    assert_eq!(next(&mut watcher).await, Seen::Changes(1, b"b".to_vec()));
    assert_eq!(next(&mut watcher).await, Seen::Changes(2, b"b".to_vec()));
    assert_eq!(next(&mut watcher).await, Seen::Progress(3));
    store.hub.publish(&[revised(4, b"b", 8)], Revision::new(4));
    assert_eq!(next(&mut watcher).await, Seen::Changes(4, b"b".to_vec()));
}

#[tokio::test]
async fn a_cancelled_next_loses_nothing() {
    let store = Store::new(small_tail(1));
    for _ in 0..10 {
        store.commit(b"b");
    }
    let mut watcher = store.watch(&[(b'b', b'c')], 1);
    store.history.hold();
    assert_eq!(poll_once(&mut watcher).await, None, "the read of history is held");
    assert_eq!(poll_once(&mut watcher).await, None);
    store.history.release();
    for revision in 1..=10 {
        assert_eq!(next(&mut watcher).await, Seen::Changes(revision, b"b".to_vec()));
    }
    assert_eq!(store.history.reads.load(Ordering::SeqCst), 1, "the cancelled read was taken up again");
}

#[tokio::test]
async fn too_far_behind_is_told_until_the_reader_resumes() {
    let store = Store::new(WatchOptions { behind_revisions_max: 5, ..small_tail(2) });
    let mut watcher = store.watch(&[(b'b', b'c')], 1);
    for _ in 0..6 {
        store.commit(b"b");
    }
    assert_eq!(next(&mut watcher).await, Seen::Behind(6));
    store.commit(b"b");
    assert_eq!(next(&mut watcher).await, Seen::Behind(7), "until it resumes it is told nothing else");
    watcher.resume_from(Revision::new(7));
    assert_eq!(next(&mut watcher).await, Seen::Changes(7, b"b".to_vec()));
}

#[tokio::test]
async fn what_was_collected_is_not_replayed_with_a_gap() {
    let store = Store::new(small_tail(1));
    for _ in 0..6 {
        store.commit(b"ab");
    }
    *store.history.gone.lock() = Some((KeyRange::single("a"), Revision::new(3)));
    let mut from_within = store.watch(&[(b'a', b'b')], 3);
    assert_eq!(next(&mut from_within).await, Seen::Behind(6));
    from_within.resume_from(Revision::new(7));
    assert_eq!(poll_once(&mut from_within).await, None);
    let mut from_above = store.watch(&[(b'a', b'b')], 4);
    assert_eq!(next(&mut from_above).await, Seen::Changes(4, b"a".to_vec()));
    let mut of_others = store.watch(&[(b'b', b'c')], 1);
    assert_eq!(next(&mut of_others).await, Seen::Changes(1, b"b".to_vec()));
}

#[tokio::test]
async fn the_tail_serves_whoever_it_reaches_however_far_behind() {
    let store = Store::new(WatchOptions { behind_revisions_max: 5, ..small_tail(100) });
    let mut watcher = store.watch(&[(b'b', b'c')], 1);
    for _ in 0..50 {
        store.commit(b"b");
    }
    for revision in 1..=50 {
        assert_eq!(next(&mut watcher).await, Seen::Changes(revision, b"b".to_vec()));
    }
}

#[tokio::test]
async fn a_snapshot_past_the_cursor_means_behind_and_one_before_it_does_not() {
    let store = Store::new(WatchOptions::default());
    store.commit(b"b");
    let mut old = store.watch(&[(b'b', b'c')], 1);
    let mut ahead = store.watch(&[(b'b', b'c')], 10);
    for revision in 2..=9 {
        store.history.append(revised(revision, b"b", 8));
    }
    store.hub.reset(Revision::new(9));
    assert_eq!(next(&mut old).await, Seen::Behind(9));
    assert_eq!(poll_once(&mut ahead).await, None);
    old.resume_from(Revision::new(10));
    let mut fresh = store.watch(&[(b'b', b'c')], 8);
    store.commit(b"b");
    assert_eq!(next(&mut old).await, Seen::Changes(10, b"b".to_vec()));
    assert_eq!(next(&mut ahead).await, Seen::Changes(10, b"b".to_vec()));
    for revision in 8..=10 {
        assert_eq!(next(&mut fresh).await, Seen::Changes(revision, b"b".to_vec()));
    }
}

#[tokio::test]
async fn whoever_reads_history_is_never_too_far_behind_and_outlasts_a_snapshot() {
    let store = Store::new(WatchOptions { behind_revisions_max: 2, ..small_tail(2) });
    let mut watcher = store.watch(&[(b'b', b'c')], 1).reaching(Reach::History);
    for _ in 0..10 {
        store.commit(b"b");
    }
    assert_eq!(next(&mut watcher).await, Seen::Changes(1, b"b".to_vec()));
    for revision in 11..=15 {
        store.history.append(revised(revision, b"b", 8));
    }
    store.hub.reset(Revision::new(15));
    for revision in 2..=15 {
        assert_eq!(next(&mut watcher).await, Seen::Changes(revision, b"b".to_vec()));
    }
    *store.history.gone.lock() = Some((KeyRange::single("b"), Revision::new(3)));
    let mut late = store.watch(&[(b'b', b'c')], 3).reaching(Reach::History);
    assert_eq!(next(&mut late).await, Seen::Behind(15), "what is gone is said");
}

#[tokio::test]
async fn whoever_keeps_to_the_tail_never_reads_history() {
    let store = Store::new(small_tail(2));
    let mut watcher = store.watch(&[(b'b', b'c')], 1).reaching(Reach::Tail);
    store.commit(b"b");
    store.commit(b"b");
    assert_eq!(next(&mut watcher).await, Seen::Changes(1, b"b".to_vec()));
    store.commit(b"b");
    assert_eq!(next(&mut watcher).await, Seen::Changes(2, b"b".to_vec()), "it is in the tail yet");
    store.commit(b"b");
    store.commit(b"b");
    assert_eq!(next(&mut watcher).await, Seen::Behind(5));
    watcher.resume_from(Revision::new(6));
    store.hub.reset(Revision::new(9));
    assert_eq!(next(&mut watcher).await, Seen::Behind(9), "a snapshot is not in the tail");
    assert_eq!(store.history.reads.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_was_published_before_is_ignored() {
    let store = Store::new(WatchOptions::default());
    let mut watcher = store.watch(&[(b'b', b'c')], 1);
    store.commit(b"b");
    store.hub.publish(&[revised(1, b"b", 8)], Revision::new(1));
    assert_eq!(next(&mut watcher).await, Seen::Changes(1, b"b".to_vec()));
    assert_eq!(poll_once(&mut watcher).await, None);
}

#[tokio::test]
async fn the_tail_is_bounded_by_bytes_and_by_revisions() {
    let options =
        WatchOptions { tail_size_bytes_max: 10_000, tail_revisions_max: 40, ..WatchOptions::default() };
    let store = Store::new(options);
    let mut watcher = store.watch(&[(b'b', b'c')], 1);
    for round in 0..200_usize {
        store.commit_sized(b"b", round * 97 % 12_000);
        let stats = store.hub.stats();
        let size_kept = stats.tail_size_bytes <= 10_000 || stats.tail_revisions == 1;
        assert!(size_kept && stats.tail_revisions <= 40, "{stats:?}");
    }
    for _ in 0..100 {
        store.commit_sized(b"b", 0);
    }
    assert_eq!(store.hub.stats().tail_revisions, 40);
    for revision in 1..=300 {
        assert_eq!(next(&mut watcher).await, Seen::Changes(revision, b"b".to_vec()));
    }
}

#[tokio::test]
async fn a_revision_beyond_the_bound_is_told_from_memory_to_whoever_is_up_to_date() {
    let options = WatchOptions { tail_size_bytes_max: 10_000, ..WatchOptions::default() };
    let store = Store::new(options);
    store.commit(b"b");
    let mut watchers: Vec<_> = (0..20).map(|_| store.watch(&[(b'b', b'c')], 2)).collect();
    store.commit_sized(b"b", 50_000);
    for watcher in &mut watchers {
        assert_eq!(next(watcher).await, Seen::Changes(2, b"b".to_vec()));
    }
    assert_eq!(store.history.reads.load(Ordering::SeqCst), 0, "nobody reads it from the store");
    store.commit(b"b");
    assert_eq!(store.hub.stats().tail_revisions, 1, "it goes when another one comes");
}

#[tokio::test]
async fn publishing_waits_neither_for_a_watcher_nor_for_the_store() {
    let store = Store::new(small_tail(1));
    for _ in 0..5 {
        store.commit(b"b");
    }
    let mut watchers: Vec<_> = (0..20).map(|_| store.watch(&[(b'b', b'c')], 1)).collect();
    store.history.hold();
    for watcher in &mut watchers {
        assert_eq!(poll_once(watcher).await, None);
    }
    // Nobody polls the watchers, and every read of history is held: this returns all the same.
    for _ in 0..100 {
        store.commit(b"b");
    }
    store.history.release();
    for watcher in &mut watchers {
        for revision in 1..=105 {
            assert_eq!(next(watcher).await, Seen::Changes(revision, b"b".to_vec()));
        }
    }
}

#[tokio::test]
async fn history_that_cannot_be_read_is_said() {
    let store = Store::new(small_tail(1));
    for _ in 0..5 {
        store.commit(b"b");
    }
    *store.history.broken.lock() = Some("bad checksum".into());
    let mut watcher = store.watch(&[(b'b', b'c')], 1);
    assert_eq!(next(&mut watcher).await, Seen::Failed);
}

#[tokio::test]
async fn closing_ends_all_watchers_after_the_running_reads() {
    let store = Store::new(small_tail(1));
    for _ in 0..5 {
        store.commit(b"b");
    }
    let (mut waiting, mut reading) = (store.watch(&[(b'b', b'c')], 6), store.watch(&[(b'b', b'c')], 1));
    store.history.hold();
    assert_eq!(poll_once(&mut reading).await, None);
    let closing = store.hub.close();
    tokio::pin!(closing);
    let early = tokio::time::timeout(Duration::from_millis(50), &mut closing).await;
    assert!(early.is_err(), "a read of history still runs");
    assert_eq!(next(&mut waiting).await, Seen::Closed);
    store.history.release();
    closing.await;
    assert_eq!(next(&mut reading).await, Seen::Closed);
    assert_eq!(next(&mut store.watch(&[(b'b', b'c')], 1)).await, Seen::Closed);
    drop((waiting, reading));
    assert_eq!(store.hub.stats().watchers, 0);
}
