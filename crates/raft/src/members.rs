//! What operators and new nodes ask about the members, and what they are answered. Nodes hand it to the
//! leader in an encoding of their own: a format byte, then postcard.

use std::fmt;

use bytes::Bytes;
use conclave_core::cluster::ClusterRejection;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::codec::CodecError;
use crate::errors::Stopped;

const FORMAT: u8 = 1;

/// Something about the members. Asked twice, it has the effect of once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MembersRequest {
    /// Gives a new node an id and a token.
    Admit {
        /// Its name, of no other member. Empty: it has none yet.
        name: String,
        /// Where its peers will reach it: `host:port`.
        peer_address: String,
        /// Where clients will reach it. Empty: as it says when it joins.
        client_address: String,
    },
    /// A new node brings its token.
    Join(JoinRequest),
    /// Gives a learner a vote.
    Promote {
        /// Its id.
        id: u64,
    },
    /// Takes the vote of a member.
    Demote {
        /// Its id.
        id: u64,
        /// Also if too few of the voters that are left are well.
        force_quorum_loss: bool,
    },
    /// Takes a member out for ever, or an admission back.
    Remove {
        /// Its id.
        id: u64,
        /// Also if too few of the voters that are left are well.
        force_quorum_loss: bool,
    },
    /// Puts a learner in the place of a voter.
    Replace {
        /// The voter that goes.
        old_id: u64,
        /// The learner that comes.
        new_id: u64,
    },
    /// Hands leadership over.
    Transfer {
        /// To whom; none: to the one that has come furthest.
        to: Option<u64>,
    },
    /// The peers of a member reach it elsewhere from now on.
    Readdress {
        /// Its id.
        id: u64,
        /// Where: `host:port`.
        peer_address: String,
    },
}

/// A new node brings its token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinRequest {
    /// The token.
    pub token: Token,
    /// The number that the node drew.
    pub instance: u64,
    /// Where it says that its peers reach it.
    pub peer_address: String,
    /// Where it says that clients reach it.
    pub client_address: String,
    /// Name of the cluster that it means to join, if it was told one.
    pub cluster_name: Option<String>,
}

/// A secret: it shows itself in no log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token(pub String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MembersAnswer {
    /// A node may join.
    Admitted {
        /// Its id.
        id: u64,
        /// What it must bring.
        token: Token,
        /// Where members are reached by it.
        join_addresses: Vec<String>,
    },
    /// A node has joined.
    Joined(Joined),
    /// It is as it was asked for.
    Done,
    /// This node leads.
    Leader {
        /// Its id.
        id: u64,
    },
}

/// Who the new node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The cluster's id.
    pub cluster_id: u64,
    /// The cluster's name.
    pub cluster_name: String,
    /// The node's id.
    pub node_id: u64,
}

/// Why nothing was done, or it is not known what was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum MembersError {
    /// Another node leads.
    #[error("this node does not lead; the leader it knows: {leader:?}")]
    NotLeader {
        /// The one that leads, if it is known.
        leader: Option<u64>,
    },
    /// Nobody leads, or whoever does cannot be reached.
    #[error("no leader can be reached")]
    NoLeader,
    /// It was begun, and it is not known whether it was or will be done.
    #[error("it is not known whether the change was or will be made")]
    OutcomeUnknown,
    /// The leader has hardly any room on its disk.
    #[error("the leader has hardly any room left on its disk")]
    NoSpace,
    /// Too much is under way at the leader.
    #[error("too many requests are under way on the leader")]
    Overloaded,
    /// The node is about to stop.
    #[error("the node is about to stop")]
    ShuttingDown,
    /// It may not be done.
    #[error(transparent)]
    Refused(#[from] MembersRefusal),
    /// The node has stopped itself, or cannot read its own state.
    #[error("the node has failed: {0}")]
    Failed(String),
}

impl From<Stopped> for MembersError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::AsTold => Self::ShuttingDown,
            Stopped::ByItself(cause) => Self::Failed(cause),
        }
    }
}

