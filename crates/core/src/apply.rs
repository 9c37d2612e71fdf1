//! One log entry applied: the only way in which anything changes.

use std::borrow::Cow;

use bytes::Bytes;
use conclave_mvcc::{Batch, MapError, ReadMap, Revised, WriteSet};

use crate::answer::{Answer, Outcome};
use crate::command::{Command, split_proposal};
use crate::encoding::DecodeError;
use crate::execute::{Moment, execute};
use crate::ledger::Ledger;
use crate::rejection::Rejection;
use crate::requests::Request;

/// An entry's place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryContext {
    /// Its index.
    pub index: u64,
    /// The term in which it was proposed.
    pub term: u64,
}

/// What a log entry holds.
#[derive(Clone, Copy, Debug)]
pub enum EntryKind<'a> {
    /// An encoded [`Proposal`](crate::Proposal).
    Proposal(&'a Bytes),
    /// Something of the log's own, blank or about members. It only extends the digest.
    Other,
}

/// What applying an entry led to. Both are for the outside; the writes are in the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The answer to the proposal.
    pub answer: Option<Answer>,
    /// The revision that the entry took, if it changed the keyspace.
    pub revised: Option<Revised>,
    /// The same of the keys of which only the present is kept: leases and locks.
    pub present: Option<Revised>,
}

