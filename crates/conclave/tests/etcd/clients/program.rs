//! A program made with a client library, which asks for the faults that it is to stand.
//!
//! `CONCLAVE_TEST_ENDPOINTS` tells it the nodes. It says what it does, line by line, and ends with the code 0 if all was
//! as it should be. The line `> kill the leader` asks for that, and so does `> start it again`; a line on its standard
//! input tells when it is done, and the address of the node.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use conclave_testkit::Cluster;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

/// How long a program may take, with all its faults.
const PROGRAM_LIMIT: Duration = Duration::from_secs(180);

/// Runs a program to its end against three nodes.
///
/// # Panics
/// If it fails, with all that it said.
pub(super) async fn run(command: Command) {
    let mut stage = Stage { cluster: super::three().await, killed: None };
    let said = stage.cluster.folder().join("program.stderr");
    let mut transcript = String::new();
    let ended = tokio::time::timeout(PROGRAM_LIMIT, stage.attend(command, &said, &mut transcript)).await;
    let told = || format!("{transcript}{}", fs::read_to_string(&said).unwrap_or_default());
    match ended {
        Ok(true) => {}
        Ok(false) => panic!("the program failed\n{}", told()),
        Err(_) => panic!("the program takes longer than {PROGRAM_LIMIT:?}\n{}", told()),
    }
}

/// The nodes that a program talks to.
struct Stage {
    cluster: Cluster,
    /// Which of them does not run.
    killed: Option<u64>,
}

impl Stage {
    /// Does what the program asks for until it ends; tells whether it ended well.
    async fn attend(&mut self, mut command: Command, said: &Path, transcript: &mut String) -> bool {
        command.env("CONCLAVE_TEST_ENDPOINTS", self.cluster.endpoints());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        command.stderr(File::create(said).expect("the folder is ours"));
        let mut child = command.spawn().expect("it can be started");
        let (mut answers, mut lines) = pipes(&mut child);
        while let Some(line) = lines.next_line().await.expect("it is text") {
            transcript.push_str(&line);
            transcript.push('\n');
            let Some(fault) = line.strip_prefix("> ") else { continue };
            let done = format!("{}\n", self.make(fault).await);
            answers.write_all(done.as_bytes()).await.expect("it waits for that");
        }
        child.wait().await.expect("it is our child").success()
    }

    /// Makes a fault or ends it; tells the address of the node.
    async fn make(&mut self, fault: &str) -> String {
        let id = match fault {
            "kill the leader" => {
                let leader = self.cluster.all_serve().await;
                self.cluster.node(leader).kill();
                self.killed = Some(leader);
                leader
            }
            "start it again" => {
                let id = self.killed.take().expect("one was killed");
                self.cluster.start_node(id);
                self.cluster.all_serve().await;
                id
            }
            other => panic!("nobody knows how to do that: {other}"),
        };
        self.cluster.node(id).client_address().to_string()
    }
}

fn pipes(child: &mut Child) -> (ChildStdin, tokio::io::Lines<BufReader<tokio::process::ChildStdout>>) {
    let stdout = child.stdout.take().expect("it is piped");
    (child.stdin.take().expect("it is piped"), BufReader::new(stdout).lines())
}

/// The folder of the programs.
pub(super) fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/etcd_clients")
}
