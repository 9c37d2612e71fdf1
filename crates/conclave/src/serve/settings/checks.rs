//! What must hold between settings, and what one that was left out takes from the others.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::ops::RangeInclusive;

use super::values::{Addresses, MemberAddress, Value, read_host_port, read_url};
use super::{Given, Mistake, Settings, Sources};

const NAME_SIZE_BYTES_MAX: usize = 64;
/// With less a node that is behind would hardly catch up with what is written meanwhile.
const SNAPSHOT_RATE_BYTES_PER_S_MIN: u64 = 64 << 10;
/// A request is at most 8 MiB on the wire; a commit must fit in with what is around it.
const COMMIT_SIZE_BYTES_MAX: usize = 7 << 20;
/// A change carries the value before and after, and clients take messages of 8 MiB.
const VALUE_SIZE_BYTES_MAX: usize = 3 << 20;
/// What decoding a request may cost is bounded too; so many edits without labels fit in.
const COMMIT_EDITS_MAX: usize = 25_000;

/// Settings while they are read: what is wrong so far, and with which of them.
pub(super) struct Checks<'a> {
    sources: &'a Sources,
    mistakes: Vec<Mistake>,
    /// Settings whose value is wrong. Nothing more is said of them, nor of what depends on them.
    wrong: BTreeSet<&'static str>,
}

impl<'a> Checks<'a> {
    pub(super) fn new(sources: &'a Sources) -> Self {
        Self { sources, mistakes: sources.mistakes(), wrong: BTreeSet::new() }
    }

    /// The value of a setting. If it cannot be read, the default stands in for as long as it takes to
    /// find the other mistakes.
    pub(super) fn value<V: Value>(&mut self, name: &'static str, default: &str) -> V {
        self.sources.value(name, default).unwrap_or_else(|mistake| {
            self.wrong.insert(name);
            self.mistakes.push(mistake);
            V::read(default).expect("a test reads every default")
        })
    }

    /// What was set that the data directory may know better.
    pub(super) fn given(&self) -> Given {
        Given { node_id: self.sources.has("node_id"), cluster_name: self.sources.has("cluster_name") }
    }

    /// Fills in what depends on other settings and checks the whole.
    pub(super) fn settle(mut self, mut settings: Settings) -> Result<Settings, Vec<Mistake>> {
        self.numbers(&settings);
        self.cluster_name(&settings);
        self.log_level(&settings);
        self.addresses(&mut settings);
        self.token_of_file(&mut settings);
        self.joining(&settings);
        self.members(&mut settings);
        if self.mistakes.is_empty() { Ok(settings) } else { Err(self.mistakes) }
    }

    fn mistake(&mut self, name: &'static str, what: &str) {
        if self.wrong.insert(name) {
            self.mistakes.push(self.sources.mistake(name, what));
        }
    }

    fn is_right(&self, name: &'static str) -> bool {
        !self.wrong.contains(name)
    }

    fn within(&mut self, name: &'static str, value: u64, bounds: RangeInclusive<u64>) {
        if !bounds.contains(&value) {
            let what = match (*bounds.start(), *bounds.end()) {
                (min, u64::MAX) => format!("{value} is too small: at least {min}"),
                (min, max) => format!("{value} is not from {min} to {max}"),
            };
            self.mistake(name, &what);
        }
    }

    fn numbers(&mut self, settings: &Settings) {
        self.within("node_id", settings.node_id, 1..=u64::MAX);
        self.within("heartbeat_ms", settings.heartbeat_ms, 10..=10_000);
        if self.is_right("heartbeat_ms") {
            self.within("election_ms_min", settings.election_ms_min, 3 * settings.heartbeat_ms..=120_000);
        }
        if self.is_right("election_ms_min") {
            self.within("election_ms_max", settings.election_ms_max, settings.election_ms_min + 1..=u64::MAX);
        }
        self.within("snapshot_entries", settings.snapshot_entries, 100..=u64::MAX);
        self.within("snapshot_log_bytes", settings.snapshot_log_bytes, 1 << 20..=u64::MAX);
        self.snapshot_rate(settings.snapshot_rate_bytes_per_s);
        self.within("shutdown_grace_ms", settings.shutdown_grace_ms, 0..=600_000);
        self.limits(settings);
    }

    fn snapshot_rate(&mut self, rate: u64) {
        if (1..SNAPSHOT_RATE_BYTES_PER_S_MIN).contains(&rate) {
            let what = format!(
                "{rate} is too little: at least {SNAPSHOT_RATE_BYTES_PER_S_MIN}, or 0 for as fast as it goes"
            );
            self.mistake("snapshot_rate_bytes_per_s", &what);
        }
    }

    fn limits(&mut self, settings: &Settings) {
        let commit_max = COMMIT_SIZE_BYTES_MAX;
        for (name, value, max) in [
            ("limits.key_size_bytes_max", settings.limits_key_size_bytes_max, 4096),
            ("limits.value_size_bytes_max", settings.limits_value_size_bytes_max, VALUE_SIZE_BYTES_MAX),
            ("limits.commit_edits_max", settings.limits_commit_edits_max, COMMIT_EDITS_MAX),
            ("limits.commit_size_bytes_max", settings.limits_commit_size_bytes_max, commit_max),
            ("limits.message_size_bytes_max", settings.limits_message_size_bytes_max, 65_536),
            ("limits.author_size_bytes_max", settings.limits_author_size_bytes_max, 4096),
            ("limits.watch_targets_max", settings.limits_watch_targets_max, 4096),
            ("limits.watch_streams_max", settings.limits_watch_streams_max, 1_000_000),
            ("limits.acquire_streams_max", settings.limits_acquire_streams_max, 1_000_000),
            ("limits.keep_alive_streams_max", settings.limits_keep_alive_streams_max, 1_000_000),
        ] {
            self.within(name, value as u64, 1..=max as u64);
        }
    }