/// Why an entry cannot be applied. Fatal: the node must stop rather than go on without it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// This version cannot read it, or it was damaged.
    #[error("log entry {index} cannot be read: {source}")]
    Undecodable {
        /// Which.
        index: u64,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// The state cannot be read.
    #[error(transparent)]
    Map(#[from] MapError),
}

/// Applies one entry to the batch. A function: the same state, entry and context give the same answer and
/// the same bytes. A rejection is an answer too; it leaves the keyspace as it is.
///
/// # Errors
/// Only what must stop the node. Nothing was added to the batch then.
pub fn apply(
    batch: &mut Batch<'_>,
    context: EntryContext,
    entry: EntryKind<'_>,
) -> Result<Applied, ApplyError> {
    let mut ledger = Ledger::read(batch)?;
    let (answer, done) = match entry {
        EntryKind::Other => (None, Done::default()),
        EntryKind::Proposal(bytes) => {
            let (answer, done) = settle(batch, &mut ledger, context, bytes)?;
            (Some(answer), done)
        }
    };
    let Done { mut writes, revised, present } = done;
    ledger.close_entry(context, &mut writes);
    batch.absorb(writes)?;
    Ok(Applied { answer, revised, present })
}

/// What a command would be answered now, without doing it: the outcome names revision 0.
///
/// # Errors
/// If the map cannot be read.
pub fn preview(view: &dyn ReadMap, command: &Command, time_ms: i64) -> Result<Answer, ApplyError> {
    let times = Ledger::read(view)?.times(time_ms);
    // What depends on a term is of the leader alone and not previewed.
    let (answer, _) = execute(view, command, Moment { term: 0, times })?;
    Ok(answer.map(|outcome| match outcome {
        Outcome::Config(outcome) => Outcome::Config(outcome.without_revision()),
        outcome => outcome,
    }))
}

/// What was done to the keyspace, and what is to be written for it.
#[derive(Default)]
struct Done {
    writes: WriteSet,
    revised: Option<Revised>,
    present: Option<Revised>,
}

/// Answers a proposal: as it was answered before if it is a retry, else by doing its command.
fn settle(
    view: &dyn ReadMap,
    ledger: &mut Ledger,
    context: EntryContext,
    bytes: &Bytes,
) -> Result<(Answer, Done), ApplyError> {
    let (proposal, command_bytes) =
        split_proposal(bytes).map_err(|source| ApplyError::Undecodable { index: context.index, source })?;
    let times = ledger.times(proposal.time_ms);
    ledger.time_ms = times.told_ms;
    let is_remembered = proposal.command.is_remembered();
    let identity = if is_remembered { proposal.command.identity(command_bytes) } else { Cow::default() };
    let request = Request::new(&proposal.request_id, &identity);
    if is_remembered && let Some(answer) = request.recall(view)? {
        return Ok((answer, Done::default()));
    }
    let (answer, sealed) = execute(view, &proposal.command, Moment::of(context, times))?;
    let mut done = sealed.map_or_else(Done::default, |sealed| Done {
        writes: sealed.writes,
        revised: sealed.revised,
        present: sealed.present,
    });
    if is_remembered && !answer.as_ref().is_err_and(Rejection::passes) {
        request.remember(view, &mut done.writes, ledger.requests, &answer)?;
        ledger.requests += 1;
    }
    Ok((answer, done))
}

#[cfg(test)]
mod tests {
    use conclave_mvcc::MemoryMap;

    use super::*;
    use crate::command::{By, Proposal, encode_proposal};
    use crate::config::{Authorship, ConfigCommand, CreateNamespace, SettingsChange};
    use crate::digest::digest;
    use crate::kv::{KvCommand, Operation, Put, PutLease, Txn};
    use crate::names::{NamespaceName, RequestId};
    use crate::tables::{LEDGER, REQUESTS};

    const CONTEXT: EntryContext = EntryContext { index: 7, term: 1 };

    fn create() -> Bytes {
        let create = CreateNamespace {
            namespace: NamespaceName::parse("shop").unwrap(),
            settings: SettingsChange::default(),
            authorship: Authorship::default(),
        };
        let command = Command::Config(ConfigCommand::CreateNamespace(create));
        encode_proposal(&Proposal { request_id: RequestId::parse("r1").unwrap(), time_ms: 1, command })
    }

    fn fails(map: &MemoryMap, entry: &Bytes) -> ApplyError {
        let mut batch = Batch::new(map);
        let error = apply(&mut batch, CONTEXT, EntryKind::Proposal(entry)).unwrap_err();
        assert!(batch.writes().is_empty(), "nothing is written of an entry that fails");
        error
    }

    #[test]
    fn an_entry_that_cannot_be_read_is_fatal() {
        let newer = [b"\x02", &create()[1..]].concat().into();
        let error = fails(&MemoryMap::default(), &newer);
        assert!(matches!(error, ApplyError::Undecodable { index: 7, .. }));
        assert_eq!(
            error.to_string(),
            "log entry 7 cannot be read: format 2 is unknown here, 1 is known: \
             run the version that wrote it, or a newer one"
        );
    }

    #[test]
    fn a_damaged_row_is_fatal_and_no_answer() {
        for row in [LEDGER.row_key(b""), REQUESTS.row_key(b"r1")] {
            let mut writes = WriteSet::default();
            writes.put(row, "damaged".into());
            let mut map = MemoryMap::default();
            map.write(&writes);
            assert!(matches!(fails(&map, &create()), ApplyError::Map(_)));
        }
    }

    #[test]
    fn what_is_told_of_plain_keys_is_not_remembered() {
        let put =
            Put { key: "k".into(), value: Some("v".into()), lease: PutLease::None, with_previous: false };
        let txn = Txn { success: vec![Operation::Put(put)], ..Txn::default() };
        let command = Command::Kv(KvCommand::Txn(txn));
        let by = Command::By(By { caller: None, command: Box::new(command.clone()) });
        let mut map = MemoryMap::default();
        for (number, command) in (2..).zip([command.clone(), command, by.clone(), by]) {
            let proposal = Proposal { request_id: RequestId::unused(), time_ms: 1, command };
            let mut batch = Batch::new(&map);
            let applied =
                apply(&mut batch, CONTEXT, EntryKind::Proposal(&encode_proposal(&proposal))).unwrap();
            assert_eq!(applied.revised.unwrap().revision.get(), number, "each is done");
            let writes = batch.into_writes();
            map.write(&writes);
        }
        assert_eq!(REQUESTS.get(&map, RequestId::unused().as_str().as_bytes()), Ok(None));
    }

    #[test]
    fn the_digest_depends_on_index_and_term() {
        let map = MemoryMap::default();
        let after = |context| {
            let mut batch = Batch::new(&map);
            let applied = apply(&mut batch, context, EntryKind::Other).unwrap();
            assert_eq!(applied, Applied { answer: None, revised: None, present: None });
            digest(&batch).unwrap()
        };
        assert_eq!(after(CONTEXT), after(CONTEXT));
        assert_ne!(after(CONTEXT), after(EntryContext { index: 8, ..CONTEXT }));
        assert_ne!(after(CONTEXT), after(EntryContext { term: 2, ..CONTEXT }));
        assert_eq!(digest(&map).unwrap().to_string(), "0".repeat(32));
    }
}
