//! Real etcds as processes: one cluster on loopback, with data in a temporary folder. Its members can be killed, told to
//! stop, and started again.
//!
//! All settings are etcd's own, but for its log, which tells only what is wrong.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use conclave_proto::etcd::etcdserverpb::cluster_client::ClusterClient;
use conclave_proto::etcd::etcdserverpb::kv_client::KvClient;
use conclave_proto::etcd::etcdserverpb::{MemberAddRequest, RangeRequest};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};

use crate::ports::Port;
use crate::wait;

/// An etcd that runs until this is dropped, with its data.
#[derive(Debug)]
pub struct EtcdCluster {
    members: Vec<EtcdMember>,
    folder: TempDir,
}

impl EtcdCluster {
    /// Starts so many members of this program as one cluster and waits until each answers.
    ///
    /// # Panics
    /// If it cannot be started, or that takes too long.
    pub async fn start(program: &Path, members: usize) -> Self {
        let folder = tempfile::Builder::new().prefix("conclave-test-").tempdir().expect("a temporary folder");
        let member = |n: usize| EtcdMember::new(program, folder.path(), &format!("m{n}"));
        let mut members: Vec<_> = (0..members).map(member).collect();
        let all = members.iter().map(|member| format!("{}={}", member.name, url(&member.peers)));
        let all = all.collect::<Vec<_>>().join(",");
        for member in &mut members {
            member.all.clone_from(&all);
            member.start();
        }
        let mut cluster = Self { members, folder };
        for member in &mut cluster.members {
            member.answers().await;
        }
        cluster
    }

    /// Has a further member admitted, which has nothing and is yet to be started; tells its number.
    ///
    /// # Panics
    /// If it is not admitted in time.
    pub async fn admit(&mut self) -> usize {
        let number = self.members.len();
        let first = &self.members[0];
        let mut member = EtcdMember::new(&first.program, self.folder.path(), &format!("m{number}"));
        member.all = format!("{},{}={}", first.all, member.name, url(&member.peers));
        member.state = "existing";
        let request = MemberAddRequest { peer_ur_ls: vec![url(&member.peers)], ..Default::default() };
        let mut cluster = ClusterClient::new(first.channel());
        // It admits nobody before its members have been connected for five seconds.
        wait::until("a member is admitted", async || cluster.member_add(request.clone()).await.ok()).await;
        self.members.push(member);
        number
    }

    /// A member, counted from 0.
    pub fn member(&self, number: usize) -> &EtcdMember {
        &self.members[number]
    }

    /// A member, to be killed or started, counted from 0.
    pub fn member_mut(&mut self, number: usize) -> &mut EtcdMember {
        &mut self.members[number]
    }

    /// All members.
    pub fn members(&self) -> &[EtcdMember] {
        &self.members
    }
}

/// A process of an etcd. Dropping it kills the process.
#[derive(Debug)]
pub struct EtcdMember {
    program: PathBuf,
    folder: PathBuf,
    name: String,
    clients: Port,
    peers: Port,
    /// Names and addresses of all members, as etcd is told them.
    all: String,
    /// Of the cluster, when the member is first started.
    state: &'static str,
    process: Option<Child>,
}

impl EtcdMember {
    fn new(program: &Path, folder: &Path, name: &str) -> Self {
        Self {
            program: program.into(),
            folder: folder.into(),
            name: name.to_owned(),
            clients: Port::take(),
            peers: Port::take(),
            all: String::new(),
            state: "new",
            process: None,
        }
    }

    /// Where clients reach it.
    pub fn address(&self) -> String {
        self.clients.address().to_string()
    }

    /// A connection to it.
    ///
    /// # Panics
    /// Never: its address makes a URL.
    pub fn channel(&self) -> Channel {
        Endpoint::from_shared(url(&self.clients)).expect("an address makes a URL").connect_lazy()
    }

    /// Its data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// The id of its process.
    ///
    /// # Panics
    /// If it was not started.
    pub fn process(&self) -> u32 {
        self.process.as_ref().expect("the member was started").id()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.name))
    }

    /// Starts the process, with the data that is there.
    ///
    /// # Panics
    /// If it runs already, or cannot be started.
    pub fn start(&mut self) {
        assert!(self.process.is_none(), "{} runs already", self.name);
        let (clients, peers) = (url(&self.clients), url(&self.peers));
        let log = OpenOptions::new().create(true).append(true).open(self.log_file());
        let mut command = Command::new(&self.program);
        command.env_clear().args(["--name", &self.name, "--data-dir"]).arg(self.data_dir());
        command.args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients]);
        command.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
        command.args(["--initial-cluster-state", self.state]);
        command.args(["--initial-cluster", &self.all, "--logger", "zap", "--log-level", "warn"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.expect("the folder is ours"));
        self.process = Some(command.spawn().expect("etcd can be started"));
    }

    /// Kills it at once, as a power failure would, and waits until it is gone.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself; then there is nothing to kill.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Asks it to stop.
    ///
    /// # Panics
    /// If it does not run.
    pub fn terminate(&self) {
        // The process is our child and was not waited for: its id cannot have gone to another one.
        let process = i32::try_from(self.process()).ok().and_then(Pid::from_raw);
        kill_process(process.expect("ids of processes are positive"), Signal::TERM).expect("it is our child");
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// If that takes longer than `limit`, or it was not started.
    pub async fn ended(&mut self, limit: Duration) {
        let process = self.process.as_mut().expect("the member was started");
        wait::within(limit, "the end of an etcd", async || process.try_wait().expect("it is our child"))
            .await;
        self.process = None;
    }

    /// Waits until it answers a linearizable read.
    async fn answers(&mut self) {
        let mut kv = KvClient::new(self.channel());
        let log_file = self.log_file();
        let process = self.process.as_mut().expect("it was started");
        wait::until("etcd answers", async || {
            let ended = process.try_wait().expect("it is our child");
            assert!(ended.is_none(), "etcd has ended: {}", fs::read_to_string(&log_file).unwrap_or_default());
            kv.range(RangeRequest { key: "x".into(), ..RangeRequest::default() }).await.ok()
        })
        .await;
    }
}

impl Drop for EtcdMember {
    fn drop(&mut self) {
        self.kill();
    }
}

fn url(port: &Port) -> String {
    format!("http://{}", port.address())
}
