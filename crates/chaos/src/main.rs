//! `conclave-chaos`: real processes under faults, and whether what clients were told holds.
//!
//! Some nodes run on loopback with proxies between them. Clients work through both doors and note every call with its
//! times; a nemesis breaks what it can, one seeded choice after the other. When the time is over all is made well, the
//! whole history is read, and the checker decides.
//!
//! | file | what |
//! |---|---|
//! | `run` | one run, from the first start to the verdict |
//! | `clients` | who works with the cluster, and what they may note as known |
//! | `nemesis`, `faults` | which fault comes when, and what it does |
//! | `stage`, `disks`, `damage` | the cluster as faults see it; what its data lies on; what is damaged there |
//! | `noted`, `truth`, `checks`, `report` | what clients noted; what really happened; whether it agrees; the table |
//! | `site`, `dice` | what all share: where the nodes are, the clock, the seed |

mod checks;
mod clients;
mod damage;
mod dice;
mod disks;
mod faults;
mod nemesis;
mod noted;
mod report;
mod run;
mod site;
mod stage;
mod truth;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use clients::worker::{self, WorkerArgs};
use faults::{Kind, USUAL};
use run::Plan;

/// Breaks clusters of real processes, and checks what clients were told.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    run: Option<RunArgs>,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// A worker that holds locks: this program starts it itself
    #[command(hide = true)]
    Worker(WorkerArgs),
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    /// The program under test
    #[arg(long, value_name = "PROGRAM")]
    binary: PathBuf,
    /// An older program, for rolling restarts there and back
    #[arg(long, value_name = "PROGRAM")]
    older: Option<PathBuf>,
    /// For how long
    #[arg(long, default_value_t = 2.0)]
    minutes: f64,
    /// What is chosen follows from it; by chance unless told
    #[arg(long)]
    seed: Option<u64>,
    /// How many nodes
    #[arg(long, default_value_t = 3)]
    nodes: u64,
    /// Only these faults
    #[arg(long, value_enum, value_delimiter = ',')]
    faults: Vec<Kind>,
    /// How many clients of each sort
    #[arg(long, default_value_t = 3)]
    clients: u64,
    /// Folder for the histories of a run that failed
    #[arg(long, default_value = "target/chaos")]
    out: PathBuf,
}

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match (cli.part, cli.run) {
        (Some(Part::Worker(args)), _) => runtime.block_on(worker::run(args)).map(|()| ExitCode::SUCCESS),
        (None, Some(args)) => runtime.block_on(run_and_tell(args)),
        (None, None) => anyhow::bail!("--binary is missing"),
    }
}

async fn run_and_tell(args: RunArgs) -> anyhow::Result<ExitCode> {
    let seed = args.seed.unwrap_or_else(rand::random);
    let plan = Plan {
        newer: args.binary,
        older: args.older,
        length: Duration::from_secs_f64(args.minutes * 60.0),
        seed,
        nodes: args.nodes,
        kinds: if args.faults.is_empty() { USUAL.to_vec() } else { args.faults },
        clients: args.clients,
        out: args.out.join(format!("seed-{seed}")),
    };
    let mut out = std::io::stdout();
    writeln!(out, "seed {seed}, {} nodes, {} s", plan.nodes, plan.length.as_secs())?;
    let report = tokio::select! {
        report = run::run(&plan) => report?,
        // The nodes end and the disks are taken away, as at the end of a run.
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
    };
    write!(out, "{report}")?;
    if report.passed() {
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "\nFAILED; histories and pictures: {}", plan.out.display())?;
    Ok(ExitCode::FAILURE)
}
