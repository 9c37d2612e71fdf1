//! One `conclave serve` process: its settings file, its log, its signals, its end.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::ports::Port;
use crate::wait;

/// So many of the last lines of a log are shown when a test fails.
const LOG_TAIL_LINES: usize = 40;

/// A node: its settings, and its process while it runs. Dropping it kills the process.
#[derive(Debug)]
pub struct NodeProcess {
    /// Its id.
    pub id: u64,
    binary: PathBuf,
    /// Where the settings file, the log and (unless set otherwise) the data are.
    folder: PathBuf,
    settings: BTreeMap<String, String>,
    client_port: Port,
    peer_port: Port,
    child: Option<Child>,
}

impl NodeProcess {
    /// A node with ports of its own and its data below `folder`; it does not run yet.
    pub fn new(binary: &Path, folder: &Path, id: u64) -> Self {
        let mut node = Self {
            id,
            binary: binary.into(),
            folder: folder.into(),
            settings: BTreeMap::new(),
            client_port: Port::take(),
            peer_port: Port::take(),
            child: None,
        };
        node.set("node_id", id);
        node.set("data_dir", node.data_dir().display());
        node.set("client_listen", node.client_port.address());
        node.set("peer_listen", node.peer_port.address());
        node
    }

    /// Gives a setting, for the next start.
    pub fn set(&mut self, name: &str, value: impl std::fmt::Display) {
        self.settings.insert(name.into(), value.to_string());
    }

    /// A setting that was given.
    ///
    /// # Panics
    /// If it was not.
    pub fn setting(&self, name: &str) -> String {
        self.settings.get(name).expect("it was given").clone()
    }

    /// Takes a setting back, for the next start.
    pub fn unset(&mut self, name: &str) {
        self.settings.remove(name);
    }

    /// Runs another program from the next start on.
    pub fn set_binary(&mut self, binary: &Path) {
        self.binary = binary.into();
    }

    /// Where clients reach it.
    pub fn client_address(&self) -> SocketAddr {
        self.client_port.address()
    }

    /// Where it listens for its peers.
    pub fn peer_address(&self) -> SocketAddr {
        self.peer_port.address()
    }

    /// Its data directory.
    pub fn data_dir(&self) -> PathBuf {
        match self.settings.get("data_dir") {
            Some(path) => path.into(),
            None => self.folder.join(format!("node{}", self.id)),
        }
    }

    /// Its settings file, as it was written at the last start.
    pub fn settings_file(&self) -> PathBuf {
        self.folder.join(format!("node{}.toml", self.id))
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join(format!("node{}.log", self.id))
    }

    /// All that it has logged, over all its runs.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Starts the process. What it says goes to its log, behind what is there.
    ///
    /// # Panics
    /// If it runs already, or the program cannot be started.
    pub fn start(&mut self) {
        assert!(!self.is_running(), "node {} runs already", self.id);
        let lines = self.settings.iter().map(|(name, value)| format!("{name} = {value:?}\n"));
        fs::write(self.settings_file(), lines.collect::<String>()).expect("the folder is ours");
        let log =
            OpenOptions::new().create(true).append(true).open(self.log_file()).expect("the folder is ours");
        let child = quiet(&self.binary)
            .args(["serve".as_ref(), "--config".as_ref(), self.settings_file().as_os_str()])
            .stdout(log.try_clone().map_or_else(|_| Stdio::null(), File::into))
            .stderr(log)
            .spawn();
        self.child = Some(child.expect("the binary can be started"));
    }

    /// The id of its process.
    ///
    /// # Panics
    /// If it was never started or has been ended.
    pub fn process(&self) -> u32 {
        self.child.as_ref().expect("the node was started").id()
    }

    /// Whether its process is there.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Kills it at once, as a power failure would, and waits until it is gone.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself; then there is nothing to kill.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Stops its execution: it keeps its connections and does nothing, until [`NodeProcess::resume`].
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a paused process go on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    fn signal(&self, signal: Signal) {
        // The process is our child and was not waited for: its id cannot have gone to another one.
        let process = i32::try_from(self.process()).ok().and_then(Pid::from_raw);
        kill_process(process.expect("ids of processes are positive"), signal).expect("it is our child");
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// If that takes longer than `limit`.
    pub async fn ended(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("the end of node {}", self.id);
        let child = self.child.as_mut().expect("the node was started");
        let status = wait::within(limit, &what, async || child.try_wait().expect("it is our child")).await;
        self.child = None;
        status
    }

    /// The last lines of its log, for whoever looks into a failed test.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        let tail = &lines[lines.len().saturating_sub(LOG_TAIL_LINES)..];
        format!("--- node {}, the end of its log:\n{}\n", self.id, tail.join("\n"))
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let _ = std::io::stderr().write_all(self.log_tail().as_bytes());
        }
    }
}

/// The program, without what the environment of the test says of Conclave, and without a terminal.
pub(crate) fn quiet(binary: &Path) -> Command {
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CONCLAVE_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}
