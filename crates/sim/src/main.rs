//! Runs seeds of the simulation: one by one in processes of their own, so that nothing of one run is left for the next.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use anyhow::Context as _;
use clap::Parser;
use conclave_sim::{Outcome, REGRESSIONS};
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

/// Real time that one seed may take, ten times what one takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(180);

/// Runs seeds of the deterministic simulation.
#[derive(Debug, Parser)]
struct Args {
    /// How many seeds, from `--from` on
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// How many at once; as many as there are processors unless told
    #[arg(long)]
    jobs: Option<usize>,
    /// Folder for the stories of seeds that failed
    #[arg(long, default_value = "target/sim")]
    stories: PathBuf,
    /// Runs this one seed, in this process, and tells its story
    #[arg(long, conflicts_with_all = ["seeds", "from", "jobs"])]
    seed: Option<u64>,
    /// What of the nodes' own logs the one seed tells on standard error, as the setting `log_level` of a node
    #[arg(long, requires = "seed", value_name = "FILTER")]
    log: Option<String>,
    /// Tells what became of the one seed as a line of JSON
    #[arg(long, requires = "seed", hide = true)]
    json: bool,
}

/// What a process tells of its seed.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    failure: Option<String>,
    story_hash: u64,
    operations: u64,
    applied: u64,
    simulated_ms: u64,
    troubles: BTreeMap<String, u64>,
    story: String,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    if let Some(filter) = &args.log {
        let log = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::try_new(format!("{filter},conclave_sim=error"))?)
            .without_time()
            .with_ansi(false);
        log.with_writer(std::io::stderr).init();
    }
    match args.seed {
        Some(seed) if args.json => {
            thread::spawn(stuck);
            serde_json::to_writer(std::io::stdout(), &told(conclave_sim::run(seed, false)))?;
            Ok(ExitCode::SUCCESS)
        }
        Some(seed) => one(seed),
        None => many(&args),
    }
}

/// Ends a process whose seed does not come to its end: its threads wait for each other, or it runs in a circle.
fn stuck() {
    let began = Instant::now();
    while let Some(left) = LIMIT.checked_sub(began.elapsed()) {
        thread::park_timeout(left);
    }
    drop(writeln!(std::io::stderr(), "the seed did not end within {} s of real time", LIMIT.as_secs()));
    std::process::abort();
}

fn told(outcome: Outcome) -> Told {
    let Outcome { failure, story_hash, operations, applied, simulated_ms, troubles, story, .. } = outcome;
    Told { failure, story_hash, operations, applied, simulated_ms, troubles, story }
}

/// One seed, here, with its story.
fn one(seed: u64) -> anyhow::Result<ExitCode> {
    let told = told(conclave_sim::run(seed, true));
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "seed {seed}: {} operations, {} entries applied in {} s of simulated time, story {:016x}",
        told.operations,
        told.applied,
        told.simulated_ms / 1_000,
        told.story_hash
    )?;
    match told.failure {
        None => Ok(ExitCode::SUCCESS),
        Some(failure) => {
            writeln!(out, "seed {seed} FAILED: {failure}")?;
            Ok(ExitCode::FAILURE)
        }
    }
}

/// The sum over all seeds.
#[derive(Default)]
struct Sum {
    seeds: u64,
    operations: u64,
    applied: u64,
    simulated_ms: u64,
    troubles: BTreeMap<String, u64>,
    failed: Vec<u64>,
}

fn many(args: &Args) -> anyhow::Result<ExitCode> {
    let jobs = args
        .jobs
        .map_or_else(thread::available_parallelism, |jobs| jobs.try_into().map_err(std::io::Error::other))?;
    let old = REGRESSIONS.iter().map(|(seed, _)| *seed);
    let seeds: Vec<_> = old.chain(args.from..args.from.saturating_add(args.seeds)).collect();
    let (next, sum, began) = (AtomicUsize::new(0), Mutex::new(Sum::default()), Instant::now());
    thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs.get())
            .map(|_| {
                scope.spawn(|| -> anyhow::Result<()> {
                    loop {
                        let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) else {
                            return Ok(());
                        };
                        let seed = *seed;
                        let told = in_a_process(seed)?;
                        add(&mut sum.lock().expect("no worker panics"), seed, told, args)?;
                    }
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("no worker panics"))
    })?;
    let sum = sum.into_inner().expect("no worker panics");
    summarise(&sum, began)?;
    Ok(if sum.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn in_a_process(seed: u64) -> anyhow::Result<Told> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["--json", "--seed", &seed.to_string()]).stderr(Stdio::piped()).stdin(Stdio::null());
    let output = command.output().context("starting a process for a seed")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let crashed = || Told {
        failure: Some(format!("the process ended with {}:\n{said}", output.status)),
        story_hash: 0,
        operations: 0,
        applied: 0,
        simulated_ms: 0,
        troubles: BTreeMap::new(),
        story: String::new(),
    };
    Ok(serde_json::from_slice(&output.stdout).unwrap_or_else(|_| crashed()))
}

fn add(sum: &mut Sum, seed: u64, told: Told, args: &Args) -> anyhow::Result<()> {
    sum.seeds += 1;
    sum.operations += told.operations;
    sum.applied += told.applied;
    sum.simulated_ms += told.simulated_ms;
    for (kind, count) in told.troubles {
        *sum.troubles.entry(kind).or_default() += count;
    }
    if let Some(failure) = told.failure {
        fs::create_dir_all(&args.stories)?;
        let path = args.stories.join(format!("seed-{seed}.txt"));
        fs::write(&path, format!("{}\nseed {seed} FAILED: {failure}\n", told.story))?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "seed {seed} FAILED: {failure}\n  its story: {}", path.display())?;
        sum.failed.push(seed);
    }
    Ok(())
}

fn summarise(sum: &Sum, began: Instant) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "seeds run             {}", sum.seeds)?;
    writeln!(out, "seeds failed          {} {:?}", sum.failed.len(), sum.failed)?;
    writeln!(out, "operations answered   {}", sum.operations)?;
    writeln!(out, "log entries applied   {}", sum.applied)?;
    writeln!(out, "simulated time        {} s", sum.simulated_ms / 1_000)?;
    writeln!(out, "took                  {:.1} s", began.elapsed().as_secs_f64())?;
    for (kind, count) in &sum.troubles {
        writeln!(out, "  {kind:<19} {count}")?;
    }
    Ok(())
}
