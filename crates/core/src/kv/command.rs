//! Commands about plain keys.

use bytes::Bytes;
use conclave_mvcc::{KeyRange, Revision};
use serde::{Deserialize, Serialize};

use super::wire_range;
use crate::ids::LeaseId;
use crate::nesting;

/// A change of plain keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KvCommand {
    /// One step: all of it, or nothing.
    Txn(Txn),
    /// Gives up what was before a revision.
    Compact(Compact),
    /// Removes a part of what was given up.
    Sweep(SweepStep),
}

impl KvCommand {
    /// Whether it sets no key.
    pub(crate) fn sets_nothing(&self) -> bool {
        match self {
            Self::Txn(txn) => txn.sets_nothing(),
            Self::Compact(_) | Self::Sweep(_) => true,
        }
    }
}

/// Operations that are done as one step, which of them depends on comparisons.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Txn {
    /// All must hold for `success`.
    pub compares: Vec<Compare>,
    /// What is done then.
    pub success: Vec<Operation>,
    /// What is done otherwise.
    pub failure: Vec<Operation>,
}

/// One of a transaction's operations. Each sees what those before it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Reads keys.
    Range(RangeQuery),
    /// Sets a key.
    Put(Put),
    /// Deletes keys.
    DeleteRange(DeleteRange),
    /// A transaction within.
    #[serde(deserialize_with = "nesting::deserialize")]
    Txn(Txn),
}

/// Something that is to hold of a key, or of each key of a range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compare {
    /// Of which keys. If there are none it is compared with a key that does not exist: its numbers are 0, and it has
    /// no value, not even an empty one.
    #[serde(with = "wire_range")]
    pub range: KeyRange,
    /// How what is found must lie to `target`.
    pub relation: Relation,
    /// What is compared, and with what.
    pub target: CompareTarget,
}

/// How two values lie to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Relation {
    /// Both are the same.
    Equal,
    /// The one that is found is greater.
    Greater,
    /// It is less.
    Less,
    /// They differ.
    NotEqual,
}

/// What is compared of a key, and with what. Numbers may be any: what is found is compared with them as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CompareTarget {
    /// How often it was changed since it was created.
    Version(i64),
    /// At which revision it was created.
    CreateRevision(i64),
    /// At which revision it last changed.
    ModRevision(i64),
    /// Its value.
    Value(Bytes),
    /// The lease that it hangs on; 0: none.
    Lease(i64),
}

/// Reads keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeQuery {
    /// Which.
    #[serde(with = "wire_range")]
    pub range: KeyRange,
    /// As of which revision; none: now.
    pub revision: Option<Revision>,
    /// At most so many are told; 0: all.
    pub limit: u64,
    /// In which order they are told.
    pub sort: Option<Sort>,
    /// Which of those that were found are told.
    pub bounds: RevisionBounds,
    /// Values are left out.
    pub keys_only: bool,
    /// Only how many there are is told.
    pub count_only: bool,
}

/// An order of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sort {
    /// By what. Of keys that are equal in it, the order is that of the keys.
    pub by: SortTarget,
    /// The greatest first.
    pub descending: bool,
    /// The limit cuts the keys in their own order, at one more than it lets through, before they are sorted; else after.
    pub cut_before: bool,
}

/// What keys are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SortTarget {
    /// The key.
    Key,
    /// How often it was changed since it was created.
    Version,
    /// When it was created.
    CreateRevision,
    /// When it last changed.
    ModRevision,
    /// Its value.
    Value,
}

/// Keys that were changed or created outside of these are left out; 0: there is no such bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionBounds {
    /// Changed at this or later.
    pub mod_min: i64,
    /// Changed at this or earlier.
    pub mod_max: i64,
    /// Created at this or later.
    pub create_min: i64,
    /// Created at this or earlier.
    pub create_max: i64,
}

/// Sets a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Put {
    /// Which.
    pub key: Bytes,
    /// To what; none: it keeps its value, and must have one.
    pub value: Option<Bytes>,
    /// What it hangs on from now on.
    pub lease: PutLease,
    /// Whether the answer tells what it was before.
    pub with_previous: bool,
}

/// What a key that is set hangs on from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PutLease {
    /// On nothing.
    None,
    /// On this lease.
    On(LeaseId),
    /// On what it hung on before; it must exist.
    Keep,
}

/// Deletes keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteRange {
    /// Which.
    #[serde(with = "wire_range")]
    pub range: KeyRange,
    /// Whether the answer tells what they were.
    pub with_previous: bool,
}

/// Gives up what was before a revision: of each key only what it was at the revision, and since, can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compact {
    /// Which; not before that of the last time, nor in the future.
    pub revision: Revision,
}

/// Removes a part of what was given up, and goes on where the step before it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepStep {
    /// About so many rows are looked at: from 1 to 1,000.
    pub rows_max: u32,
    /// No further row is looked at once those that were take so much.
    pub size_bytes_max: u64,
}
