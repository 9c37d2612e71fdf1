//! How a cluster does that holds a common amount of configuration: start, memory, disk, backup, restore, and
//! how fast a new node catches up.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use conclave_testkit::{Cluster, ClusterOptions};
use procfs::WithCurrentSystemInfo as _;
use procfs::process::Process;
use walkdir::WalkDir;

use crate::load::{Amount, change, fill};
use crate::report::Report;

const START_GOAL: Duration = Duration::from_secs(2);
const MEMORY_GOAL_BYTES: u64 = 150 << 20;
const CATCH_UP_GOAL: Duration = Duration::from_secs(10);

/// How much the cluster is to hold.
#[derive(Debug, clap::Args)]
pub(crate) struct SmokeArgs {
    /// Items
    #[arg(long, default_value_t = 100_000)]
    items: u64,
    /// Size of each value, in bytes
    #[arg(long, default_value_t = 256)]
    value_size_bytes: usize,
    /// Versions beyond those that made the items
    #[arg(long, default_value_t = 10_000)]
    versions: u64,
}

/// Measures, and prints what was found.
pub(crate) async fn run(binary: &Path, args: &SmokeArgs) -> anyhow::Result<()> {
    let SmokeArgs { items, value_size_bytes, versions } = *args;
    let amount = Amount { items, value_size_bytes, versions };
    let binary = binary.to_str().context("the program's path is no text")?;
    let mut report = Report::default();
    let mut cluster = Cluster::start(ClusterOptions::new(binary, 3)).await;
    load(&cluster, amount, &mut report).await?;
    restart(&mut cluster, &mut report).await?;
    backup(&cluster, &mut report).await?;
    catch_up(&mut cluster, &mut report).await;
    print(&format!("{items} items of {value_size_bytes} bytes, {versions} versions, three nodes\n\n{report}"))
}

#[allow(clippy::print_stdout)]
fn print(text: &str) -> anyhow::Result<()> {
    println!("{text}");
    Ok(())
}

async fn load(cluster: &Cluster, amount: Amount, report: &mut Report) -> anyhow::Result<()> {
    let client = cluster.client();
    let began = Instant::now();
    fill(&client, amount).await?;
    report.rate("items written, 1,000 a commit", amount.items, began.elapsed());
    let began = Instant::now();
    change(&client, amount).await?;
    report.rate("versions written, one edit a commit, 64 writers", amount.versions, began.elapsed());
    Ok(())
}

/// All nodes at once, as after a power failure.
async fn restart(cluster: &mut Cluster, report: &mut Report) -> anyhow::Result<()> {
    cluster.kill_all();
    let began = Instant::now();
    cluster.start_all();
    cluster.all_serve().await;
    report.duration("start of all nodes to the first linearizable read", began.elapsed(), Some(START_GOAL));
    for id in cluster.ids() {
        let process = i32::try_from(cluster.node(id).process())?;
        let resident = Process::new(process)?.stat()?.rss_bytes().get();
        report.size(&format!("resident memory of node {id}"), resident, Some(MEMORY_GOAL_BYTES));
    }
    let folder = cluster.node(1).data_dir();
    report.size("data directory of node 1", size_of(&folder)?, None);
    Ok(())
}

/// A node with nothing, as one is that lost its disk: from its start until it serves.
async fn catch_up(cluster: &mut Cluster, report: &mut Report) {
    let client = cluster.client();
    let id = cluster.admit(&client).await;
    let began = Instant::now();
    cluster.start_node(id);
    cluster.all_serve().await;
    cluster.agree().await;
    report.duration("an empty node: from its start until it has all", began.elapsed(), Some(CATCH_UP_GOAL));
}

async fn backup(cluster: &Cluster, report: &mut Report) -> anyhow::Result<()> {
    let file = cluster.folder().join("smoke.conclave");
    let file = file.to_str().context("the folder's path is no text")?;
    let began = Instant::now();
    let ran = cluster.command_line().run(&["backup", "create", file]).await;
    ensure!(ran.code == Some(0), "the backup failed: {}", ran.stderr);
    report.duration("backup", began.elapsed(), None);
    report.size("size of the backup", std::fs::metadata(file)?.len(), None);
    let restored = cluster.folder().join("restored");
    let restored = restored.to_str().context("the folder's path is no text")?;
    let arguments =
        ["backup", "restore", file, "--data-dir", restored, "--node-id", "1", "--cluster-name", "again"];
    let began = Instant::now();
    let ran = cluster.command_line().run(&arguments).await;
    ensure!(ran.code == Some(0), "the restore failed: {}", ran.stderr);
    report.duration("restore", began.elapsed(), None);
    Ok(())
}

fn size_of(folder: &Path) -> anyhow::Result<u64> {
    let mut size_bytes = 0;
    for entry in WalkDir::new(folder) {
        let found = entry?.metadata()?;
        size_bytes += if found.is_file() { found.len() } else { 0 };
    }
    Ok(size_bytes)
}
