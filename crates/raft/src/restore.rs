//! Makes the stores of a node from a state that was backed up: with other members, and without a log.
//!
//! All members are made from the same backup, so they hold the same state, as of the same entry, and go on from
//! there as if each had taken in a snapshot.

use std::collections::{BTreeMap, BTreeSet};

use conclave_mvcc::WriteSet;
use conclave_storage::{LogStore, StateStore};

use crate::codec::{CodecError, Mark, decode_mark, encode_log_id, encode_mark, encode_vote, vote};
use crate::errors::ConsensusError;
use crate::network::Network as _;
use crate::tcp_network::TcpNetwork;
use crate::type_config::{Membership, PeerAddress, StoredMembership};

/// The last entry that a state holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Its index.
    pub index: u64,
    /// Its term.
    pub term: u64,
}

/// The last entry of the state that has this mark; none if it holds nothing.
///
/// # Errors
/// If the mark cannot be read.
pub fn applied_of_mark(mark: &[u8]) -> Result<Option<Applied>, CodecError> {
    let applied = decode_mark(mark)?.last_applied;
    Ok(applied.map(|log_id| Applied { index: log_id.index(), term: **log_id.committed_leader_id() }))
}

/// Gives the state these members, and the log of node `node_id` its beginning after what the state holds. With
/// the same call `writes` are added to the state. Blocks.
///
/// # Errors
/// If the members cannot be, the state holds nothing, or the stores cannot be written.
pub fn restore(
    log: &LogStore,
    state: &StateStore,
    node_id: u64,
    members: BTreeMap<u64, PeerAddress>,
    writes: &WriteSet,
) -> Result<(), ConsensusError> {
    let unreadable = |source| ConsensusError::Unreadable { what: "how far the state goes", source };
    let failed = |error: &dyn std::fmt::Display| ConsensusError::Engine(error.to_string());
    if !members.contains_key(&node_id) {
        return Err(ConsensusError::NotAMember(node_id));
    }
    for (id, address) in &members {
        TcpNetwork.check(*id, &address.peer)?;
    }
    let mark = state.mark()?.map(|mark| decode_mark(&mark)).transpose().map_err(unreadable)?;
    let last_applied = mark.and_then(|mark| mark.last_applied);
    let last_applied = last_applied.ok_or_else(|| failed(&"the state holds nothing"))?;
    let voters: BTreeSet<u64> = members.keys().copied().collect();
    let membership = Membership::new(vec![voters], members).map_err(|error| failed(&error))?;
    let membership = StoredMembership::new(Some(last_applied), membership);
    let mark = Mark { last_applied: Some(last_applied), membership };
    state.write(writes, Some(&encode_mark(&mark)))?;
    state.flush()?;
    // No entry of this term is voted on any more: whoever is elected is so in a later one.
    let voted = vote(**last_applied.committed_leader_id(), node_id, false);
    log.save_vote(encode_vote(&voted)).wait().map_err(|error| failed(&error))?;
    let purged = log.purge_up_to(last_applied.index(), encode_log_id(Some(&last_applied)));
    purged.wait().map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use conclave_storage::{DataDir, Identity};

    use super::*;
    use crate::bootstrap::inspect;
    use crate::codec::log_id;

    fn members(ids: &[u64]) -> BTreeMap<u64, PeerAddress> {
        let address = |id: &u64| PeerAddress { peer: format!("n{id}:4201"), ..PeerAddress::default() };
        ids.iter().map(|id| (*id, address(id))).collect()
    }

    #[test]
    fn the_stores_begin_after_what_the_state_holds() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path(), Identity { node_id: 2, cluster_id: 1 }).unwrap();
        let (log, state) = (LogStore::open(&dir).unwrap(), StateStore::open(&dir).unwrap());
        let before = Mark { last_applied: Some(log_id(3, 20)), ..Mark::default() };
        state.write(&WriteSet::default(), Some(&encode_mark(&before))).unwrap();
        assert!(restore(&log, &state, 4, members(&[1, 2, 3]), &WriteSet::default()).is_err(), "no member");
        restore(&log, &state, 2, members(&[1, 2, 3]), &WriteSet::default()).unwrap();

        let found = inspect(&log, &state).unwrap();
        assert_eq!(found.mark.last_applied, Some(log_id(3, 20)));
        assert_eq!(found.mark.membership.voter_ids().collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(log.purged().map(|(index, _)| index), Some(20));
        assert_eq!(log.last_index(), None);
        let applied = applied_of_mark(&state.mark().unwrap().unwrap()).unwrap();
        assert_eq!(applied, Some(Applied { index: 20, term: 3 }));
    }

    #[test]
    fn an_empty_state_is_none_to_restore() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path(), Identity { node_id: 1, cluster_id: 1 }).unwrap();
        let (log, state) = (LogStore::open(&dir).unwrap(), StateStore::open(&dir).unwrap());
        assert!(restore(&log, &state, 1, members(&[1]), &WriteSet::default()).is_err());
    }
}
