//! The settings of a node: one documented struct, filled from flags, the environment and a file.
//!
//! Every setting is a key of the TOML file (`heartbeat_ms`), a flag (`--heartbeat-ms`) and a variable
//! (`CONCLAVE_HEARTBEAT_MS`). A flag wins over the variable, the variable over the file, the file over
//! the default. A value that does not fit is never replaced by the default: all mistakes are
//! collected and told at once, each with where it was made.

mod checks;
mod file;
mod sources;
mod values;

use std::fmt;
use std::path::PathBuf;

pub(crate) use checks::check_log_level;
pub(crate) use sources::Sources;
pub(crate) use values::{Addresses, ClusterMembers, ListenAddress, LogFormat, MemberAddress};

use checks::Checks;
use values::Optional;

/// A setting, as told to people.
#[derive(Debug)]
pub(crate) struct Key {
    /// Its name in the file.
    pub name: &'static str,
    /// What it does, its unit and its bounds.
    pub help: &'static str,
    /// What holds when it is not set, as it would be written. Empty: nothing.
    pub default: &'static str,
}

impl Key {
    /// Its name on the command line, without the dashes before it.
    pub(crate) fn flag(&self) -> String {
        self.name.replace(['_', '.'], "-")
    }

    /// Its name in the environment.
    pub(crate) fn variable(&self) -> String {
        format!("CONCLAVE_{}", self.name.replace('.', "_").to_uppercase())
    }
}

/// Reads members as the setting `initial_cluster` has them.
pub(crate) fn parse_members(text: &str) -> Result<ClusterMembers, String> {
    let members = <ClusterMembers as values::Value>::read(text)?;
    if members.is_empty() { Err("names no member: write ID=HOST:PORT".into()) } else { Ok(members) }
}

/// One thing that is wrong with the settings: where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake(pub String);

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which of the settings were set, rather than left at their defaults, that the data directory may know better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Given {
    pub node_id: bool,
    pub cluster_name: bool,
}

/// Makes the struct, the table of keys and the parser from one list, so that none can lack a setting.
macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $field:ident: $type:ty, $name:literal = $default:literal;)+) => {
        /// All settings of a node.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) struct Settings {
            $($(#[doc = $doc])+ pub(crate) $field: $type,)+
            /// Which of them were set that a node may know better.
            pub(crate) given: Given,
        }

        /// Every setting, in the order in which they are told.
        pub(crate) const KEYS: &[Key] = &[
            $(Key { name: $name, help: concat!($($doc),+), default: $default },)+
        ];

        impl Settings {
            /// Reads them from where they were given, or tells every mistake.
            pub(crate) fn read(sources: &Sources) -> Result<Settings, Vec<Mistake>> {
                let mut checks = Checks::new(sources);
                let given = checks.given();
                let settings = Settings { $($field: checks.value($name, $default),)+ given };
                checks.settle(settings)
            }
        }
    };
}

