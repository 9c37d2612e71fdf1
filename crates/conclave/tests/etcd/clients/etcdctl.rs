//! etcdctl of a real etcd, as a command that ends and as a process that goes on.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use conclave_testkit::{Cluster, CommandLine, Ran, wait};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use crate::server::program;

/// All that `deploy/scripts/etcd.sh` brings.
pub(super) const VERSIONS: [&str; 2] = ["3.5.1", "3.4.23"];

/// etcdctl of one version, pointed at some endpoints.
pub(super) struct Etcdctl {
    pub(super) version: &'static str,
    runs: CommandLine,
    endpoints: String,
    user: Option<String>,
}

impl Etcdctl {
    /// Of this version, asking all nodes.
    pub(super) fn new(version: &'static str, cluster: &Cluster) -> Self {
        Self::at(version, cluster.endpoints(), cluster.folder())
    }

    /// Of each version, asking all nodes.
    pub(super) fn of_all_versions(cluster: &Cluster) -> [Self; 2] {
        VERSIONS.map(|version| Self::new(version, cluster))
    }

    /// Of this version, asking these; its files are in this folder.
    pub(super) fn at(version: &'static str, endpoints: String, folder: &Path) -> Self {
        let runs = CommandLine::new(&program(version, "etcdctl"), folder).with("ETCDCTL_API", "3");
        Self { version, runs, endpoints, user: None }
    }

    /// The same as a user: name and password, with a colon between them.
    pub(super) fn by(&self, user: &str) -> Self {
        let (runs, endpoints) = (self.runs.clone(), self.endpoints.clone());
        Self { version: self.version, runs, endpoints, user: Some(user.to_owned()) }
    }

    fn arguments<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let user = self.user.iter().flat_map(|user| ["--user", user]);
        ["--endpoints", &self.endpoints].into_iter().chain(user).chain(arguments.iter().copied()).collect()
    }

    /// Runs a command, however it ends.
    pub(super) async fn run(&self, arguments: &[&str]) -> Ran {
        self.runs.run(&self.arguments(arguments)).await
    }

    /// The output of a command that must succeed.
    pub(super) async fn done(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments).await;
        assert_eq!(ran.code, Some(0), "{} of etcdctl {}: {ran:?}", arguments.join(" "), self.version);
        ran.stdout
    }

    /// The same, with something to read.
    pub(super) async fn done_with(&self, arguments: &[&str], input: &str) -> String {
        self.runs.run_with_input(&self.arguments(arguments), input.as_bytes()).await.done()
    }

    /// What a command that must fail says of it.
    pub(super) async fn refused(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments).await;
        assert_ne!(ran.code, Some(0), "{} of etcdctl {}: {ran:?}", arguments.join(" "), self.version);
        ran.stderr
    }

    /// Starts a command that goes on.
    pub(super) fn start(&self, arguments: &[&str]) -> Running {
        let mut child = self.runs.spawn_with(&self.arguments(arguments), Stdio::piped());
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Running { child, lines }
    }
}

/// An etcdctl that goes on until it is told to end, or dropped.
pub(super) struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    /// Gives it a line to read.
    pub(super) async fn say(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().expect("it is piped");
        stdin.write_all(format!("{line}\n").as_bytes()).await.expect("it reads");
    }

    /// The next line that it says.
    pub(super) async fn line(&mut self) -> String {
        let line = tokio::time::timeout(wait::PATIENCE, self.lines.next_line()).await;
        line.expect("it says something").expect("it is text").expect("it goes on")
    }

    /// So many lines.
    pub(super) async fn told(&mut self, count: usize) -> Vec<String> {
        let mut told = Vec::new();
        for _ in 0..count {
            told.push(self.line().await);
        }
        told
    }

    /// Waits until it has ended by itself, well.
    pub(super) async fn ends(mut self) {
        let ended = tokio::time::timeout(wait::PATIENCE, self.child.wait()).await;
        assert!(ended.expect("it ends").expect("it is our child").success());
    }

    /// All that it says until it ends by itself.
    pub(super) async fn all_said(self, limit: Duration) -> String {
        let Self { child, lines } = self;
        let mut told = String::new();
        let read = async {
            lines.into_inner().read_to_string(&mut told).await.expect("it is text");
            child.wait_with_output().await.expect("it is our child")
        };
        let output = tokio::time::timeout(limit, read).await.expect("it ends");
        told + &String::from_utf8_lossy(&output.stderr)
    }

    /// Has it end, as by Ctrl-C, and waits for it.
    pub(super) async fn interrupt(mut self) {
        let process = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        kill_process(process.expect("it was not waited for"), Signal::INT).expect("it is our child");
        let ended = tokio::time::timeout(wait::PATIENCE, self.child.wait()).await;
        ended.expect("it ends").expect("it is our child");
    }
}
