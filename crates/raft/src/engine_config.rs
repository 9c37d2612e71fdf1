//! How the engine is set up: what its defaults do not fit, and why.

use openraft::{Config, SnapshotPolicy};

use crate::errors::ConsensusError;
use crate::options::ConsensusOptions;
use crate::quiet_times::turn_ms;

/// Most entries that are taken into the log at once.
const APPEND_ENTRIES_MAX: u64 = 4_096;
/// Most entries in one message to a follower; their bytes are bounded where the log is read. It takes them as one
/// piece: others on its processors wait as long.
const MESSAGE_ENTRIES_MAX: u64 = 1_024;
/// How long a follower may take to take a piece of a snapshot, or to install the whole, in milliseconds.
const SNAPSHOT_STALL_MS: u64 = 60_000;
/// How long a peer that cannot be reached is left alone: doubling, up to the last.
const BACKOFF: &str = "50ms 100ms ...1s";

/// The engine's configuration.
///
/// # Errors
/// If the timings contradict each other.
pub(crate) fn engine_config(options: &ConsensusOptions) -> Result<Config, ConsensusError> {
    let config = Config {
        cluster_name: format!("{:016x}", options.cluster_id),
        heartbeat_interval: options.heartbeat_ms,
        // A follower that was just sent entries needs no heartbeat as well.
        heartbeat_min_interval: Some(options.heartbeat_ms / 2),
        election_timeout_min: options.election_ms_min,
        election_timeout_max: options.election_ms_max,
        // A node that was cut off must not disturb the others when it comes back.
        enable_pre_vote: Some(true),
        // A restarted node may lead only after an election: what it has applied may be behind.
        enable_leader_restore: Some(false),
        // Lets the others elect a leader when they hear this one and are not heard by it.
        quorum_loss_probe_interval: Some(turn_ms(options)),
        max_payload_entries: MESSAGE_ENTRIES_MAX,
        max_append_entries: Some(APPEND_ENTRIES_MAX),
        // Both are asked for by `log_keeper.rs`, which knows the bytes too, and who still needs what.
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: u64::MAX,
        install_snapshot_timeout: SNAPSHOT_STALL_MS,
        backoff: BACKOFF.to_owned(),
        ..Config::default()
    };
    config.validate().map_err(|error| ConsensusError::Options(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn options(heartbeat_ms: u64, election_ms_min: u64, election_ms_max: u64) -> ConsensusOptions {
        ConsensusOptions {
            instance: 1,
            instances: BTreeMap::new(),
            node_id: 1,
            cluster_id: 2,
            members: [].into(),
            heartbeat_ms,
            election_ms_min,
            election_ms_max,
            snapshot_entries: 100_000,
            snapshot_log_bytes: 256 << 20,
            snapshot_rate_bytes_per_s: 0,
        }
    }

    #[test]
    fn the_usual_timings_are_fine() {
        let config = engine_config(&options(100, 1_000, 2_000)).unwrap();
        assert_eq!(config.quorum_loss_probe_interval, Some(5_000));
        assert_eq!(config.snapshot_policy, SnapshotPolicy::Never);
    }

    #[test]
    fn timings_that_cannot_work_are_refused() {
        for (heartbeat, min, max) in [(1_000, 1_000, 2_000), (100, 2_000, 1_000), (100, 1_000, 1_000)] {
            let refused = engine_config(&options(heartbeat, min, max));
            assert!(matches!(refused, Err(ConsensusError::Options(_))), "{heartbeat} {min} {max}");
        }
    }
}
