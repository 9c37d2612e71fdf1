//! Conclave beside etcd: the same load on three nodes of either, in turn, and what it took.
//!
//! | file | what |
//! |---|---|
//! | [`peer`], [`nodes`] | the programs, and three nodes of one |
//! | [`case`], [`plan`], [`mod@measure`] | the workloads, those of `make bench`, and how each is measured |
//! | [`clients`] | clients of both protocols, and what they write |
//! | [`drive`], [`fan_out`] | closed and open loops; watchers |
//! | [`of_nodes`], [`probe`] | nodes that are started again or lose their leader |
//! | [`cost`], [`machine`] | processors, memory and disks, as the system counts them; what machine it is |
//! | [`sample`], [`raw`], [`samples`], [`stats`] | what was found: kept, read again, summed up |
//! | [`table`], [`goals`], [`report`] | what was found: told, held against the goals, written to docs/performance.md |
//!
//! Each run of a case has nodes of its own, which are started for it: what was measured before leaves nothing behind. The
//! peers take turns, so that a machine that changes its mind does so to all of them.

mod case;
mod clients;
mod cost;
mod drive;
mod fan_out;
mod goals;
mod machine;
mod measure;
mod nodes;
mod of_nodes;
mod peer;
mod plan;
mod probe;
mod raw;
pub(crate) mod report;
mod sample;
mod samples;
mod stats;
mod table;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::task::LocalSet;

use case::{Case, USUAL_KEYS, USUAL_VALUE_SIZE_BYTES, Workload};
use machine::{Machine, SyncTimes};
use measure::{Spans, measure};
use peer::Peer;
use plan::Plan;
use raw::{Line, PeerVersion, Raw, Run};
use sample::{Figures, Metric, Sample};
use samples::Samples;
use table::{COST, Cells, OF_NODES, SPEED, Table};

/// Without a plan.
const WORKLOADS: [Workload; 4] = [Workload::Put, Workload::Get, Workload::LocalGet, Workload::Txn];
const ROUNDS: u16 = 5;
const SPANS: Spans = Spans { warm_up: Duration::from_secs(3), measured: Duration::from_secs(10) };

/// What is compared.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CompareArgs {
    /// A program: `[NAME=]conclave|etcd[:PATH]`; may be given several times. Without a path: a build beside this program,
    /// and the etcd that `deploy/scripts/needs.sh etcd` brings
    #[arg(long = "peer", value_name = "PEER", default_values = ["conclave", "etcd"])]
    peers: Vec<Peer>,
    /// A list of cases, with its own clients, keys, sizes and rates, and rounds and seconds unless those are given
    #[arg(long, value_enum, conflicts_with_all = ["clients", "keys", "value_size_bytes", "rate", "native"])]
    plan: Option<Plan>,
    /// What clients do: put, get, local-get and txn, if it is not told; of a plan only these
    #[arg(long = "workload", value_enum, value_delimiter = ',')]
    workloads: Vec<Workload>,
    /// Clients at once
    #[arg(long, value_delimiter = ',', default_values_t = [64])]
    clients: Vec<usize>,
    /// Keys that are there before
    #[arg(long, default_value_t = USUAL_KEYS, value_parser = clap::value_parser!(u64).range(1..))]
    keys: u64,
    /// Size of each value, in bytes
    #[arg(long, default_value_t = USUAL_VALUE_SIZE_BYTES)]
    value_size_bytes: usize,
    /// Operations a second, in an open loop; without it a closed loop
    #[arg(long)]
    rate: Option<u32>,
    /// Conclave is asked by its own API, where that has the like
    #[arg(long)]
    native: bool,
    /// How often each pair is measured: 5 times, if no plan tells it
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// How long each is measured, in seconds: 10, if no plan tells it
    #[arg(long)]
    seconds: Option<f64>,
    /// How long it runs before, in seconds: 3, if no plan tells it
    #[arg(long)]
    warm_up_seconds: Option<f64>,
    /// Where the samples are kept, as lines of JSON, behind those that are there: `report` reads them
    #[arg(long, value_name = "FILE")]
    raw: Option<PathBuf>,
    /// Of which commit the builds are: kept with the samples
    #[arg(long)]
    commit: Option<String>,
    /// What that file has already is not measured again
    #[arg(long, requires = "raw")]
    go_on: bool,
}

/// Measures, and prints the table. A case that fails is told, and the others go on.
pub(crate) async fn run(args: &CompareArgs) -> anyhow::Result<()> {
    let bench = Bench {
        peers: named(&args.peers)?,
        spans: spans(args),
        raw: args.raw.clone(),
        commit: args.commit.clone(),
    };
    let mut samples = if args.go_on { Raw::read(&args.raw)?.samples } else { Samples::default() };
    bench.keep_run()?;
    let (cases, mut failed) = (cases(args), 0);
    for (number, case) in cases.iter().enumerate() {
        print(&format!("{} of {}: {case}", number + 1, cases.len()));
        for round in 1..=rounds(args) {
            for (name, peer) in &bench.peers {
                if samples.have(case, name, round) {
                    continue;
                }
                match bench.sample(case, (name, peer), round).await {
                    Ok(sample) => samples.all.push(sample),
                    Err(error) => {
                        failed += 1;
                        print(&format!("{case} of {name}, round {round}: {error:#}"));
                    }
                }
            }
        }
    }
    print(&format!("\n{}", tables(&samples)));
    ensure!(failed == 0, "{failed} runs of a case have failed");
    Ok(())
}

/// Who is measured, for how long, and where it is kept.
struct Bench {
    peers: Vec<(String, Peer)>,
    spans: Spans,
    raw: Option<PathBuf>,
    commit: Option<String>,
}

