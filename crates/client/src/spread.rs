//! Which node a client turns to first: rendezvous hashing, so that many clients spread evenly.
//!
//! Each client ranks the nodes by a hash of its own id and the node. All nodes come first for about as
//! many clients. When a node goes, only its own clients move, and they spread over all that are left;
//! when one comes, it takes its share from all others alike. The hash is xxh3, and it never changes:
//! clients of different releases agree.

use xxhash_rust::xxh3::xxh3_64;

/// The positions of `nodes` in the order in which the client `client_id` turns to them. A client
/// without an id takes them as they come.
pub(crate) fn order(client_id: &str, nodes: &[String]) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..nodes.len()).collect();
    if !client_id.is_empty() {
        positions.sort_by_cached_key(|&at| std::cmp::Reverse((rank(client_id, &nodes[at]), &nodes[at])));
    }
    positions
}

fn rank(client_id: &str, node: &str) -> u64 {
    // A byte that neither can hold keeps ("a", "bc") apart from ("ab", "c").
    xxh3_64(&[client_id.as_bytes(), b"\0", node.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const CLIENTS: usize = 10_000;

    fn nodes(count: usize) -> Vec<String> {
        (1..=count).map(|number| format!("http://node-{number}:4101")).collect()
    }

    /// The place `place` in the order of each client.
    fn choices(nodes: &[String], place: usize) -> Vec<String> {
        let choice = |client: usize| nodes[order(&format!("client-{client}"), nodes)[place]].clone();
        (0..CLIENTS).map(choice).collect()
    }

    fn assert_balanced(choices: impl IntoIterator<Item = String>, nodes: usize) {
        let mut counts = BTreeMap::<String, usize>::new();
        let mut total = 0;
        for choice in choices {
            *counts.entry(choice).or_default() += 1;
            total += 1;
        }
        let fair = total / nodes;
        assert_eq!(counts.len(), nodes, "{counts:?}");
        assert!(counts.values().all(|count| count.abs_diff(fair) * 100 <= fair * 15), "{counts:?}");
    }

    #[test]
    fn ten_thousand_clients_are_balanced_within_15_percent() {
        for count in [2, 3, 5, 7] {
            assert_balanced(choices(&nodes(count), 0), count);
        }
    }

    #[test]
    fn a_node_that_goes_leaves_its_clients_to_all_others_and_moves_nobody_else() {
        let (all, left) = (nodes(5), nodes(4));
        let gone = &all[4];
        let (before, after) = (choices(&all, 0), choices(&left, 0));
        let moves = before.iter().zip(&after).filter(|(before, after)| before != after);
        assert!(moves.clone().all(|(before, _)| before == gone), "only clients of the lost node move");
        let moved = moves.clone().count();
        assert!((1_700..=2_300).contains(&moved), "{moved} of {CLIENTS} moved, a fifth should");
        assert_balanced(moves.map(|(_, after)| after.clone()), 4);
        // Without a new list of nodes, by failing over, they come to the same ones.
        let second = choices(&all, 1);
        assert!(
            before
                .iter()
                .zip(second)
                .zip(&after)
                .all(|((first, next), after)| first != gone || next == *after)
        );
    }

    #[test]
    fn a_node_that_comes_takes_its_share() {
        let (before, after) = (choices(&nodes(3), 0), choices(&nodes(4), 0));
        let moves = before.iter().zip(&after).filter(|(before, after)| before != after);
        assert!(moves.clone().all(|(_, after)| after == "http://node-4:4101"));
        let moved = moves.count();
        assert!((2_125..=2_875).contains(&moved), "{moved} of {CLIENTS} moved, a quarter should");
    }

    #[test]
    fn the_order_in_which_nodes_are_named_does_not_matter_and_is_kept_without_an_id() {
        let forward = nodes(5);
        let backward: Vec<String> = forward.iter().rev().cloned().collect();
        let named = |nodes: &[String]| -> Vec<String> {
            order("client", nodes).into_iter().map(|at| nodes[at].clone()).collect()
        };
        assert_eq!(named(&forward), named(&backward));
        assert_eq!(order("", &backward), [0, 1, 2, 3, 4]);
        assert!(order("client", &[]).is_empty());
    }

    #[test]
    fn the_hash_never_changes() {
        assert_eq!(rank("client-1", "http://node-1:4101"), 12_777_116_338_807_384_013);
    }
}
