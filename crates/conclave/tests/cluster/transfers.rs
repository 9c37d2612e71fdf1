//! Snapshots on their way to a new node, so slowly that something can happen to either end meanwhile.

use std::fs;
use std::path::Path;

use conclave_testkit::{Cluster, ClusterOptions, wait};

use crate::stage::{BINARY, create, fill, put};

/// A snapshot is taken and the log is cut whenever there is so much more in it.
const LOG_SIZE_BYTES: u64 = 4 << 20;
/// What the state holds.
const VALUES: usize = 10;
const VALUE_SIZE_BYTES: usize = 1_000_000;
/// All of it takes about five seconds.
const RATE_BYTES_PER_S: u64 = 2 << 20;

/// What a node tells when it begins to send a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sending {
    /// The whole.
    pub(crate) size_bytes: u64,
    /// What the other node has of it already.
    pub(crate) staged_bytes: u64,
}

/// Three nodes that send snapshots slowly.
pub(crate) fn slow() -> ClusterOptions {
    ClusterOptions::new(BINARY, 3)
        .set("snapshot_log_bytes", LOG_SIZE_BYTES)
        .set("snapshot_rate_bytes_per_s", RATE_BYTES_PER_S)
}

/// A cluster that holds some MB in the namespace `shop`, of which the log has only the end: a new node can have
/// the state as a snapshot only, whoever leads.
pub(crate) async fn with_cut_logs(options: ClusterOptions) -> Cluster {
    let mut cluster = Cluster::start(options).await;
    let client = cluster.client();
    create(&client, "shop").await;
    fill(&client, "shop", 0..VALUES, VALUE_SIZE_BYTES).await;
    for id in cluster.ids() {
        let cut = async || cluster.node(id).log().contains("the log is cut").then_some(());
        wait::until("the log is cut", cut).await;
    }
    // Written after the cut: when it is answered, that is done.
    put(&client, "shop", "after", "the cut").await;
    cluster
}

/// Waits until so much of a snapshot has come to a node.
pub(crate) async fn has_come(cluster: &mut Cluster, id: u64, size_bytes: u64) {
    let data_dir = cluster.node(id).data_dir();
    let come = async || (received_bytes(&data_dir) >= size_bytes).then_some(());
    wait::until("a part of the snapshot has come", come).await;
}

/// How much of a snapshot lies in a data directory that is not installed.
pub(crate) fn received_bytes(data_dir: &Path) -> u64 {
    sizes_bytes(&data_dir.join("state/incoming")).iter().sum()
}

/// Sizes of the files in a folder; none if it is not there.
pub(crate) fn sizes_bytes(folder: &Path) -> Vec<u64> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).collect()
}

/// The snapshots that a node began to send, over all its runs.
pub(crate) fn sendings(cluster: &mut Cluster, id: u64) -> Vec<Sending> {
    let log = cluster.node(id).log();
    let told = log.lines().filter(|line| line.contains("a snapshot is being sent"));
    told.map(|line| Sending {
        size_bytes: number(line, "size_bytes="),
        staged_bytes: number(line, "staged_bytes="),
    })
    .collect()
}

/// The one node that began to send snapshots.
pub(crate) fn sender(cluster: &mut Cluster) -> u64 {
    let ids = cluster.ids().into_iter();
    let senders: Vec<_> = ids.filter(|id| !sendings(cluster, *id).is_empty()).collect();
    assert_eq!(senders.len(), 1, "one node leads, and sends: {senders:?}");
    senders[0]
}

fn number(line: &str, name: &str) -> u64 {
    let found = line.split_whitespace().find_map(|word| word.strip_prefix(name));
    found.and_then(|number| number.parse().ok()).expect("the line tells it")
}
