//! Numbers that name sessions, tickets and grants.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A lease, and the session that it is: a number drawn at random, never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct LeaseId(u64);

impl LeaseId {
    /// The id with this number; none for 0.
    pub const fn new(number: u64) -> Option<Self> {
        if number == 0 { None } else { Some(Self(number)) }
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// Why a number is no lease.
#[derive(Debug, thiserror::Error)]
#[error("no lease has the id 0")]
pub struct NoLease;

impl TryFrom<u64> for LeaseId {
    type Error = NoLease;

    fn try_from(number: u64) -> Result<Self, NoLease> {
        Self::new(number).ok_or(NoLease)
    }
}

impl From<LeaseId> for u64 {
    fn from(id: LeaseId) -> Self {
        id.0
    }
}

impl fmt::Display for LeaseId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// Number of a ticket for a lock: the revision of the present at which it was asked for. Smaller ones come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketId(u64);

/// Fencing token of a grant. Each grant of any lock has a greater one than all before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FencingToken(u64);

macro_rules! number {
    ($name:ident) => {
        impl $name {
            /// The one with this number.
            pub const fn new(number: u64) -> Self {
                Self(number)
            }

            /// The number.
            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(out)
            }
        }
    };
}

number!(TicketId);
number!(FencingToken);