    fn cluster_name(&mut self, settings: &Settings) {
        let name = &settings.cluster_name;
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if name.len() > NAME_SIZE_BYTES_MAX || !name.chars().all(plain) {
            let what = format!("{name:?} is not 1 to 64 letters, digits, '.', '_' and '-'");
            self.mistake("cluster_name", &what);
        }
    }

    fn log_level(&mut self, settings: &Settings) {
        if let Err(problem) = check_log_level(&settings.log_level) {
            self.mistake("log_level", &problem);
        }
    }

    /// What is advertised must be reachable: an address that means "any of mine" is not.
    fn addresses(&mut self, settings: &mut Settings) {
        let member = settings.initial_cluster.get(&settings.node_id).cloned();
        let client = self.advertised("client_advertise", settings.client_advertise.take(), read_url);
        let client = client.or_else(|| member.as_ref().and_then(|member| member.client.clone()));
        settings.client_advertise = client.or_else(|| {
            self.listened("client_listen", "client_advertise", settings.client_listen.0)
                .map(|it| format!("http://{it}"))
        });
        let peer = self.advertised("peer_advertise", settings.peer_advertise.take(), read_host_port);
        let peer = peer.or_else(|| member.map(|member| member.peer));
        settings.peer_advertise =
            peer.or_else(|| self.listened("peer_listen", "peer_advertise", settings.peer_listen.0));
    }

    fn advertised(
        &mut self,
        name: &'static str,
        text: Option<String>,
        read: fn(&str) -> Result<String, String>,
    ) -> Option<String> {
        let read = read(&text?);
        read.map_err(|what| self.mistake(name, &what)).ok()
    }

    fn listened(&mut self, name: &'static str, instead: &'static str, address: SocketAddr) -> Option<String> {
        if !address.ip().is_unspecified() {
            return Some(address.to_string());
        }
        // With a wrong value in what it would be taken from, that has been told already.
        if !self.sources.has(instead) && self.is_right("node_id") && self.is_right("initial_cluster") {
            self.mistake(
                name,
                &format!("{address} is no address that others can reach: set {instead} as well"),
            );
        }
        None
    }

    /// A token that comes in a file may come later, or never.
    fn token_of_file(&mut self, settings: &mut Settings) {
        let Some(path) = &settings.token_file else { return };
        if settings.token.is_some() {
            return self.mistake("token_file", "must not be set with token");
        }
        match std::fs::read_to_string(path).map(|text| text.trim().to_owned()) {
            Ok(token) if token.is_empty() => self.mistake("token_file", &format!("{path:?} is empty")),
            Ok(token) => settings.token = Some(token),
            Err(error) if error.kind() == ErrorKind::NotFound => settings.join = Addresses::default(),
            Err(error) => self.mistake("token_file", &format!("{path:?} cannot be read: {error}")),
        }
        settings.given = Given { node_id: false, cluster_name: false };
    }

    /// A node that joins brings a token, and learns from the cluster who it is.
    fn joining(&mut self, settings: &Settings) {
        match (settings.join.0.is_empty(), settings.token.is_some()) {
            (true, true) => self.mistake("token", "is of no use without join: name members there"),
            (false, false) if self.is_right("join") => {
                self.mistake("join", "needs a token as well: `conclave cluster add` tells one");
            }
            _ => {}
        }
        if !settings.join.0.is_empty() && settings.token_file.is_none() {
            for name in ["node_id", "initial_cluster"] {
                if self.sources.has(name) {
                    self.mistake(name, "must not be set with join: the cluster tells it");
                }
            }
        }
    }

    /// A node that stands alone is its own cluster; otherwise it must be one of the members.
    fn members(&mut self, settings: &mut Settings) {
        let (id, peer) = (settings.node_id, settings.peer_advertise.clone());
        let client = settings.client_advertise.clone();
        if !self.is_right("node_id") || !self.is_right("initial_cluster") {
            return;
        }
        if !settings.join.0.is_empty() {
            return;
        }
        if settings.initial_cluster.is_empty() {
            let own = peer.map(|peer| (id, MemberAddress { peer, client }));
            settings.initial_cluster.extend(own);
            return;
        }
        let Some(own) = settings.initial_cluster.get_mut(&id) else {
            return self.mistake("initial_cluster", &format!("does not name this node, node_id {id}"));
        };
        own.client = client;
        if let Some(peer) = peer.filter(|peer| *peer != own.peer) {
            let what = format!("{peer} is not what initial_cluster says of node {id}: {}", own.peer);
            self.mistake("peer_advertise", &what);
        }
    }
}

/// Refuses what says no level of the log.
pub(crate) fn check_log_level(level: &str) -> Result<(), String> {
    match level.parse::<tracing_subscriber::filter::Targets>() {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{level:?}: {error}")),
    }
}
