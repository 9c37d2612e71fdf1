//! How a cluster does that holds a common amount of configuration: start, memory, disk, backup, restore, and
//! how fast a new node catches up.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use conclave_testkit::{Cluster, ClusterOptions};

use crate::arrival::Arrival;
use crate::footprint;
use crate::load::Load;
use crate::report::Report;

/// Clients that write versions at once.
const WRITERS: usize = 64;
const START_GOAL: Duration = Duration::from_secs(2);
const MEMORY_GOAL_BYTES: u64 = 150 << 20;
const CATCH_UP_GOAL: Duration = Duration::from_secs(10);

/// How much the cluster is to hold.
#[derive(Debug, clap::Args)]
pub(crate) struct SmokeArgs {
    /// Items
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    items: u64,
    /// Size of each value, in bytes
    #[arg(long, default_value_t = 256)]
    value_size_bytes: usize,
    /// Versions beyond those that made the items
    #[arg(long, default_value_t = 10_000)]
    versions: u64,
}

/// Measures, and prints each part as it is found.
pub(crate) async fn run(binary: &Path, args: &SmokeArgs) -> anyhow::Result<()> {
    let binary = binary.to_str().context("the program's path is no text")?;
    let mut cluster = Cluster::start(ClusterOptions::new(binary, 3)).await;
    load(&cluster, args).await?;
    restart(&mut cluster).await?;
    backup(&cluster).await?;
    new_node(&mut cluster).await
}

async fn load(cluster: &Cluster, args: &SmokeArgs) -> anyhow::Result<()> {
    let (client, load) = (cluster.client(), Load::new(args.items, args.value_size_bytes));
    let title = format!("writing to three nodes, values of {} bytes", args.value_size_bytes);
    let mut report = Report::titled(title);
    let began = Instant::now();
    load.fill(&client).await?;
    report.rate("items, 1,000 a commit", args.items, began.elapsed());
    let began = Instant::now();
    load.change(&[client], WRITERS, args.versions).await?;
    report.rate(&format!("versions, one edit a commit, {WRITERS} writers"), args.versions, began.elapsed());
    report.print();
    Ok(())
}

/// All nodes at once, as after a power failure.
async fn restart(cluster: &mut Cluster) -> anyhow::Result<()> {
    let mut report = Report::titled("all nodes, killed and started");
    cluster.kill_all();
    let began = Instant::now();
    cluster.start_all();
    cluster.all_serve().await;
    report.duration("from the start until all serve", began.elapsed(), Some(START_GOAL));
    footprint::tell(cluster, Some(MEMORY_GOAL_BYTES), &mut report)?;
    report.print();
    Ok(())
}

/// A node with nothing, as one is that lost its disk.
async fn new_node(cluster: &mut Cluster) -> anyhow::Result<()> {
    let leader = cluster.all_serve().await;
    let id = cluster.admit(&cluster.client()).await;
    let mut report = Report::titled("a new node, empty");
    Arrival::of(cluster, id, leader).await?.tell(Some(CATCH_UP_GOAL), &mut report);
    // Stops the run if two nodes differ.
    cluster.agree().await;
    report.print();
    Ok(())
}

async fn backup(cluster: &Cluster) -> anyhow::Result<()> {
    let mut report = Report::titled("a backup, and a restore of it");
    let file = cluster.folder().join("smoke.conclave");
    let file = file.to_str().context("the folder's path is no text")?;
    let began = Instant::now();
    let ran = cluster.command_line().run(&["backup", "create", file]).await;
    ensure!(ran.code == Some(0), "the backup failed: {}", ran.stderr);
    report.duration("backup", began.elapsed(), None);
    report.size("size of the backup", std::fs::metadata(file)?.len(), None);
    let restored = cluster.folder().join("restored");
    let restored = restored.to_str().context("the folder's path is no text")?;
    let members = ["--cluster-name", "again", "--node-id", "1", "--initial-cluster", "1=127.0.0.1:4201"];
    let arguments = [&["backup", "restore", file, "--data-dir", restored], members.as_slice()].concat();
    let began = Instant::now();
    let ran = cluster.command_line().run(&arguments).await;
    ensure!(ran.code == Some(0), "the restore failed: {}", ran.stderr);
    report.duration("restore", began.elapsed(), None);
    report.print();
    Ok(())
}
