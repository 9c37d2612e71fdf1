//! Many watchers of random speed over random revisions: each is told exactly its filtered sequence, once
//! and in order, whatever the bounds; and where it is told that it is behind, the bounds say so too.

mod support;

use std::sync::Arc;

use conclave_mvcc::Revision;
use conclave_watch::{Reach, WatchOptions, Watcher};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::sample::select;
use support::{Seen, Store, next, poll_once, revised};

#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<u8>),
    /// A snapshot brings so many revisions.
    Snapshot(u8),
    Watch {
        from: u8,
        width: u8,
        start: u8,
        reach: Reach,
    },
    /// One watcher is asked so often, and each time the answer must come if there is one.
    Pull(usize, u8),
    /// One watcher's `next` is polled once and dropped.
    Cancel(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let keys = vec(0_u8..8, 1..4).prop_map(|mut keys| {
        keys.sort_unstable();
        keys.dedup();
        keys
    });
    prop_oneof![
        8 => keys.prop_map(Step::Commit),
        1 => (1_u8..6).prop_map(Step::Snapshot),
        2 => (0_u8..8, 0_u8..6, 0_u8..40, select(&[Reach::Bounded, Reach::History, Reach::Tail]))
            .prop_map(|(from, width, start, reach)| Step::Watch { from, width, start, reach }),
        6 => (any::<usize>(), 1_u8..6).prop_map(|(watcher, times)| Step::Pull(watcher, times)),
        2 => any::<usize>().prop_map(Step::Cancel),
    ]
}

fn options() -> impl Strategy<Value = WatchOptions> {
    (0_usize..6, prop_oneof![Just(usize::MAX), 200_usize..2_000], 4_u64..12, 1_usize..4, 1_u32..3).prop_map(
        |(tail_revisions_max, tail_size_bytes_max, behind, catch_up_revisions_max, reads)| WatchOptions {
            tail_size_bytes_max,
            tail_revisions_max,
            behind_revisions_max: behind,
            catch_up_revisions_max,
            catch_up_size_bytes_max: 1 << 20,
            catch_up_reads_max: reads,
        },
    )
}

/// A watcher and what it must be told.
struct Watching {
    watcher: Watcher,
    reach: Reach,
    keys: std::ops::Range<u8>,
    /// All up to here was told, or lies before the start.
    told: u64,
    snapshot_missed: bool,
}

impl Watching {
    /// The next revision that it must be told, with the keys of it.
    fn due(&self, store: &Store) -> Option<Seen> {
        store.history.all().iter().filter(|one| one.revision.get() > self.told).find_map(|one| {
            let keys: Vec<u8> =
                one.events.iter().map(|event| event.key[0]).filter(|key| self.keys.contains(key)).collect();
            (!keys.is_empty()).then_some(Seen::Changes(one.revision.get(), keys))
        })
    }

    fn take(&mut self, store: &Store, options: &WatchOptions, seen: &Seen) {
        let newest = store.history.newest().get();
        match seen {
            Seen::Changes(revision, _) => {
                assert_eq!(Some(seen), self.due(store).as_ref(), "exactly what is due");
                self.told = *revision;
            }
            Seen::Progress(revision) => {
                assert_eq!(*revision, newest);
                assert!(*revision > self.told, "progress goes forward");
                assert_eq!(self.due(store), None, "progress ahead of an event");
                self.told = *revision;
            }
            Seen::Behind(at) => {
                assert_eq!(*at, newest);
                let lag = newest - self.told;
                match self.reach {
                    Reach::Bounded => {
                        assert!(
                            self.snapshot_missed || lag > options.behind_revisions_max,
                            "lag is only {lag}"
                        );
                    }
                    Reach::History => unreachable!("all history is there"),
                    Reach::Tail => assert!(self.told < store.before_tail(), "it is in memory"),
                }
                self.watcher.resume_from(Revision::new(newest + 1));
                self.told = newest;
                self.snapshot_missed = false;
            }
            Seen::Closed | Seen::Failed => unreachable!("nothing closes or breaks the hub: {seen:?}"),
        }
        assert_eq!(self.watcher.told().get(), self.told);
    }

