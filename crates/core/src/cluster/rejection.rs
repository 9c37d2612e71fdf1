//! Why a command about the cluster's nodes was refused.

use serde::{Deserialize, Serialize};

/// Why a command about the cluster's nodes was refused. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ClusterRejection {
    /// Another node is called so.
    #[error("node {id} is called {name:?} already: choose another name")]
    NameTaken {
        /// The name.
        name: String,
        /// Whose it is.
        id: u64,
    },
    /// Another node is reached there.
    #[error("node {id} is reached at {address} already: each node has an address of its own")]
    AddressTaken {
        /// The address.
        address: String,
        /// Whose it is.
        id: u64,
    },
    /// Too many nodes were admitted and have not come.
    #[error("{admissions_max} nodes were admitted and have not joined: let them join, or remove them")]
    AdmissionsFull {
        /// How many may wait.
        admissions_max: u64,
    },
    /// The highest id is given out.
    #[error("no ids are left: the highest that there is was given out")]
    IdsUsedUp,
    /// There never was a node with this id.
    #[error("there never was a node {id}: `conclave cluster members` lists them")]
    MemberUnknown {
        /// The id.
        id: u64,
    },
    /// No node was admitted with this token.
    #[error("the token is not one of this cluster: `conclave cluster add` makes one")]
    TokenUnknown,
    /// Another node came with it, or it was taken back.
    #[error(
        "the token of node {id} was used by another node, or taken back: a new node, or one whose data was lost, \
         needs an admission of its own (`conclave cluster add`)"
    )]
    TokenUsed {
        /// The node that it was for.
        id: u64,
    },
    /// It was not used in time.
    #[error("the token of node {id} has expired: `conclave cluster add` makes a new one")]
    TokenExpired {
        /// The node that it was for.
        id: u64,
    },
    /// The node says that it is reached elsewhere than was said when it was admitted.
    #[error(
        "node {id} was admitted with the address {admitted}, but says that its peers reach it at {told}: set \
         peer_advertise to the one that was admitted, or admit it anew"
    )]
    OtherAddress {
        /// The node.
        id: u64,
        /// The address that it was admitted with.
        admitted: String,
        /// The one that it told.
        told: String,
    },
    /// The node was taken out of the cluster.
    #[error("node {id} was removed from the cluster: its id is not used again")]
    MemberRemoved {
        /// Its id.
        id: u64,
    },
    /// Another node has this id.
    #[error("another node has the id {id}: the one that says so now has lost its data")]
    OtherInstance {
        /// The id.
        id: u64,
    },
    /// Somebody has raised the alarm of space.
    #[error(
        "the alarm of space was raised by hand: what takes room is refused until that is taken back \
         (`etcdctl alarm disarm`)"
    )]
    NoSpaceAlarm,
}

impl ClusterRejection {
    /// A stable code for programs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NameTaken { .. } => "member-name-taken",
            Self::AddressTaken { .. } => "member-address-taken",
            Self::AdmissionsFull { .. } => "admissions-full",
            Self::IdsUsedUp => "ids-used-up",
            Self::MemberUnknown { .. } => "member-not-found",
            Self::TokenUnknown => "token-unknown",
            Self::TokenUsed { .. } => "token-used",
            Self::TokenExpired { .. } => "token-expired",
            Self::OtherAddress { .. } => "member-address-mismatch",
            Self::MemberRemoved { .. } => "member-removed",
            Self::OtherInstance { .. } => "member-instance-mismatch",
            Self::NoSpaceAlarm => "no-space-alarm",
        }
    }

    /// The node that it is about, if it is about one.
    pub fn node_id(&self) -> Option<u64> {
        match self {
            Self::NameTaken { id, .. }
            | Self::AddressTaken { id, .. }
            | Self::MemberUnknown { id }
            | Self::TokenUsed { id }
            | Self::TokenExpired { id }
            | Self::OtherAddress { id, .. }
            | Self::MemberRemoved { id }
            | Self::OtherInstance { id } => Some(*id),
            Self::AdmissionsFull { .. } | Self::IdsUsedUp | Self::TokenUnknown | Self::NoSpaceAlarm => None,
        }
    }
}