impl Bench {
    /// Keeps what a run is made on.
    fn keep_run(&self) -> anyhow::Result<()> {
        let Some(raw) = &self.raw else { return Ok(()) };
        let version = |(name, peer): &(String, Peer)| {
            anyhow::Ok(PeerVersion { name: name.clone(), version: peer.version()? })
        };
        let run = Run {
            began: jiff::Timestamp::now().round(jiff::Unit::Second)?.to_string(),
            commit: self.commit.clone(),
            machine: Machine::this()?,
            // The nodes have their data there too. Nothing else is done meanwhile.
            fdatasync: SyncTimes::of(&std::env::temp_dir())?,
            peers: self.peers.iter().map(version).collect::<anyhow::Result<_>>()?,
            warm_up_seconds: self.spans.warm_up.as_secs_f64(),
            measured_seconds: self.spans.measured.as_secs_f64(),
        };
        Line::Run { run: Box::new(run) }.keep(raw)
    }

    /// Starts nodes, measures, ends them, and keeps what was found.
    async fn sample(&self, case: &Case, peer: (&str, &Peer), round: usize) -> anyhow::Result<Sample> {
        let sync = SyncTimes::of(&std::env::temp_dir())?;
        let run = one(case.clone(), peer.1.clone(), self.spans);
        let measured = LocalSet::new().run_until(async { tokio::task::spawn_local(run).await }).await;
        let mut figures = measured.context("a wait of the nodes was in vain")??;
        figures.0.insert(Metric::SyncP50Us, sync.p50_us as f64);
        let sample = Sample { case: case.clone(), peer: peer.0.to_owned(), round, figures };
        if let Some(raw) = &self.raw {
            Line::Sample(Box::new(sample.clone())).keep(raw)?;
        }
        Ok(sample)
    }
}

/// As a task of its own: what waits for nodes in vain panics, and only this run is to end.
async fn one(case: Case, peer: Peer, spans: Spans) -> anyhow::Result<Figures> {
    let mut nodes = peer.start().await?;
    measure(&case, &mut nodes, spans).await
}

fn named(peers: &[Peer]) -> anyhow::Result<Vec<(String, Peer)>> {
    peers.iter().map(|peer| Ok((peer.name()?, peer.clone()))).collect()
}

fn rounds(args: &CompareArgs) -> usize {
    usize::from(args.rounds.unwrap_or_else(|| args.plan.map_or(ROUNDS, Plan::rounds)))
}

fn spans(args: &CompareArgs) -> Spans {
    let planned = args.plan.map_or(SPANS, Plan::spans);
    let or = |given: Option<f64>, planned| given.map_or(planned, Duration::from_secs_f64);
    Spans { warm_up: or(args.warm_up_seconds, planned.warm_up), measured: or(args.seconds, planned.measured) }
}

fn cases(args: &CompareArgs) -> Vec<Case> {
    let Some(plan) = args.plan else { return cases_by_hand(args) };
    let is_asked = |case: &Case| args.workloads.is_empty() || args.workloads.contains(&case.workload);
    plan.cases().into_iter().filter(is_asked).collect()
}

fn cases_by_hand(args: &CompareArgs) -> Vec<Case> {
    let workloads = if args.workloads.is_empty() { &WORKLOADS[..] } else { &args.workloads };
    let case = |workload: Workload, clients: usize| Case {
        workload,
        clients,
        keys: args.keys,
        value_size_bytes: args.value_size_bytes,
        rate: args.rate,
        native: args.native && workload.is_native(),
    };
    let cases_of = |workload: &Workload| {
        // Where clients do not matter there is one case, as in plans.
        let clients = if workload.is_of_nodes() { &[1][..] } else { &args.clients };
        clients.iter().map(|clients| case(*workload, *clients)).collect::<Vec<_>>()
    };
    workloads.iter().flat_map(cases_of).collect()
}

fn tables(samples: &Samples) -> String {
    let (of_nodes, others): (Vec<_>, Vec<_>) =
        samples.cases().into_iter().partition(|case| case.workload.is_of_nodes());
    let (operations, of_nodes_columns) = ([&SPEED[..], &COST].concat(), [&OF_NODES[..], &COST].concat());
    let table = |columns, cases: &[&Case]| Table { samples, columns, cells: Cells::Median }.of(cases);
    [table(&operations, &others), table(&of_nodes_columns, &of_nodes)]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("\n")
}

/// For whoever waits.
#[allow(clippy::print_stdout)]
fn print(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        args: CompareArgs,
    }

    fn args(given: &[&str]) -> Result<CompareArgs, clap::Error> {
        Cli::try_parse_from(["compare"].iter().chain(given)).map(|cli| cli.args)
    }

    #[test]
    fn a_plan_tells_what_is_not_given() {
        let quick = args(&["--plan", "quick", "--workload", "put,lock", "--seconds", "1.5"]).unwrap();
        let told: Vec<_> = cases(&quick).iter().map(ToString::to_string).collect();
        assert_eq!(told, ["put 64", "lock 64"]);
        assert_eq!((rounds(&quick), spans(&quick).measured), (2, Duration::from_millis(1_500)));
        assert_eq!(spans(&quick).warm_up, Duration::from_secs(1));
        assert!(args(&["--plan", "quick", "--clients", "3"]).is_err());
    }

    #[test]
    fn without_a_plan_each_workload_has_all_numbers_of_clients() {
        let given = args(&["--workload", "put,txn,start", "--clients", "1,64", "--native"]).unwrap();
        let told: Vec<_> = cases(&given).iter().map(ToString::to_string).collect();
        assert_eq!(told, ["native put 1", "native put 64", "txn 1", "txn 64", "start"]);
        assert_eq!(cases(&args(&[]).unwrap()).len(), 4);
        assert!(args(&["--go-on"]).is_err());
    }
}
