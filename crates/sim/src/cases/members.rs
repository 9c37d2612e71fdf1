//! A node without its data is not taken for who it was; snapshots follow one another.

use super::{SETTLED_MS, Stage};
use crate::net::Death;

#[test]
fn a_member_rejoining_with_a_wiped_log_votes() {
    let mut stage = Stage::new(1, 100_000);
    // Until the leader has noted which instance each node is.
    stage.go(10_000);
    let leader = stage.leader().unwrap();
    let others: Vec<_> = stage.cluster.ids().into_iter().filter(|id| *id != leader).collect();
    let (wiped, behind) = (others[0], others[1]);
    // One lags; what is acknowledged meanwhile is on the leader and on the one that loses its data.
    stage.set_cut_off(behind, true);
    stage.put(leader, "key", "kept").unwrap();
    stage.cluster.end_node(wiped, Death::Killed, false);
    stage.cluster.end_node(leader, Death::Killed, true);
    stage.cluster.wipe(wiped);
    stage.set_cut_off(behind, false);
    stage.go(15_000);
    assert!(stage.put(behind, "key", "lost").is_err(), "the wiped node has helped to elect another leader");
    stage.cluster.start_node(leader);
    stage.until(SETTLED_MS, |stage| stage.get(leader, "key").is_ok());
    assert_eq!(stage.get(leader, "key").unwrap().as_deref(), Some("kept"));
}

#[test]
fn two_snapshots_in_quick_succession() {
    for seed in 0..4 {
        let mut stage = Stage::new(seed, 30);
        let leader = stage.leader().unwrap();
        let behind = stage.cluster.ids().into_iter().find(|id| *id != leader).unwrap();
        for round in 0..3 {
            stage.set_cut_off(behind, true);
            for number in 0..80 {
                stage.put(leader, &format!("key-{number}"), &round.to_string()).unwrap();
            }
            stage.set_cut_off(behind, false);
            // The next snapshot is taken while this one may still be under way.
            for number in 0..80 {
                stage.put(leader, &format!("more-{number}"), &round.to_string()).unwrap();
            }
        }
        stage.until(SETTLED_MS, |stage| stage.get(behind, "more-79").is_ok());
        assert_eq!(stage.get(behind, "more-79").unwrap().as_deref(), Some("2"), "seed {seed}");
    }
}
