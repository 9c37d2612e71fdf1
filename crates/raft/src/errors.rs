//! What can go wrong, by who must know: the caller of one attempt, or whoever starts the node.

use conclave_storage::StorageError;

use crate::codec::CodecError;

/// Why a proposal has no answer. All but [`OutcomeUnknown`](ProposeError::OutcomeUnknown) and
/// [`Fatal`](ProposeError::Fatal) say that it is not in the log and never will be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// Another node leads.
    #[error("this node does not lead; the leader it knows: {leader:?}")]
    NotLeader {
        /// The one that leads, if it is known.
        leader: Option<u64>,
    },
    /// Nobody leads, or whoever does cannot be reached.
    #[error("no leader can be reached")]
    NoLeader,
    /// Too much is under way at the node that was asked.
    #[error("too much is under way, try again in {retry_after_ms} ms")]
    Overloaded {
        /// When to try again, in milliseconds.
        retry_after_ms: u64,
    },
    /// The leader has hardly any room on its disk.
    #[error("the leader has hardly any room on its disk")]
    NoSpace,
    /// It was proposed, and it is not known whether it was or will be applied.
    #[error("it is not known whether the proposal was or will be applied")]
    OutcomeUnknown,
    /// The node is about to stop.
    #[error("the node is about to stop")]
    ShuttingDown,
    /// The node has stopped itself.
    #[error("the node has stopped itself: {0}")]
    Fatal(String),
}

/// Why there is no read index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadIndexError {
    /// Nobody leads, or whoever does cannot be reached or confirm it.
    #[error("no leader can confirm that it leads")]
    NoLeader,
    /// The deadline passed.
    #[error("the deadline passed before a leader confirmed that it leads")]
    Deadline,
    /// The node is about to stop.
    #[error("the node is about to stop")]
    ShuttingDown,
    /// The node has stopped itself.
    #[error("the node has stopped itself: {0}")]
    Fatal(String),
}

/// That a node takes part in nothing any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// It was told to stop.
    #[error("the node is about to stop")]
    AsTold,
    /// It has stopped itself, and why.
    #[error("the node has stopped itself: {0}")]
    ByItself(String),
}

impl From<Stopped> for ProposeError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::AsTold => Self::ShuttingDown,
            Stopped::ByItself(cause) => Self::Fatal(cause),
        }
    }
}

impl From<Stopped> for ReadIndexError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::AsTold => Self::ShuttingDown,
            Stopped::ByItself(cause) => Self::Fatal(cause),
        }
    }
}

/// Why the node has not applied an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaitAppliedError {
    /// The deadline passed.
    #[error("the deadline passed before the node had applied entry {index}")]
    Deadline {
        /// The entry's index.
        index: u64,
    },
    /// The node has stopped.
    #[error("the node stopped before it had applied entry {index}")]
    Stopped {
        /// The entry's index.
        index: u64,
    },
}

/// Why a peer did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// No member of the cluster has this id.
    #[error("node {0} is no member of the cluster")]
    Unknown(u64),
    /// The deadline passed.
    #[error("node {0} did not answer in time")]
    Deadline(u64),
    /// It cannot be reached, or refused.
    #[error("node {node} cannot be asked: {cause}")]
    Failed {
        /// Id of the node.
        node: u64,
        /// What went wrong.
        cause: String,
    },
}

/// Why consensus cannot start, or the peer service ended.
#[derive(Debug, thiserror::Error)]
pub enum ConsensusError {
    /// The options contradict each other.
    #[error("these timings cannot work: {0}")]
    Options(String),
    /// A store cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A store holds what this version cannot read.
    #[error("{what} cannot be read: {source}")]
    Unreadable {
        /// What was read.
        what: &'static str,
        /// What is wrong with it.
        source: CodecError,
    },
    /// The log begins after what the state has applied: the entries between are nowhere.
    #[error(
        "entries are missing: the log has dropped those up to {purged}, but the state has applied {}. The state \
         was lost or put back from an old copy. Stop another node of the cluster, copy its state folder over this \
         node's, start both again; or replace this node by one with a new id",
        applied_up_to(*applied)
    )]
    Gap {
        /// The last entry that the log has dropped.
        purged: u64,
        /// The last one that the state has applied.
        applied: Option<u64>,
    },
    /// The state has applied entries, but the log knows of no vote: it is not this node's log any more.
    #[error(
        "the state has applied entry {applied}, but the log holds no vote: the log was lost. This node does not \
         know what it promised and must not vote again under its id: replace it by a new node with a new id and \
         an empty data directory"
    )]
    LogLost {
        /// The last entry that the state has applied.
        applied: u64,
    },
    /// A member's address is none.
    #[error("the address {address:?} of node {node} cannot be used: {cause}")]
    Address {
        /// Id of the node.
        node: u64,
        /// Its address.
        address: String,
        /// What is wrong with it.
        cause: String,
    },
    /// This node is not among the first members.
    #[error("node {0} is not among the first members of the cluster: name it there too")]
    NotAMember(u64),
    /// The engine stopped.
    #[error("consensus stopped: {0}")]
    Engine(String),
    /// The peer service ended.
    #[error("the service for the other nodes ended: {0}")]
    PeerService(String),
}

fn applied_up_to(applied: Option<u64>) -> String {
    applied.map_or_else(|| "none".to_owned(), |index| format!("those up to {index}"))
}
