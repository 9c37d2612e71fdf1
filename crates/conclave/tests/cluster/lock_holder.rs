//! A worker that holds a lock, as a process of its own: what is paused in these tests is the whole worker.
//!
//! It is this test program, started anew for one ignored test. It tells what it learns in lines: `held TOKEN`, `lost
//! CAUSE`, `refused REASON` or `written`.

use std::process::Stdio;
use std::time::Duration;

use conclave_client::{Client, ClientOptions, Fenced as _, SessionOptions, edits};
use conclave_testkit::Cluster;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::stage::commit_of;

/// Under which name the worker is a test.
const TEST: &str = "lock_holder::holds_until_it_is_lost";
const NODES: &str = "LOCK_HOLDER_NODES";
const LOCK: &str = "LOCK_HOLDER_LOCK";
const TTL_MS: &str = "LOCK_HOLDER_TTL_MS";
/// How its lines begin: the test runner prints others.
const MARK: &str = "holder: ";

/// The worker.
pub(crate) struct Holder {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Holder {
    /// Starts it. It writes to the namespace that is called as the lock is, once the lock is lost.
    pub(crate) fn start(cluster: &Cluster, lock: &str, ttl: Duration) -> Self {
        let program = std::env::current_exe().expect("it runs");
        let mut command = Command::new(program);
        command.args([TEST, "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
        command.env(NODES, cluster.endpoints()).env(LOCK, lock).env(TTL_MS, ttl.as_millis().to_string());
        command.stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        let mut process = command.spawn().expect("it can be started");
        let lines = BufReader::new(process.stdout.take().expect("it was asked for")).lines();
        Self { process, lines }
    }

    /// What it tells next.
    pub(crate) async fn told(&mut self) -> String {
        let next = async {
            loop {
                let line = self.lines.next_line().await.expect("it can be read").expect("it goes on");
                if let Some((_, told)) = line.split_once(MARK) {
                    return told.to_owned();
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), next).await.expect("the holder tells something")
    }

    pub(crate) fn pause(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let id = self.process.id().and_then(|id| i32::try_from(id).ok()).expect("it runs");
        let id = rustix::process::Pid::from_raw(id).expect("it is no 0");
        rustix::process::kill_process(id, signal).expect("it is our child");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a process of its own, which other tests start"]
#[allow(clippy::print_stdout)]
async fn holds_until_it_is_lost() {
    let variable = |name| std::env::var(name).expect("whoever starts this sets it");
    let (nodes, lock) = (variable(NODES), variable(LOCK));
    let ttl = Duration::from_millis(variable(TTL_MS).parse().expect("a number"));
    let client = Client::connect(ClientOptions::new(nodes.split(','))).expect("the addresses are right");
    let options = SessionOptions { ttl, owner: "holder".into(), ..SessionOptions::default() };
    let session = client.open_session(options).await.expect("it is opened");
    let guard = session.lock(&lock).acquire().await.expect("it is acquired");
    println!("{MARK}held {}", guard.token());
    let lost = guard.lost().await;
    println!("{MARK}lost {lost}");
    // What a worker must not do: it writes although it knows that it has lost the lock.
    let write = commit_of(&lock, vec![edits::put("by", "the one that was paused")]);
    match client.commit(write.held(&guard)).await {
        Ok(_) => println!("{MARK}written"),
        Err(error) => println!("{MARK}refused {}", error.reason()),
    }
}
