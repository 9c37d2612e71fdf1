//! The configuration against a naive model: the same answers, reads, history and events after every step
//! of a random sequence; and the same bytes however the steps are batched.

#![allow(clippy::unwrap_used, reason = "a test is told of a failed condition by a panic")]

mod finds;
mod pins;
mod questions;
mod steps;
mod world;

use conclave_core::{
    Applied, EntryContext, EntryKind, ItemKey, NamespaceName, Proposal, apply, digest, encode_proposal,
    preview,
};
use conclave_mvcc::{Batch, MemoryMap, Recent, newest_revision};
use proptest::prelude::*;

use questions::{Question, question};
use steps::{Change, KEYS, NAMESPACES, Step, change, step};
use world::Model;

/// An entry of the log; none: one of the log's own.
type Entry = Option<Proposal>;

fn apply_entry(batch: &mut Batch<'_>, index: usize, entry: &Entry) -> Applied {
    let context = EntryContext { index: index as u64, term: 1 };
    let encoded = entry.as_ref().map(encode_proposal);
    let kind = encoded.as_ref().map_or(EntryKind::Other, EntryKind::Proposal);
    apply(batch, context, kind).unwrap()
}

/// Applies entries in batches of these sizes, in turn; gives the map and all answers and events.
fn apply_in_batches(entries: &[Entry], sizes: &[usize]) -> (MemoryMap, Vec<Applied>) {
    let (mut map, mut recent) = (MemoryMap::default(), Recent::new(4_096));
    let mut applied = Vec::new();
    let mut sizes = sizes.iter().cycle();
    while applied.len() < entries.len() {
        let mut batch = Batch::with_recent(&map, recent);
        for entry in entries[applied.len()..].iter().take(*sizes.next().unwrap()) {
            applied.push(apply_entry(&mut batch, applied.len(), entry));
        }
        let (writes, known) = batch.into_parts();
        map.write(&writes);
        recent = known.unwrap();
    }
    (map, applied)
}

fn check_step(map: &mut MemoryMap, model: &mut Model, index: usize, entry: &Entry) {
    let before = (map.clone(), model.newest(), digest(map).unwrap());
    let mut batch = Batch::new(&before.0);
    let Applied { answer, revised, present } = apply_entry(&mut batch, index, entry);
    map.write(batch.writes());
    let expected = entry.as_ref().map(|proposal| model.apply(proposal));
    assert_eq!(answer, expected, "{entry:?}");
    assert_eq!(newest_revision(map).unwrap(), model.newest());
    let changed = (model.newest() != before.1).then_some(model.newest());
    assert_eq!(revised.map(|revised| revised.revision), changed);
    assert_eq!(present, None, "all that is configured has a past");
    assert_ne!(digest(map).unwrap(), before.2, "every entry extends the digest");
}

fn check_preview(map: &MemoryMap, model: &Model, change: &Change) {
    let command = change.command(model);
    assert_eq!(preview(map, &command, 5_000).unwrap(), model.preview(&command, 5_000), "{command:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 384, ..ProptestConfig::default() })]

    #[test]
    fn the_store_does_as_the_model(
        steps in prop::collection::vec((step(), change(), prop::collection::vec(question(), 6)), 1..32),
        batch_sizes in prop::collection::vec(1_usize..6, 1..4),
    ) {
        let (mut map, mut model) = (MemoryMap::default(), Model::new());
        let mut proposals: Vec<Proposal> = Vec::new();
        let mut entries: Vec<Entry> = Vec::new();
        for (step, previewed, questions) in &steps {
            check_preview(&map, &model, previewed);
            let entry = step.proposal(&model, &proposals);
            check_step(&mut map, &mut model, entries.len(), &entry);
            if matches!(step, Step::Do { .. }) {
                proposals.extend(entry.clone());
            }
            entries.push(entry);
            questions.iter().for_each(|question| question.check(&map, &model));
        }
        check_everything(&map, &model);
        check_requests(&map, &proposals);

        let (one_by_one, answers) = apply_in_batches(&entries, &[1]);
        prop_assert_eq!(&one_by_one, &map);
        let (batched, batched_answers) = apply_in_batches(&entries, &batch_sizes);
        prop_assert_eq!(&batched, &map);
        prop_assert_eq!(batched_answers, answers);
    }
}

fn check_everything(map: &MemoryMap, model: &Model) {
    let names = NAMESPACES.map(|name| NamespaceName::parse(name).unwrap());
    let keys = KEYS.map(|key| ItemKey::parse(key, 512).unwrap());
    let questions: Vec<Question> = questions::all(model, &names, &keys);
    questions.iter().for_each(|question| question.check(map, model));
}

/// Each request is remembered once, and has a place of its own in their order.
fn check_requests(map: &MemoryMap, proposals: &[Proposal]) {
    for table in [0x11, 0x12] {
        let rows = map.iter().filter(|(key, _)| key[0] == table).count();
        assert_eq!(rows, proposals.len(), "rows of table {table:#x}");
    }
}
