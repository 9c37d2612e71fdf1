//! The store's clock.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A moment of the store: how often it had been changed by then, counted from one: the empty store is at 1.
///
/// ```
/// use conclave_mvcc::Revision;
/// assert_eq!(Revision::ZERO.next(), Revision::new(1));
/// assert!(Revision::new(9) < Revision::new(10));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(u64);

impl Revision {
    /// Before everything: nothing exists at it, and nothing ever happens at it.
    pub const ZERO: Self = Self(0);
    /// The empty store, before its first change.
    pub const EMPTY: Self = Self(1);
    /// After every revision that there will be: "now" as the upper end of a read.
    pub const MAX: Self = Self(u64::MAX);

    /// The revision with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The one after this.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("no store lives through 2^64 changes"))
    }

    /// The one before this; [`Revision::ZERO`] stays.
    #[must_use]
    pub fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl From<Revision> for u64 {
    fn from(revision: Revision) -> Self {
        revision.0
    }
}