settings! {
    /// Id of this node in its cluster, from 1. An id that was used is never given to another node. A node that
    /// joins, or has joined, gets it from the cluster: leave it out then.
    node_id: u64, "node_id" = "1";
    /// Name of the cluster: the same on all its nodes, and never changed.
    cluster_name: String, "cluster_name" = "conclave";
    /// Folder of the node's data, made if it is not there. A path from where the program was started.
    data_dir: PathBuf, "data_dir" = "./conclave-data";
    /// Address and port that clients are served at.
    client_listen: ListenAddress, "client_listen" = "127.0.0.1:4101";
    /// URL that clients reach this node at. Unset: from initial_cluster, else http:// and client_listen.
    client_advertise: Optional, "client_advertise" = "";
    /// Address and port that the other nodes are served at.
    peer_listen: ListenAddress, "peer_listen" = "127.0.0.1:4201";
    /// Host and port that the other nodes reach this one at. Unset: from initial_cluster, else peer_listen.
    peer_advertise: Optional, "peer_advertise" = "";
    /// The first members, the same on all of them: "1=HOST:PORT,2=HOST:PORT/CLIENT-URL,..." or in the
    /// file a table. Harmless once the cluster has formed. Unset: this node alone.
    initial_cluster: ClusterMembers, "initial_cluster" = "";
    /// Members of a cluster that is there, one of which lets this node in when its data directory is empty:
    /// "HOST:PORT,..." as their peers reach them. Once it has joined it needs this no more.
    join: Addresses, "join" = "";
    /// What `conclave cluster add` told, to join with.
    token: Optional, "token" = "";
    /// File with the token, for machines that are all started alike: while it is not there, the node is one of the
    /// first members and join is passed over. node_id, cluster_name and initial_cluster then hold for such a first
    /// start only.
    token_file: Optional, "token_file" = "";
    /// What is logged, to standard error: error, warn, info, debug, trace, or per part, as in
    /// "info,conclave_raft=debug".
    log_level: String, "log_level" = "info";
    /// How it is logged: text, or json (one object a line).
    log_format: LogFormat, "log_format" = "text";
    /// A request that takes so many milliseconds or more is logged as slow. 0: none is.
    log_slow_request_ms: u64, "log_slow_request_ms" = "1000";
    /// Where spans of requests are sent to, by OTLP over gRPC: the URL of a collector. Unset: nowhere.
    otlp_endpoint: Optional, "otlp_endpoint" = "";
    /// How often a leader shows that it is there, in milliseconds: 10 to 10,000.
    heartbeat_ms: u64, "heartbeat_ms" = "50";
    /// Shortest time by which a node waits longer than election_ms_max for a sign of the leader before it
    /// stands for election, in milliseconds: at least three heartbeats.
    election_ms_min: u64, "election_ms_min" = "150";
    /// Longest such time, in milliseconds: above the shortest; each node draws from between. A leader that
    /// was not heard of for election_ms_max counts as gone.
    election_ms_max: u64, "election_ms_max" = "300";
    /// Log entries after which a snapshot is taken and the log is cut: at least 100.
    snapshot_entries: u64, "snapshot_entries" = "100000";
    /// Bytes of log entries after which the same is done: at least 1 MiB.
    snapshot_log_bytes: u64, "snapshot_log_bytes" = "268435456";
    /// How fast snapshots are sent to other nodes, in bytes a second: at least 65,536. 0: as fast as it goes.
    snapshot_rate_bytes_per_s: u64, "snapshot_rate_bytes_per_s" = "33554432";
    /// Free space on the disk of the data directory below which writes are refused, in bytes. 0: none is kept.
    space_reserve_bytes: u64, "space_reserve_bytes" = "268435456";
    /// An fsync of the log that takes longer raises the alarm slow-disk, in milliseconds.
    slow_fsync_ms: u64, "slow_fsync_ms" = "1000";
    /// How long requests may go on after SIGTERM or SIGINT, in milliseconds: up to 600,000.
    shutdown_grace_ms: u64, "shutdown_grace_ms" = "10000";
    /// Longest key of an item, in bytes.
    limits_key_size_bytes_max: usize, "limits.key_size_bytes_max" = "512";
    /// Largest value of an item, in bytes: up to 3 MiB. Clients other than the SDK may have to be told to take
    /// messages of twice as much and more: a change carries the value before and after.
    limits_value_size_bytes_max: usize, "limits.value_size_bytes_max" = "1048576";
    /// Most edits in one commit.
    limits_commit_edits_max: usize, "limits.commit_edits_max" = "1000";
    /// Largest commit, in bytes of keys, values and labels: up to 7 MiB.
    limits_commit_size_bytes_max: usize, "limits.commit_size_bytes_max" = "4194304";
    /// Longest message of a commit, in bytes.
    limits_message_size_bytes_max: usize, "limits.message_size_bytes_max" = "4096";
    /// Longest name of an author, in bytes.
    limits_author_size_bytes_max: usize, "limits.author_size_bytes_max" = "256";
    /// Most namespaces that one watch follows.
    limits_watch_targets_max: usize, "limits.watch_targets_max" = "256";
    /// Most watches that a node serves at once.
    limits_watch_streams_max: usize, "limits.watch_streams_max" = "10000";
    /// Most calls that wait for locks, or tell when they are lost, that a node serves at once.
    limits_acquire_streams_max: usize, "limits.acquire_streams_max" = "50000";
    /// Most streams that renew sessions that a node serves at once.
    limits_keep_alive_streams_max: usize, "limits.keep_alive_streams_max" = "100000";
}

#[cfg(test)]
mod tests;
