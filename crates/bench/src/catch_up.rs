//! How long a node takes to catch up, after it was away and when it is new, and what that does to the writes of
//! everybody else.
//!
//! Single writes at a fixed rate go to the leader, on the quiet cluster and while a node catches up. Their clients
//! turn to the leader first, so that the way is the same in all parts.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use conclave_client::Client;
use conclave_testkit::{Cluster, ClusterOptions};

use crate::arrival::Arrival;
use crate::clients::client_of;
use crate::footprint;
use crate::latencies::{Latencies, SteadyWrites};
use crate::load::Load;
use crate::metrics::Metrics;
use crate::report::Report;

/// How much there is to catch up with.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CatchUpArgs {
    /// Items, 1,000 in a namespace
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    items: u64,
    /// Size of each value, in bytes
    #[arg(long, default_value_t = 256)]
    value_size_bytes: usize,
    /// Commits of one edit while a follower is down
    #[arg(long, default_value_t = 500_000)]
    commits: u64,
    /// Clients that make those commits
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..))]
    writers: u16,
    /// Single writes a second whose latency is measured
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// How long they are measured on the quiet cluster, in seconds
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// A setting of all nodes, as in their settings file; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
}

fn setting(text: &str) -> Result<(String, String), &'static str> {
    let parts = text.split_once('=').filter(|(name, _)| !name.is_empty());
    parts.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or("it is not of the form NAME=VALUE")
}

/// Measures, and prints each part as it is found.
pub(crate) async fn run(binary: &Path, args: &CatchUpArgs) -> anyhow::Result<()> {
    let binary = binary.to_str().context("the program's path is no text")?;
    let options = ClusterOptions::new(binary, 3);
    let options = args.set.iter().fold(options, |options, (name, value)| options.set(name, value));
    let cluster = Cluster::start(options).await;
    let load = Load::new(args.items, args.value_size_bytes);
    let mut bench = Bench { cluster, load, args: args.clone() };
    bench.fill().await?;
    let quiet = bench.quiet("the quiet cluster").await?;
    bench.follower_away(&quiet).await?;
    bench.quiet("the cluster, quiet again").await?;
    bench.new_node(&quiet).await?;
    let mut report = Report::titled("what each node takes, at the end");
    footprint::tell(&mut bench.cluster, None, &mut report)?;
    report.print();
    Ok(())
}

struct Bench {
    cluster: Cluster,
    load: Load,
    args: CatchUpArgs,
}

impl Bench {
    async fn fill(&mut self) -> anyhow::Result<()> {
        let leader = self.cluster.all_serve().await;
        let client = client_of(&mut self.cluster, leader)?;
        let began = Instant::now();
        self.load.fill(&client).await?;
        let size = self.args.value_size_bytes;
        let mut report = Report::titled(format!("filling three nodes, values of {size} bytes"));
        report.rate("items written, 1,000 a commit", self.args.items, began.elapsed());
        report.size("state of the leader", self.state_size_bytes(leader).await?, None);
        report.print();
        Ok(())
    }

    /// Single writes and nothing else.
    async fn quiet(&mut self, title: &str) -> anyhow::Result<Latencies> {
        let steady = self.steady_writes().await?;
        let latencies = steady.alone(Duration::from_secs(self.args.seconds)).await?;
        let mut report = Report::titled(format!("{title}, {} single writes a second", self.args.rate));
        latencies.tell(&mut report);
        report.print();
        Ok(latencies)
    }

    /// A follower is killed, and comes back after many commits.
    async fn follower_away(&mut self, quiet: &Latencies) -> anyhow::Result<()> {
        let leader = self.cluster.all_serve().await;
        let follower = self.cluster.ids().into_iter().find(|id| *id != leader).context("a follower")?;
        let mut report = Report::titled("a follower that was killed and comes back");
        self.cluster.node(follower).kill();
        let clients = self.clients_but(follower)?;
        let began = Instant::now();
        self.load.change(&clients, usize::from(self.args.writers), self.args.commits).await?;
        let what = format!("commits while it was away, {} writers", self.args.writers);
        report.rate(&what, self.args.commits, began.elapsed());
        let leader = self.cluster.all_serve().await;
        self.measure_arrival(follower, leader, quiet, &mut report).await
    }

    /// A node with nothing is admitted.
    async fn new_node(&mut self, quiet: &Latencies) -> anyhow::Result<()> {
        let leader = self.cluster.all_serve().await;
        let client = client_of(&mut self.cluster, leader)?;
        let id = self.cluster.admit(&client).await;
        let mut report = Report::titled("a new node, empty");
        self.measure_arrival(id, leader, quiet, &mut report).await
    }

    /// Starts a node, with single writes going on until it has all.
    async fn measure_arrival(
        &mut self,
        id: u64,
        leader: u64,
        quiet: &Latencies,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        report.size("state of the leader, before", self.state_size_bytes(leader).await?, None);
        let term_before = self.term(leader).await?;
        let steady = self.steady_writes_to(leader)?;
        let (arrival, latencies) = steady.during(Arrival::of(&mut self.cluster, id, leader)).await?;
        let arrival = arrival?;
        arrival.tell(None, report);
        tell_parts(latencies, arrival.installed(), quiet, report);
        let leader = self.cluster.all_serve().await;
        report.count("elections meanwhile", self.term(leader).await? - term_before, Some(0));
        // Stops the run if two nodes differ.
        self.cluster.agree().await;
        report.print();
        Ok(())
    }

    async fn steady_writes(&mut self) -> anyhow::Result<SteadyWrites> {
        let leader = self.cluster.all_serve().await;
        self.steady_writes_to(leader)
    }

    fn steady_writes_to(&mut self, leader: u64) -> anyhow::Result<SteadyWrites> {
        let interval = Duration::from_secs(1) / self.args.rate;
        Ok(SteadyWrites { client: client_of(&mut self.cluster, leader)?, load: self.load.clone(), interval })
    }

    async fn state_size_bytes(&mut self, id: u64) -> anyhow::Result<u64> {
        Metrics::of(self.cluster.node(id).client_address()).await?.state_size_bytes()
    }

    async fn term(&self, id: u64) -> anyhow::Result<u64> {
        let status = self.cluster.status_of(id).await;
        Ok(status.with_context(|| format!("node {id} does not tell its term"))?.term)
    }

    /// A client for each node but one.
    fn clients_but(&mut self, id: u64) -> anyhow::Result<Vec<Client>> {
        let others: Vec<u64> = self.cluster.ids().into_iter().filter(|other| *other != id).collect();
        others.into_iter().map(|first| client_of(&mut self.cluster, first)).collect()
    }
}

/// Tells what writes took while the snapshot came, and while the log did.
fn tell_parts(latencies: Latencies, installed: Option<Instant>, quiet: &Latencies, report: &mut Report) {
    let Some(installed) = installed else { return latencies.tell_beside(quiet, report) };
    let (before, after) = latencies.split_at(installed);
    report.fact("writes before the snapshot was installed", "");
    before.tell_beside(quiet, report);
    report.fact("writes after that, while the log came", "");
    after.tell_beside(quiet, report);
}
