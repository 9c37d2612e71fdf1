//! Workers as processes of their own, which can be paused: this program, started anew.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Context as _;
use conclave_checker::lock::LockHistory;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader as Lines};
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinSet;

use super::Client;
use super::lock::Worker;
use crate::dice::Dice;
use crate::site::Site;

/// What a worker's process is told.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct WorkerArgs {
    #[arg(long)]
    id: u64,
    #[arg(long)]
    seed: u64,
    #[arg(long)]
    began_ns: u64,
    /// Where its history goes
    #[arg(long)]
    out: PathBuf,
}

/// The process of a worker. It reads where the nodes are, a line whenever that changes, and ends with its input.
pub(crate) async fn run(args: WorkerArgs) -> anyhow::Result<()> {
    let site = Site::new(args.began_ns);
    let mut lines = Lines::new(tokio::io::stdin()).lines();
    let first = lines.next_line().await?.context("nobody told where the nodes are")?;
    site.set_endpoints(endpoints(&first));
    let (told, mut reader) = (site.clone(), JoinSet::new());
    reader.spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            told.set_endpoints(endpoints(&line));
        }
        told.end();
    });
    let history = Worker::new(Client::new(args.id, Dice::new(args.seed), site)).work().await;
    history.save(BufWriter::new(File::create(&args.out)?))?;
    Ok(())
}

fn endpoints(line: &str) -> Vec<String> {
    line.split(',').map(str::to_owned).collect()
}

/// A worker's process, as its parent sees it. Dropping it kills it.
pub(crate) struct WorkerProcess {
    child: Child,
    input: Option<ChildStdin>,
    out: PathBuf,
}

impl WorkerProcess {
    pub(crate) async fn start(args: WorkerArgs, endpoints: &[String]) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("worker");
        command.args(["--id", &args.id.to_string(), "--seed", &args.seed.to_string()]);
        command.args(["--began-ns", &args.began_ns.to_string()]).arg("--out").arg(&args.out);
        let mut child = command.stdin(Stdio::piped()).kill_on_drop(true).spawn()?;
        let input = child.stdin.take();
        let mut process = Self { child, input, out: args.out };
        process.tell(endpoints).await?;
        Ok(process)
    }

    /// Tells where the nodes are.
    pub(crate) async fn tell(&mut self, endpoints: &[String]) -> anyhow::Result<()> {
        let line = endpoints.join(",") + "\n";
        let input = self.input.as_mut().context("the worker is told to end already")?;
        input.write_all(line.as_bytes()).await.context("a worker does not listen")
    }

    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let id = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        // One that has ended by itself is found out at the end.
        if let Some(id) = id {
            let _ = kill_process(id, signal);
        }
    }

    /// Has it finish what it is at, and gives all that it noted.
    pub(crate) async fn finish(mut self) -> anyhow::Result<LockHistory> {
        self.input = None;
        let status = self.child.wait().await?;
        anyhow::ensure!(status.success(), "a worker ended with {status}");
        Ok(LockHistory::load(BufReader::new(File::open(&self.out)?))?)
    }
}

impl WorkerArgs {
    pub(crate) fn new(id: u64, seed: u64, began_ns: u64, out: PathBuf) -> Self {
        Self { id, seed, began_ns, out }
    }
}
