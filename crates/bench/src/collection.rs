//! What dropping a long history does to the writes of everybody else.
//!
//! One namespace gets many versions; then it is told to keep a few. Single writes at a fixed rate go to the same
//! namespace before and while it is collected.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use conclave_client::Client;
use conclave_client::config::{Authorship, GetNamespaceRequest, Retention, UpdateNamespaceRequest};
use conclave_testkit::{Cluster, ClusterOptions};

use crate::clients::client_of;
use crate::latencies::{Latencies, SteadyWrites};
use crate::load::Load;
use crate::metrics::Metrics;
use crate::report::Report;

const NAMESPACE: &str = "bench/n0";
/// Items of the namespace.
const ITEMS: u64 = 1_000;
const VALUE_SIZE_BYTES: usize = 256;
/// Clients that make the history.
const WRITERS: usize = 256;
/// What the leader logs when it is through with a namespace, and the level that shows it.
const COLLECTED: &str = "dropped what need not be kept";
const LOG_LEVEL: &str = "info,conclave_node::collect=debug";
/// How often it is looked whether it is: so exact is the time.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// A history that is not dropped after so long never will be.
const COLLECTION_MAX: Duration = Duration::from_secs(1_800);

/// How long a history is dropped.
#[derive(Debug, clap::Args)]
pub(crate) struct CollectionArgs {
    /// Versions that there are at first, of one edit each
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1..))]
    versions: u64,
    /// Versions that are to be kept
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    kept: u64,
    /// Single writes a second whose latency is measured
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// How long they are measured on the quiet cluster, in seconds
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
}

/// Measures, and prints each part as it is found.
pub(crate) async fn run(binary: &Path, args: &CollectionArgs) -> anyhow::Result<()> {
    let binary = binary.to_str().context("the program's path is no text")?;
    let options = ClusterOptions::new(binary, 3).set("log_level", LOG_LEVEL);
    let mut cluster = Cluster::start(options).await;
    let leader = cluster.all_serve().await;
    let client = client_of(&mut cluster, leader)?;
    let load = Load::new(ITEMS, VALUE_SIZE_BYTES);
    make_history(&client, &load, args.versions).await?;
    let interval = Duration::from_secs(1) / args.rate;
    let steady = SteadyWrites { client: client.clone(), load, interval };
    let quiet = steady.alone(Duration::from_secs(args.seconds)).await?;
    tell_quiet(args.rate, &quiet);

    let mut report = Report::titled(format!("the same, while all but {} versions are dropped", args.kept));
    let address = cluster.node(leader).client_address();
    report.size("state of the leader, before", Metrics::of(address).await?.state_size_bytes()?, None);
    keep_only(&client, args.kept).await?;
    let collecting = collected(&mut cluster, leader);
    let (took, latencies) = steady.during(collecting).await?;
    report.duration("until all of it was dropped", took?, None);
    report.size("state of the leader, after", Metrics::of(address).await?.state_size_bytes()?, None);
    report.count("versions that are left", versions_left(&client).await?, None);
    latencies.tell_beside(&quiet, &mut report);
    // Stops the run if two nodes differ.
    cluster.agree().await;
    report.print();
    Ok(())
}

async fn make_history(client: &Client, load: &Load, versions: u64) -> anyhow::Result<()> {
    load.fill(client).await?;
    let began = Instant::now();
    load.change(std::slice::from_ref(client), WRITERS, versions).await?;
    let mut report = Report::titled("a long history");
    report.rate(&format!("versions, {WRITERS} writers"), versions, began.elapsed());
    report.print();
    Ok(())
}

fn tell_quiet(rate: u32, quiet: &Latencies) {
    let mut report = Report::titled(format!("the quiet cluster, {rate} single writes a second"));
    quiet.tell(&mut report);
    report.print();
}

/// From now on the namespace keeps so many versions, whatever their age.
async fn keep_only(client: &Client, versions: u64) -> anyhow::Result<()> {
    let request = UpdateNamespaceRequest {
        namespace: NAMESPACE.into(),
        retention: Some(Retention { versions: Some(versions), days: Some(0) }),
        authorship: Some(Authorship { author: "bench".into(), ..Default::default() }),
        ..Default::default()
    };
    client.update_namespace(request).await.context("the retention was not changed")?;
    Ok(())
}

/// Waits until the leader is through with the namespace for the first time.
async fn collected(cluster: &mut Cluster, leader: u64) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let node = cluster.node(leader);
    while !node.log().contains(COLLECTED) {
        anyhow::ensure!(began.elapsed() < COLLECTION_MAX, "the history is not dropped: {}", node.log_tail());
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    Ok(began.elapsed())
}

async fn versions_left(client: &Client) -> anyhow::Result<u64> {
    let request = GetNamespaceRequest { namespace: NAMESPACE.into(), ..Default::default() };
    let namespace = client.get_namespace(request).await?.namespace.context("the namespace is there")?;
    Ok(namespace.version - namespace.oldest_version + 1)
}
