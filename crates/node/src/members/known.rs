//! Who belongs to the cluster, without asking anybody how they are.

use std::collections::{BTreeMap, BTreeSet};

use conclave_core::cluster::{AdmissionInfo, admissions};
use conclave_mvcc::{MapError, ReadMap};
use conclave_raft::{NodeStatus, PeerAddress};
use tokio::time::Instant;

use crate::handle::NodeHandle;
use crate::read::Consistency;
use crate::request_error::RequestError;
use crate::status::own_status;

/// Who belongs to the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownMembers {
    /// The leader, if one is known.
    pub leader_id: Option<u64>,
    /// Where each member is reached, and its name.
    pub members: BTreeMap<u64, PeerAddress>,
    /// Those that vote.
    pub voters: BTreeSet<u64>,
    /// Nodes that were admitted and have not joined yet, in order of id.
    pub admissions: Vec<AdmissionInfo>,
}

impl NodeHandle {
    /// Who belongs to the cluster, as fresh as is asked for.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn known_members(
        &self,
        consistency: Consistency,
        deadline: Instant,
    ) -> Result<KnownMembers, RequestError> {
        let now_ms = self.shared.clock.now_ms();
        let admissions = self.read(consistency, deadline, move |view| admissions(view, now_ms)).await?;
        let raft = self.shared.consensus.status();
        Ok(KnownMembers { leader_id: raft.leader_id, members: raft.members, voters: raft.voters, admissions })
    }

    /// What this node tells of itself.
    ///
    /// # Errors
    /// [`RequestError::NodeFailed`] if its own state cannot be read.
    pub fn own_status(&self) -> Result<NodeStatus, RequestError> {
        Ok(own_status(&self.shared)?)
    }

    /// Reads something small of what this node has applied, at once.
    ///
    /// # Errors
    /// [`RequestError::NodeFailed`] if it cannot be read.
    pub fn read_now<T>(
        &self,
        read: impl FnOnce(&dyn ReadMap) -> Result<T, MapError>,
    ) -> Result<T, RequestError> {
        Ok(self.shared.state.read(read)?)
    }

    /// Whether this node votes, as far as it knows.
    pub fn is_voter(&self) -> bool {
        self.shared.consensus.status().voters.contains(&self.shared.node_id)
    }
}
