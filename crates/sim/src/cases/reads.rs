//! Reads are of now.

use super::{SETTLED_MS, Stage};

#[test]
fn a_stale_read_after_a_pause_of_the_leader() {
    for seed in 0..8 {
        let mut stage = Stage::new(seed, 100_000);
        let old = stage.leader().unwrap();
        stage.put(old, "key", "before").unwrap();
        stage.set_paused(old, true);
        stage.until(SETTLED_MS, |stage| stage.leader().is_some_and(|leader| leader != old));
        let new = stage.leader().unwrap();
        stage.until(SETTLED_MS, |stage| stage.put(new, "key", "after").is_ok());
        stage.set_paused(old, false);
        // It still takes itself for the leader.
        match stage.get(old, "key") {
            Ok(found) => assert_eq!(found.as_deref(), Some("after"), "seed {seed}"),
            Err(status) => assert!(!status.message().is_empty(), "seed {seed}"),
        }
    }
}
