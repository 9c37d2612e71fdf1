//! What commands about the cluster's nodes lead to.

use serde::{Deserialize, Serialize};

/// What a command about the cluster's nodes led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClusterOutcome {
    /// A node may join.
    Admitted {
        /// Its id.
        id: u64,
        /// When its token ends: milliseconds since 1970-01-01 UTC.
        expires_ms: i64,
    },
    /// A node joins.
    Redeemed(Redeemed),
    /// A member's instance is known.
    Registered {
        /// Its id.
        id: u64,
    },
    /// A node is out, for ever.
    Forgotten {
        /// Its id.
        id: u64,
    },
    /// The alarm stands as it was asked for.
    AlarmSet {
        /// Whether it did not before.
        is_news: bool,
    },
}

/// The node that joins, as it was admitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redeemed {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Where its peers reach it.
    pub peer_address: String,
    /// Where clients reach it.
    pub client_address: String,
}
