//! What a run is: how large its cluster, how long, and with what nodes. All of it follows from the seed.

use std::path::PathBuf;
use std::time::Duration;

use conclave_door::Limits;
use conclave_node::{AlarmOptions, Machine, NodeOptions, WatchOptions};

use crate::dice::Dice;
use crate::machine;

/// How a run is set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Three or five.
    pub(crate) nodes: u64,
    pub(crate) heartbeat_ms: u64,
    pub(crate) election_ms_min: u64,
    pub(crate) election_ms_max: u64,
    /// Small, so that snapshots and purges happen.
    pub(crate) snapshot_entries: u64,
    /// How long troubles and load go on, in milliseconds of simulated time.
    pub(crate) troubled_ms: u64,
}

impl Settings {
    /// Those of a run.
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        // As nodes have them unless they are set, and slow.
        let (heartbeat_ms, election_ms_min) = *dice.pick(&[(50, 150), (100, 1_000)]);
        Self {
            nodes: if dice.happens(25) { 5 } else { 3 },
            heartbeat_ms,
            election_ms_min,
            election_ms_max: election_ms_min * 2,
            snapshot_entries: *dice.pick(&[40, 100, 400, 100_000]),
            troubled_ms: dice.within(15_000..=40_000),
        }
    }

    pub(crate) fn node_options(&self, id: u64, machine: Machine) -> NodeOptions {
        NodeOptions {
            node_id: id,
            node_id_given: true,
            cluster_name: "sim".into(),
            cluster_name_given: true,
            join: None,
            data_dir: PathBuf::from("/data"),
            peer_listen: machine::peer_address(id),
            members: (1..=self.nodes).map(|id| (id, machine::addresses(id))).collect(),
            heartbeat_ms: self.heartbeat_ms,
            election_ms_min: self.election_ms_min,
            election_ms_max: self.election_ms_max,
            snapshot_entries: self.snapshot_entries,
            snapshot_log_bytes: 64 << 20,
            snapshot_rate_bytes_per_s: 0,
            alarms: AlarmOptions { space_reserve_bytes: 1 << 20, slow_fsync: Duration::from_secs(1) },
            version: "sim",
            watch: WatchOptions::default(),
            proposals_max: 1_024,
            reads_max: 4,
            machine,
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            key_size_bytes_max: 512,
            value_size_bytes_max: 1 << 20,
            commit_edits_max: 10_000,
            commit_size_bytes_max: 8 << 20,
            message_size_bytes_max: 4 << 10,
            author_size_bytes_max: 256,
            watch_targets_max: 1_000,
            watch_streams_max: 10_000,
            acquire_streams_max: 10_000,
            keep_alive_streams_max: 1_000,
            watch_leaderless_ms_max: self.election_ms_max * 3,
        }
    }
}
