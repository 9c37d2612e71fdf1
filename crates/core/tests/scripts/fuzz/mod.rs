//! Bytes of log entries, answers and rows that were spoilt: nothing that is done with them panics, and what they do is
//! the same wherever it is done. The good ones are those of the stories beside.

mod more;
mod reads;
mod stories;

use bytes::Bytes;
use conclave_core::{
    Applied, ApplyError, Command, EntryContext, EntryKind, Proposal, apply, decode_answer, decode_command,
    decode_proposal, encode_answer, encode_command, encode_proposal, preview,
};
use conclave_fuzz::inputs_of;
use conclave_mvcc::{Batch, MemoryMap, WriteSet};

pub(crate) use stories::Told;
use stories::all_told;

type Done = Result<(Applied, WriteSet), ApplyError>;

fn done(map: &MemoryMap, context: EntryContext, entry: &Bytes) -> Done {
    let mut batch = Batch::new(map);
    let applied = apply(&mut batch, context, EntryKind::Proposal(entry))?;
    Ok((applied, batch.into_writes()))
}

fn with(map: &MemoryMap, writes: &WriteSet) -> MemoryMap {
    let mut map = map.clone();
    map.write(writes);
    map
}

/// Whatever it was made of, it is as good as one that was made here.
fn keeps(proposal: &Proposal) {
    assert_eq!(decode_proposal(&encode_proposal(proposal)).as_ref(), Ok(proposal));
    let command: &Command = &proposal.command;
    assert_eq!(decode_command(&encode_command(command)).as_ref(), Ok(command));
}

#[test]
fn fuzz_entries() {
    let told = all_told();
    inputs_of!(told.iter().map(|told| &told.entry)).for_each(|input| {
        let Told { before, context, .. } = &told[input.seed];
        let entry = Bytes::copy_from_slice(input);
        let found = done(before, *context, &entry);
        assert_eq!(found, done(&before.clone(), *context, &entry));
        let Ok(proposal) = decode_proposal(&entry) else {
            assert!(matches!(found, Err(ApplyError::Undecodable { .. })), "{found:?}");
            return;
        };
        keeps(&proposal);
        let (applied, writes) = found.expect("the state is whole");
        let answer = applied.answer.expect("a proposal is answered");
        assert_eq!(decode_answer(&encode_answer(&answer)), Ok(answer));
        reads::all(&with(before, &writes)).expect("the state is whole afterwards");
        preview(before, &proposal.command, proposal.time_ms).expect("the state is whole").ok();
    });
}

#[test]
fn fuzz_answers() {
    let told = all_told();
    inputs_of!(told.iter().map(|told| &told.answer)).for_each(|input| {
        if let Ok(answer) = decode_answer(input) {
            assert_eq!(decode_answer(&encode_answer(&answer)), Ok(answer));
        }
    });
}

#[test]
fn fuzz_rows() {
    let rows = stories::rows(all_told());
    inputs_of!(rows.iter().map(|row| &row.value)).for_each(|input| {
        let row = &rows[input.seed];
        let mut writes = WriteSet::default();
        writes.put(row.key.clone(), Bytes::copy_from_slice(input));
        let damaged = with(&row.told.before, &writes);
        reads::each(&damaged);
        let found = done(&damaged, row.told.context, &row.told.entry);
        assert_eq!(found, done(&damaged.clone(), row.told.context, &row.told.entry));
    });
}
