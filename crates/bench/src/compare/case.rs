//! What is measured: a workload, and how much of it.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

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
}

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
        !matches!(self, Self::Mixed | Self::Range | Self::Txn | Self::Watch)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let native = if self.native { "native " } else { "" };
        write!(out, "{native}{} {}", self.workload.name(), self.clients)?;
        if let Some(rate) = self.rate {
            write!(out, " at {rate}/s")?;
        }
        Ok(())
    }
}
