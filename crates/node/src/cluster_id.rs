//! The cluster's id: what tells the nodes of one cluster from those of another.

use std::collections::BTreeMap;

use conclave_raft::PeerAddress;
use xxhash_rust::xxh3::Xxh3;

/// Format of what is hashed: another way to make the id gets another number.
const FORMAT: u8 = 1;
/// The same for a cluster that is restored.
const RESTORED_FORMAT: u8 = 2;

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

/// The id of the cluster that is restored from a backup (of a cluster, with a checksum): the same on all nodes
/// that are made of the same backup with the same members, and no other cluster's.
pub(crate) fn restored_cluster_id(
    (cluster_id, backup): (u64, u64),
    name: &str,
    members: &BTreeMap<u64, PeerAddress>,
) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&[RESTORED_FORMAT]);
    hash.update(&cluster_id.to_be_bytes());
    hash.update(&backup.to_be_bytes());
    field(&mut hash, name.as_bytes());
    for (id, address) in members {
        hash.update(&id.to_be_bytes());
        field(&mut hash, address.peer.as_bytes());
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
        let id = restored_cluster_id((old, 7), "one", &three);
        assert_eq!(id, restored_cluster_id((old, 7), "one", &three));
        assert!(![old, restored_cluster_id((old, 8), "one", &three)].contains(&id));
        assert_ne!(id, restored_cluster_id((old, 7), "two", &three));
        assert_ne!(id, restored_cluster_id((old, 7), "one", &members(&[(1, "a:1")])));
        assert_eq!(restored_cluster_id((1, 2), "a", &members(&[(1, "a:1")])), 0x179f_d77e_90b1_353b);
    }
}
