//! `conclave-bench`: measures a cluster of real processes on this machine.

mod arrival;
mod catch_up;
mod clients;
mod collection;
mod compare;
mod footprint;
mod latencies;
mod load;
mod locks;
mod metrics;
mod metronome;
mod report;
mod sessions;
mod smoke;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

/// Measures Conclave.
#[derive(Debug, Parser)]
struct Cli {
    /// The program that is measured: a release build; `compare` has it named otherwise
    #[arg(long, value_name = "PROGRAM")]
    binary: Option<PathBuf>,
    #[command(subcommand)]
    measure: Measure,
}

#[derive(Debug, Subcommand)]
enum Measure {
    /// How a cluster does that holds a common amount of configuration: a minute or two
    Smoke(smoke::SmokeArgs),
    /// How writes do while a node catches up, on a large cluster: some 5 to 10 minutes
    ///
    /// Fills three nodes; kills a follower, writes on, and starts it again; then admits an empty node. Single
    /// writes at a fixed rate go on through it all. With the defaults it takes 5 to 10 minutes, most of them for
    /// what is to be caught up with, and some 5 GB of disk for temporary files. Nothing else should run on the
    /// machine. To try it within a minute: `--items 20000 --commits 20000 --seconds 5`, and
    /// `--set snapshot_entries=5000` so that nodes catch up by snapshots.
    CatchUp(catch_up::CatchUpArgs),
    /// How many locks are acquired and released, and how fast they change hands: about a minute
    Locks(locks::LocksArgs),
    /// Very many sessions, of which many end at once: a minute or two
    Sessions(sessions::SessionsArgs),
    /// How writes do while a long history is dropped: a minute or two
    Collection(collection::CollectionArgs),
    /// Conclave beside etcd, three nodes of each in turn
    Compare(compare::CompareArgs),
    /// Writes what `compare` has kept to docs/performance.md, with plots
    Report(compare::report::ReportArgs),
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let binary = cli.binary.context("--binary tells which program is measured");
    match cli.measure {
        Measure::Smoke(args) => runtime.block_on(smoke::run(&binary?, &args)),
        Measure::Locks(args) => runtime.block_on(locks::run(&binary?, &args)),
        Measure::Sessions(args) => runtime.block_on(sessions::run(&binary?, &args)),
        Measure::CatchUp(args) => runtime.block_on(catch_up::run(&binary?, &args)),
        Measure::Collection(args) => runtime.block_on(collection::run(&binary?, &args)),
        Measure::Compare(args) => runtime.block_on(compare::run(&args)),
        Measure::Report(args) => compare::report::run(&args),
    }
}
