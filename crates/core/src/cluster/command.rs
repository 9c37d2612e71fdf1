//! Commands about the cluster's own nodes.

use serde::{Deserialize, Serialize};

/// SHA-256 of a token. The token itself is never in the log.
pub type TokenHash = [u8; 32];

/// A change of who belongs to the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClusterCommand {
    /// Gives a new node an id and lets it join.
    Admit(Admit),
    /// A new node brings its token.
    Redeem(Redeem),
    /// A member says which instance it is.
    Register(Register),
    /// A node was taken out, or an admission is taken back.
    Forget(Forget),
    /// Somebody raises the alarm of space, or takes it back.
    SetAlarm(SetAlarm),
}

/// Somebody raises the alarm of space, or takes it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAlarm {
    /// Of which member.
    pub member_id: u64,
    /// Whether it stands from now on.
    pub raised: bool,
}

/// Gives a new node an id and lets it join with a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admit {
    /// Its name, of no other node. Empty: it has none yet.
    pub name: String,
    /// Where its peers will reach it: `host:port`.
    pub peer_address: String,
    /// Where clients will reach it. Empty: as it says when it joins.
    pub client_address: String,
    /// Hash of the token that it will bring.
    pub token_hash: TokenHash,
    /// Highest id among the members that consensus knows: the new one is above.
    pub highest_id: u64,
}

/// A new node brings its token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redeem {
    /// Hash of the token.
    pub token_hash: TokenHash,
    /// The number that the node drew.
    pub instance: u64,
    /// Id of the cluster that it joins.
    pub cluster_id: u64,
    /// Where it says that its peers reach it: must be what was admitted.
    pub peer_address: String,
    /// Where it says that clients reach it.
    pub client_address: String,
}

/// A member says which instance it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// Its id.
    pub id: u64,
    /// The number that it drew.
    pub instance: u64,
    /// Id of the cluster.
    pub cluster_id: u64,
    /// Its name, as consensus knows it.
    pub name: String,
    /// Where its peers reach it.
    pub peer_address: String,
    /// Where clients reach it.
    pub client_address: String,
}

/// A node was taken out, or an admission is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forget {
    /// Its id.
    pub id: u64,
    /// Whether consensus had it among the members: a first member may be taken out before it has told its instance.
    pub was_member: bool,
}
