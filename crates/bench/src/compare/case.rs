//! What is measured: a workload, and how much of it.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::report::grouped;

/// What clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Workload {
    /// Writes of one key
    Put,
    /// Linearizable reads of one key
    Get,
    /// Serializable reads of one key
    LocalGet,
    /// Nine linearizable reads to one write
    Mixed,
    /// Linearizable reads of 1,000 keys
    Range,
    /// Transactions that compare a key with what it was and write it; each client has a key of its own
    Txn,
    /// Linearizable reads of 100 keys; natively: of a namespace of 100 items
    Namespace,
    /// Transactions that write 10 keys; natively: commits of 10 edits
    Commit,
    /// Watchers of one key that is written 100 times a second, or at the given rate; clients are watchers
    Watch,
    /// One lock that all clients acquire and release
    Lock,
    /// Renewals of leases over streams; natively: of sessions
    KeepAlive,
    /// All nodes are stopped and started: the time until they answer linearizable reads; clients do not matter
    Start,
    /// The leader is killed: the time until the next write is acknowledged; clients do not matter
    Failover,
    /// An empty node joins: the time until it answers a linearizable read; clients do not matter
    Join,
}

/// Keys that are there before, unless a case is about them.
pub(crate) const USUAL_KEYS: u64 = 10_000;
/// Size of each value, likewise.
pub(crate) const USUAL_VALUE_SIZE_BYTES: usize = 256;

/// A workload, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Case {
    pub(crate) workload: Workload,
    pub(crate) clients: usize,
    /// Keys that are there before.
    pub(crate) keys: u64,
    pub(crate) value_size_bytes: usize,
    /// Operations a second in an open loop; none: a closed loop.
    pub(crate) rate: Option<u32>,
    /// Conclave is asked by its own API. An etcd is always asked by etcd's, for the like.
    pub(crate) native: bool,
}

impl Workload {
    /// Its name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Whether Conclave's own API has the like.
    pub(crate) fn is_native(self) -> bool {
        !matches!(self, Self::Mixed | Self::Range | Self::Txn | Self::Watch) && !self.is_of_nodes()
    }

    /// Whether it is about what happens to nodes, not about operations.
    pub(crate) fn is_of_nodes(self) -> bool {
        matches!(self, Self::Start | Self::Failover | Self::Join)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let native = if self.native { "native " } else { "" };
        write!(out, "{native}{}", self.workload.name())?;
        if !self.workload.is_of_nodes() {
            write!(out, " {}", self.clients)?;
        }
        if let Some(rate) = self.rate {
            write!(out, " at {}/s", grouped(&rate.to_string()))?;
        }
        if self.keys != USUAL_KEYS {
            write!(out, ", {} keys", grouped(&self.keys.to_string()))?;
        }
        if self.value_size_bytes != USUAL_VALUE_SIZE_BYTES {
            write!(out, ", {} B", grouped(&self.value_size_bytes.to_string()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A case as most are.
    pub(crate) fn usual(workload: Workload, clients: usize) -> Case {
        Case {
            workload,
            clients,
            keys: USUAL_KEYS,
            value_size_bytes: USUAL_VALUE_SIZE_BYTES,
            rate: None,
            native: false,
        }
    }

    #[test]
    fn a_case_tells_what_is_unusual_about_it() {
        let put = usual(Workload::Put, 64);
        assert_eq!(put.to_string(), "put 64");
        assert_eq!(Case { native: true, ..put.clone() }.to_string(), "native put 64");
        let odd = Case { rate: Some(2_000), keys: 1_000_000, value_size_bytes: 65_536, ..put };
        assert_eq!(odd.to_string(), "put 64 at 2,000/s, 1,000,000 keys, 65,536 B");
        assert_eq!(usual(Workload::Failover, 1).to_string(), "failover");
    }
}