    fn is_up_to_date(&self, store: &Store) -> bool {
        self.told >= store.history.newest().get()
    }
}

async fn run(options: WatchOptions, steps: Vec<Step>) {
    let store = Store::new(options.clone());
    let mut watchings: Vec<Watching> = Vec::new();
    for step in steps {
        match step {
            Step::Commit(keys) => drop(store.commit(&keys)),
            Step::Snapshot(revisions) => {
                let next = store.history.newest().get() + 1;
                (next..next + u64::from(revisions))
                    .for_each(|at| store.history.append(revised(at, b"\x01", 8)));
                let newest = store.history.newest();
                store.hub.reset(newest);
                watchings.iter_mut().for_each(|one| one.snapshot_missed = one.told < newest.get());
            }
            Step::Watch { from, width, start, reach } => watchings.push(Watching {
                watcher: store.watch(&[(from, from + width)], u64::from(start)).reaching(reach),
                reach,
                keys: from..from + width,
                told: u64::from(start).saturating_sub(1),
                snapshot_missed: false,
            }),
            Step::Pull(which, times) => pull(&store, &options, &mut watchings, (which, times)).await,
            Step::Cancel(which) => {
                if let Some(watching) = pick(&mut watchings, which)
                    && let Some(seen) = poll_once(&mut watching.watcher).await
                {
                    watching.take(&store, &options, &seen);
                }
            }
        }
    }
    for watching in &mut watchings {
        while !watching.is_up_to_date(&store) {
            let seen = next(&mut watching.watcher).await;
            watching.take(&store, &options, &seen);
        }
        assert_eq!(poll_once(&mut watching.watcher).await, None, "told more than there is");
    }
}

async fn pull(
    store: &Store,
    options: &WatchOptions,
    watchings: &mut [Watching],
    (which, times): (usize, u8),
) {
    let Some(watching) = pick(watchings, which) else { return };
    for _ in 0..times {
        if watching.is_up_to_date(store) {
            assert_eq!(poll_once(&mut watching.watcher).await, None, "told more than there is");
            return;
        }
        let seen = next(&mut watching.watcher).await;
        watching.take(store, options, &seen);
    }
}

fn pick(watchings: &mut [Watching], which: usize) -> Option<&mut Watching> {
    let count = watchings.len();
    (count > 0).then(|| &mut watchings[which % count])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_watcher_is_told_exactly_its_own(options in options(), steps in vec(step(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(run(options, steps));
    }
}

/// The same on several threads at once, with a publisher that never waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn watchers_of_all_speeds_keep_up_with_a_publisher_that_never_waits() {
    const REVISIONS: u64 = 5_000;
    let options = WatchOptions {
        tail_revisions_max: 50,
        behind_revisions_max: u64::MAX,
        catch_up_revisions_max: 20,
        ..WatchOptions::default()
    };
    let store = Arc::new(Store::new(options));
    let mut tasks = tokio::task::JoinSet::new();
    for slowness in 0..24_u64 {
        let mut watcher = store.watch(&[(0, 5)], 1);
        tasks.spawn(async move {
            let mut expected = (1..=REVISIONS).filter(|revision| revision % 8 < 5);
            while watcher.told().get() < REVISIONS {
                if let Seen::Changes(revision, keys) = next(&mut watcher).await {
                    assert_eq!(Some(revision), expected.next());
                    assert_eq!(keys, [u8::try_from(revision % 8).expect("below 8")]);
                }
                for _ in 0..slowness {
                    tokio::task::yield_now().await;
                }
            }
            assert_eq!(expected.next(), None);
        });
    }
    for revision in 1..=REVISIONS {
        store.commit(&[u8::try_from(revision % 8).expect("below 8")]);
        if revision % 16 == 0 {
            tokio::task::yield_now().await;
        }
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("the watcher was told everything in order");
    }
}
