//! Sessions and locks against a naive model: the same answers, reads and events after every step of a random sequence,
//! the same bytes however the steps are batched, and after each step all that a lock promises.

#![allow(clippy::unwrap_used, reason = "a test is told of a failed condition by a panic")]

mod fenced;
mod leases;
mod long;
mod picture;
mod reads;
mod rows;
mod steps;
mod tickets;
mod world;

use conclave_core::{Applied, EntryContext, EntryKind, apply, encode_proposal};
use conclave_mvcc::{Batch, MemoryMap, ReadMap};
use proptest::prelude::*;

use picture::Picture;
use steps::{Draw, Entry, TERM, step};
use world::Model;

fn apply_entry(batch: &mut Batch<'_>, index: u64, entry: &Entry) -> Applied {
    let context = EntryContext { index, term: TERM };
    let encoded = entry.as_ref().map(encode_proposal);
    let kind = encoded.as_ref().map_or(EntryKind::Other, EntryKind::Proposal);
    apply(batch, context, kind).unwrap()
}

/// The store, the model, and a watcher, led through the same entries.
#[derive(Default)]
struct Trio {
    model: Model,
    picture: Picture,
    entries: u64,
}

impl Trio {
    /// Applies an entry to the batch and the model, and compares what can be seen of it.
    fn check_entry(&mut self, batch: &mut Batch<'_>, entry: &Entry) -> Applied {
        self.entries += 1;
        let before = (self.model.revision, self.model.committed);
        let applied = apply_entry(batch, self.entries, entry);
        let expected = entry.as_ref().map(|proposal| self.model.apply(proposal, TERM));
        assert_eq!(applied.answer, expected, "{entry:?}");
        let revisions = [&applied.present, &applied.revised]
            .map(|revised| revised.as_ref().map(|revised| revised.revision.get()));
        let now = (self.model.revision, self.model.committed);
        let changed = [(now.0 != before.0).then_some(now.0), (now.1 != before.1).then_some(now.1)];
        assert_eq!(revisions, changed, "{entry:?}");
        if let Some(revised) = &applied.present {
            for name in self.picture.fold(revised) {
                self.picture.check_lock(&self.model, &name);
            }
        }
        applied
    }

    /// Compares all that the store tells and holds, and all that the watcher knows.
    fn check_all(&self, view: &dyn ReadMap) {
        reads::check(view, &self.model);
        rows::check(view, &self.model);
        self.picture.check(&self.model);
    }
}

/// Applies entries in batches of these sizes, in turn; gives the map and all answers and events.
fn apply_in_batches(entries: &[Entry], sizes: &[usize]) -> (MemoryMap, Vec<Applied>) {
    let mut map = world::empty();
    let mut applied = Vec::new();
    let mut sizes = sizes.iter().cycle();
    while applied.len() < entries.len() {
        let mut batch = Batch::new(&map);
        for entry in entries[applied.len()..].iter().take(*sizes.next().unwrap()) {
            applied.push(apply_entry(&mut batch, applied.len() as u64 + 1, entry));
        }
        let writes = batch.into_writes();
        map.write(&writes);
    }
    (map, applied)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn the_store_does_as_the_model(
        draws in prop::collection::vec(any::<Draw>(), 1..96),
        batch_sizes in prop::collection::vec(1_usize..6, 1..4),
    ) {
        let (mut map, mut trio) = (world::empty(), Trio::default());
        let (mut entries, mut answers) = (Vec::new(), Vec::new());
        for draw in &draws {
            let entry = step(draw, &trio.model, trio.entries);
            let mut batch = Batch::new(&map);
            answers.push(trio.check_entry(&mut batch, &entry));
            let writes = batch.into_writes();
            map.write(&writes);
            trio.check_all(&map);
            entries.push(entry);
        }
        let (batched, batched_answers) = apply_in_batches(&entries, &batch_sizes);
        prop_assert_eq!(&batched, &map);
        prop_assert_eq!(batched_answers, answers);
    }
}
