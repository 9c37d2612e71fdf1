//! A million steps: two long walks that are the same every time, side by side.

use std::collections::BTreeMap;
use std::env;

use conclave_core::{Command, Proposal};
use conclave_mvcc::Batch;

use crate::Trio;
use crate::steps::{Draw, step};
use crate::world::empty;

/// How many steps each walk takes; another number may be set for a longer one, or a shorter one.
const STEPS: &str = "CONCLAVE_LOCK_STEPS";
const STEPS_DEFAULT: u64 = 500_000;
/// All reads and rows are looked at after so many steps.
const LOOK_EVERY: u64 = 1_009;
/// Steps in one batch, at most.
const BATCH_MAX: u64 = 8;

/// SplitMix64: a number after the other from a seed.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn draw(&mut self) -> Draw {
        let mut draw = Draw::default();
        draw[..8].copy_from_slice(&self.next().to_be_bytes());
        draw[8..].copy_from_slice(&self.next().to_be_bytes());
        draw
    }
}

#[test]
fn half_a_million_steps() {
    walk(1);
}

#[test]
fn and_half_a_million_others() {
    walk(2);
}

fn walk(seed: u64) {
    let steps = env::var(STEPS).map_or(STEPS_DEFAULT, |steps| steps.parse().unwrap());
    let (mut map, mut trio) = (empty(), Trio::default());
    let (mut numbers, mut seen) = (Numbers(seed), BTreeMap::new());
    while trio.entries < steps {
        let mut batch = Batch::new(&map);
        for _ in 0..=numbers.next() % BATCH_MAX {
            let entry = step(&numbers.draw(), &trio.model, trio.entries);
            let applied = trio.check_entry(&mut batch, &entry);
            if let (Some(proposal), Some(answer)) = (entry, applied.answer) {
                let refused = answer.as_ref().err().map_or("done", |refused| refused.reason());
                *seen.entry((kind(&proposal), refused)).or_insert(0) += 1_u64;
            }
            if trio.entries.is_multiple_of(LOOK_EVERY) {
                trio.check_all(&batch);
            }
        }
        let writes = batch.into_writes();
        map.write(&writes);
    }
    trio.check_all(&map);
    assert_all_was_seen(steps, &seen);
}

fn kind(proposal: &Proposal) -> &'static str {
    match proposal.command {
        Command::Lease(_) => "lease",
        Command::Lock(_) => "lock",
        _ => "fenced",
    }
}

/// The walk came by all that can happen; else it shows less than it says.
fn assert_all_was_seen(steps: u64, seen: &BTreeMap<(&str, &str), u64>) {
    let refusals = [
        ("lease", "session-exists"),
        ("lease", "session-not-found"),
        ("lease", "term-over"),
        ("lock", "session-not-found"),
        ("lock", "request-id-reused"),
        ("lock", "lock-held"),
        ("lock", "lock-not-found"),
        ("lock", "lock-not-held"),
        ("lock", "lock-capacity-mismatch"),
        ("lock", "lock-mode-change"),
        ("lock", "lock-token-mismatch"),
        ("lock", "acquire-id-reused"),
        ("fenced", "lock-token-mismatch"),
    ];
    for what in [("lease", "done"), ("lock", "done"), ("fenced", "done")].into_iter().chain(refusals) {
        assert!(
            steps < 10_000 || seen.get(&what).is_some_and(|times| *times > steps / 10_000),
            "{what:?}: {seen:?}"
        );
    }
}
