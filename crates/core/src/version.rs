//! Numbers of a namespace's versions.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A namespace's version: the number of commits that it has had. Every commit makes the next one.
///
/// ```
/// use conclave_core::Version;
/// assert_eq!(Version::ZERO.next(), Version::new(1));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(u64);

impl Version {
    /// Before the first commit: nothing is in the namespace.
    pub const ZERO: Self = Self(0);

    /// The version with this number.
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
        Self(self.0.checked_add(1).expect("no namespace lives through 2^64 commits"))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}