/// Why a change of the members may not be made. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum MembersRefusal {
    /// The store's own answer.
    #[error(transparent)]
    Rejected(#[from] ClusterRejection),
    /// Another change is being made.
    #[error("another change of the members is under way: wait until it is done")]
    ChangeUnderWay,
    /// The node that joins belongs to another cluster. Its token is not used up.
    #[error(
        "this is the cluster {name:?}, but the node means to join {told:?}: mend its cluster_name, or the addresses \
         that it joins by. Its token is still good"
    )]
    OtherCluster {
        /// The cluster's name.
        name: String,
        /// The one that the node told.
        told: String,
    },
    /// There is no such member.
    #[error("node {id} is no member: `conclave cluster status` lists them")]
    NoSuchMember {
        /// The id asked for.
        id: u64,
    },
    /// It has no vote.
    #[error("node {id} has no vote")]
    NotAVoter {
        /// The member.
        id: u64,
    },
    /// It votes already.
    #[error("node {id} votes already")]
    NotALearner {
        /// The member.
        id: u64,
    },
    /// It has too much still to apply.
    #[error(
        "node {id} is {lag_entries} entries behind, of which {lag_entries_max} are allowed: let it catch up"
    )]
    Behind {
        /// The member.
        id: u64,
        /// Entries that it has still to apply.
        lag_entries: u64,
        /// How many it may have.
        lag_entries_max: u64,
    },
    /// It does not answer.
    #[error("node {id} does not answer: start it, and check that it can be reached")]
    Silent {
        /// The member.
        id: u64,
    },
    /// The voters that are left and well were no majority.
    #[error(
        "of the {voters} voters that would be left, {healthy} are well, and {needed} are needed: until they are, the \
         change could not be made, and the cluster would take no writes. Mend or replace the others first \
         (--force-quorum-loss begins it all the same)"
    )]
    QuorumLoss {
        /// Voters after the change.
        voters: u64,
        /// Those of them that answer and have nearly all.
        healthy: u64,
        /// How many are a majority.
        needed: u64,
    },
    /// Nobody else votes.
    #[error("node {id} is the only voter: give another node a vote first")]
    LastVoter {
        /// The member.
        id: u64,
    },
    /// Nobody took leadership over.
    #[error("leadership was not taken over in time: no other voter answers and has nearly all")]
    NotHandedOver,
}

impl MembersRefusal {
    /// A stable code for programs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Rejected(rejection) => rejection.reason(),
            Self::ChangeUnderWay => "change-under-way",
            Self::OtherCluster { .. } => "cluster-mismatch",
            Self::NoSuchMember { .. } => "member-not-found",
            Self::NotAVoter { .. } => "member-not-a-voter",
            Self::NotALearner { .. } => "member-not-a-learner",
            Self::Behind { .. } => "member-behind",
            Self::Silent { .. } => "member-silent",
            Self::QuorumLoss { .. } => "quorum-loss",
            Self::LastVoter { .. } => "last-voter",
            Self::NotHandedOver => "not-handed-over",
        }
    }
}

pub(crate) fn encode_request(request: &MembersRequest) -> Bytes {
    encode(request)
}

pub(crate) fn decode_request(bytes: &[u8]) -> Result<MembersRequest, CodecError> {
    decode("a request about the members", bytes)
}

pub(crate) fn encode_outcome(outcome: &Result<MembersAnswer, MembersError>) -> Bytes {
    encode(outcome)
}

pub(crate) fn decode_outcome(bytes: &[u8]) -> Result<Result<MembersAnswer, MembersError>, CodecError> {
    decode("an answer about the members", bytes)
}

fn encode<T: Serialize>(value: &T) -> Bytes {
    let bytes = postcard::to_extend(value, vec![FORMAT]);
    bytes.expect("what is said of members is plain data, which postcard always encodes").into()
}

fn decode<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, CodecError> {
    match bytes.split_first() {
        Some((&FORMAT, body)) => postcard::from_bytes(body)
            .map_err(|error| CodecError::Content { what, reason: error.to_string() }),
        Some((&found, _)) => Err(CodecError::Format { what, found }),
        None => Err(CodecError::Truncated { what, size_bytes: 0 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_outcomes_travel_unchanged() {
        let token = Token("secret".into());
        let join = JoinRequest {
            token: token.clone(),
            instance: 7,
            peer_address: "a:1".into(),
            client_address: "http://a:2".into(),
            cluster_name: Some("main".into()),
        };
        assert!(!format!("{join:?}").contains("secret"), "a token is in no log");
        let request = MembersRequest::Join(join);
        assert_eq!(decode_request(&encode_request(&request)), Ok(request));
        let outcomes = [
            Ok(MembersAnswer::Admitted { id: 4, token, join_addresses: vec!["a:1".into()] }),
            Err(MembersError::NotLeader { leader: Some(2) }),
            Err(MembersRefusal::from(ClusterRejection::TokenUnknown).into()),
        ];
        for outcome in outcomes {
            assert_eq!(decode_outcome(&encode_outcome(&outcome)), Ok(outcome));
        }
        assert!(decode_request(b"").is_err() && decode_request(b"\x02").is_err());
    }
}
