//! One log entry applied: the only way in which anything changes.

use bytes::Bytes;
use conclave_mvcc::{Batch, MapError, ReadMap, Revised, Transaction, WriteSet};

use crate::answer::{Answer, Outcome};
use crate::command::{Command, split_proposal};
use crate::config::{self, Stop};
use crate::encoding::DecodeError;
use crate::ledger::Ledger;
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
    let Done { mut writes, revised } = done;
    ledger.close_entry(context, &mut writes);
    batch.absorb(writes);
    Ok(Applied { answer, revised })
}

/// What a command would be answered now, without doing it: the outcome names revision 0.
///
/// # Errors
/// If the map cannot be read.
pub fn preview(view: &dyn ReadMap, command: &Command, time_ms: i64) -> Result<Answer, ApplyError> {
    let time_ms = Ledger::read(view)?.time_ms.max(time_ms);
    let (answer, _) = execute(view, command, time_ms)?;
    Ok(answer.map(|Outcome::Config(outcome)| Outcome::Config(outcome.without_revision())))
}

/// What was done to the keyspace, and what is to be written for it.
#[derive(Default)]
struct Done {
    writes: WriteSet,
    revised: Option<Revised>,
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
    ledger.time_ms = ledger.time_ms.max(proposal.time_ms);
    let request = Request::new(&proposal.request_id, command_bytes);
    if let Some(answer) = request.recall(view)? {
        return Ok((answer, Done::default()));
    }
    let (answer, mut done) = execute(view, &proposal.command, ledger.time_ms)?;
    request.remember(view, &mut done.writes, ledger.requests, &answer)?;
    ledger.requests += 1;
    Ok((answer, done))
}

/// Does a command in a transaction of its own, which a rejection drops.
fn execute(view: &dyn ReadMap, command: &Command, time_ms: i64) -> Result<(Answer, Done), MapError> {
    let mut transaction = Transaction::begin(view)?;
    let Command::Config(command) = command;
    match config::apply(&mut transaction, command, time_ms) {
        Ok(outcome) => {
            let sealed = transaction.seal();
            let done = Done { writes: sealed.writes, revised: sealed.revised };
            Ok((Ok(Outcome::Config(outcome)), done))
        }
        Err(Stop::Rejected(rejection)) => Ok((Err(rejection), Done::default())),
        Err(Stop::Broken(error)) => Err(error),
    }
}
