//! `conclave-bench`: measures a cluster of real processes on this machine.

mod load;
mod report;
mod smoke;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Measures Conclave.
#[derive(Debug, Parser)]
struct Cli {
    /// The program that is measured: a release build
    #[arg(long, value_name = "PROGRAM")]
    binary: PathBuf,
    #[command(subcommand)]
    measure: Measure,
}

#[derive(Debug, Subcommand)]
enum Measure {
    /// How a cluster does that holds a common amount of configuration
    Smoke(smoke::SmokeArgs),
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match cli.measure {
        Measure::Smoke(args) => runtime.block_on(smoke::run(&cli.binary, &args)),
    }
}
