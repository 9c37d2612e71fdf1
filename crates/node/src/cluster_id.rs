//! The cluster's id: what tells the nodes of one cluster from those of another.

use std::collections::BTreeMap;

use conclave_raft::PeerAddress;
use xxhash_rust::xxh3::Xxh3;

/// Format of what is hashed: another way to make the id gets another number.
const FORMAT: u8 = 1;
/// The same for a cluster that is restored.
const RESTORED_FORMAT: u8 = 3;

/// The id of the cluster that forms from this name and these first members.
///
/// A node that stands alone may be moved to another address, so its address does not count. Of
/// several nodes it does: two clusters of the same name and the same ids are not one.
pub(crate) fn cluster_id(name: &str, members: &BTreeMap<u64, PeerAddress>) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&[FORMAT]);
    field(&mut hash, name.as_bytes());
    for (id, address) in members {
        hash.update(&id.to_be_bytes());
        if members.len() > 1 {
            field(&mut hash, address.peer.as_bytes());
        }
    }
    hash.digest()
}

/// What a restored cluster is made of, beside its members: all that its first state comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    /// The cluster that was backed up.
    pub(crate) cluster_id: u64,
    /// Checksum of the backup's manifest.
    pub(crate) backup: u64,
    /// What was drawn when the first node was restored.
    pub(crate) restore_id: u64,
    /// How far revisions were moved on.
    pub(crate) revision_gap: u64,
}

/// The id of the cluster that is restored: the same on all nodes whose first state is the same and that belong to one
/// restore, and no other cluster's. Two restores of one backup never make one cluster.
pub(crate) fn restored_cluster_id(origin: Origin, name: &str, members: &BTreeMap<u64, PeerAddress>) -> u64 {
    let Origin { cluster_id, backup, restore_id, revision_gap } = origin;
    let mut hash = Xxh3::new();
    hash.update(&[RESTORED_FORMAT]);
    for number in [cluster_id, backup, restore_id, revision_gap] {
        hash.update(&number.to_be_bytes());
    }
    field(&mut hash, name.as_bytes());
    for (id, address) in members {
        hash.update(&id.to_be_bytes());
        field(&mut hash, address.peer.as_bytes());
        field(&mut hash, address.client.as_bytes());
    }
    hash.digest()
}

/// A field with its length before it, so that no two lists of fields give the same bytes.
fn field(hash: &mut Xxh3, bytes: &[u8]) {
    hash.update(&(bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(peers: &[(u64, &str)]) -> BTreeMap<u64, PeerAddress> {
        let address = |peer: &str| PeerAddress { peer: peer.into(), ..PeerAddress::default() };
        peers.iter().map(|(id, peer)| (*id, address(peer))).collect()
    }

    #[test]
    fn it_is_the_same_for_ever() {
        assert_eq!(cluster_id("conclave", &members(&[(1, "a:1")])), 0x30d7_6d70_37d9_d4b0);
    }

    #[test]
    fn name_ids_and_addresses_tell_clusters_apart() {
        let three = members(&[(1, "a:1"), (2, "b:1"), (3, "c:1")]);
        let id = cluster_id("one", &three);
        assert_ne!(id, cluster_id("two", &three));
        assert_ne!(id, cluster_id("one", &members(&[(1, "a:1"), (2, "b:1"), (4, "c:1")])));
        assert_ne!(id, cluster_id("one", &members(&[(1, "a:1"), (2, "b:1"), (3, "c:2")])));
    }

    #[test]
    fn a_node_that_stands_alone_may_move() {
        assert_eq!(cluster_id("one", &members(&[(1, "a:1")])), cluster_id("one", &members(&[(1, "b:2")])));
    }

    #[test]
    fn what_is_restored_is_another_cluster() {
        let three = members(&[(1, "a:1"), (2, "b:1"), (3, "c:1")]);
        let old = cluster_id("one", &three);
        let origin = Origin { cluster_id: old, backup: 7, restore_id: 8, revision_gap: 9 };
        let restored = |origin| restored_cluster_id(origin, "one", &three);
        let id = restored(origin);
        assert_eq!(id, restored(origin));
        let others = [
            old,
            restored(Origin { backup: 8, ..origin }),
            restored(Origin { restore_id: 9, ..origin }),
            restored(Origin { revision_gap: 10, ..origin }),
            restored_cluster_id(origin, "two", &three),
            restored_cluster_id(origin, "one", &members(&[(1, "a:1")])),
        ];
        assert!(!others.contains(&id));
        let golden = Origin { cluster_id: 1, backup: 2, restore_id: 3, revision_gap: 4 };
        assert_eq!(restored_cluster_id(golden, "a", &members(&[(1, "a:1")])), 0xb955_ea88_7758_8ed5);
    }

    #[test]
    fn where_clients_reach_the_members_is_part_of_a_restored_state() {
        let origin = Origin { cluster_id: 1, backup: 2, restore_id: 3, revision_gap: 4 };
        let alone = members(&[(1, "a:1")]);
        let mut told = alone.clone();
        told.insert(1, PeerAddress { client: "http://a:2".into(), ..alone[&1].clone() });
        assert_ne!(restored_cluster_id(origin, "a", &alone), restored_cluster_id(origin, "a", &told));
    }
}
