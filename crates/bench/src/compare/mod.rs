//! Conclave beside etcd: the same load on three nodes of either, in turn, and what it took.
//!
//! | file | what |
//! |---|---|
//! | [`peer`] | the programs, and three nodes of one |
//! | [`case`], [`measure`] | the workloads, and how each is measured |
//! | [`clients`] | clients of both protocols, and what they write |
//! | [`drive`], [`fan_out`] | closed and open loops; watchers |
//! | [`cost`] | processors, memory and disks, as the system counts them |
//! | [`sample`], [`stats`], [`table`] | what was found: kept, summed up, told |
//!
//! Each run of a case has nodes of its own, which are started for it: what was measured before leaves nothing behind. The
//! peers take turns, so that a machine that changes its mind does so to all of them.

mod case;
mod clients;
mod cost;
mod drive;
mod fan_out;
mod measure;
mod peer;
mod sample;
mod stats;
mod table;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;

use case::{Case, Workload};
use measure::{Spans, measure};
use peer::Peer;
use sample::Sample;
use table::Samples;

/// What is compared.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CompareArgs {
    /// A program: `[NAME=]conclave|etcd[:PATH]`; may be given several times. Without a path: a build beside this program,
    /// and the etcd that `deploy/scripts/needs.sh etcd` brings
    #[arg(long = "peer", value_name = "PEER", default_values = ["conclave", "etcd"])]
    peers: Vec<Peer>,
    /// What clients do
    #[arg(long = "workload", value_enum, value_delimiter = ',', default_values = ["put", "get", "local-get", "txn"])]
    workloads: Vec<Workload>,
    /// Clients at once
    #[arg(long, value_delimiter = ',', default_values_t = [64])]
    clients: Vec<usize>,
    /// Keys that are there before
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    keys: u64,
    /// Size of each value, in bytes
    #[arg(long, default_value_t = 256)]
    value_size_bytes: usize,
    /// Operations a second, in an open loop; without it a closed loop
    #[arg(long)]
    rate: Option<u32>,
    /// Conclave is asked by its own API, where that has the like
    #[arg(long)]
    native: bool,
    /// How often each pair is measured
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// How long each is measured, in seconds
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// How long it runs before, in seconds
    #[arg(long, default_value_t = 3.0)]
    warm_up_seconds: f64,
    /// Where the samples are kept, as lines of JSON
    #[arg(long, value_name = "FILE")]
    raw: Option<PathBuf>,
}

/// Measures, and prints the table.
pub(crate) async fn run(args: &CompareArgs) -> anyhow::Result<()> {
    let peers = named(&args.peers)?;
    let spans = Spans {
        warm_up: Duration::from_secs_f64(args.warm_up_seconds),
        measured: Duration::from_secs_f64(args.seconds),
    };
    let mut samples = Samples::default();
    for case in cases(args) {
        for round in 1..=usize::from(args.rounds) {
            for (name, peer) in &peers {
                let sample = one(&case, (name, peer), round, spans).await;
                let sample = sample.with_context(|| format!("{case} of {name}, round {round}"))?;
                keep(&sample, args.raw.as_ref())?;
                samples.all.push(sample);
            }
        }
    }
    print(&samples.table());
    Ok(())
}

fn cases(args: &CompareArgs) -> Vec<Case> {
    let of_workload = |workload: &Workload| {
        let case = |clients: &usize| Case {
            workload: *workload,
            clients: *clients,
            keys: args.keys,
            value_size_bytes: args.value_size_bytes,
            rate: args.rate,
            native: args.native && workload.is_native(),
        };
        args.clients.iter().map(case).collect::<Vec<_>>()
    };
    args.workloads.iter().flat_map(of_workload).collect()
}

fn named(peers: &[Peer]) -> anyhow::Result<Vec<(String, Peer)>> {
    peers.iter().map(|peer| Ok((peer.name()?, peer.clone()))).collect()
}

/// Starts nodes, measures, and ends them.
async fn one(case: &Case, peer: (&str, &Peer), round: usize, spans: Spans) -> anyhow::Result<Sample> {
    let mut nodes = peer.1.start().await?;
    let figures = measure(case, &mut nodes, spans).await?;
    Ok(Sample { case: case.clone(), peer: peer.0.to_owned(), round, figures })
}

/// Keeps a sample at once: a run that ends before its time leaves what it has found.
fn keep(sample: &Sample, raw: Option<&PathBuf>) -> anyhow::Result<()> {
    use std::io::Write as _;
    let line = serde_json::to_string(sample)?;
    let Some(raw) = raw else { return Ok(()) };
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(raw)?;
    Ok(writeln!(file, "{line}")?)
}

/// For whoever waits.
#[allow(clippy::print_stdout)]
fn print(text: &str) {
    println!("{text}");
}
