//! A server of etcd's API: an etcd or a node of ours as a process, or three of them as one cluster, on loopback, with
//! data in a temporary folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use conclave_proto::etcd::etcdserverpb::RangeRequest;
use conclave_proto::etcd::etcdserverpb::kv_client::KvClient;
use conclave_testkit::{Cluster, ClusterOptions, Port, wait};
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};

/// What the pair calls nodes of ours.
const OURS: &str = "conclave";

/// A cluster that serves etcd's API until this is dropped.
pub(crate) enum Server {
    Etcd(EtcdCluster),
    Ours(Cluster),
}

impl Server {
    /// Starts as many members as one cluster, of an etcd of this version or of ours, and waits until they answer.
    pub(crate) async fn start(named: &str, members: usize) -> Self {
        if named != OURS {
            return Self::Etcd(EtcdCluster::start(named, members).await);
        }
        let options = ClusterOptions::new(env!("CARGO_BIN_EXE_conclave"), members as u64);
        Self::Ours(Cluster::start(options).await)
    }

    /// What it is called.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Etcd(etcd) => format!("etcd {}", etcd.version),
            Self::Ours(_) => OURS.to_owned(),
        }
    }

    /// A channel to one of its members, counted from 0.
    pub(crate) fn channel(&self, member: usize) -> Channel {
        match self {
            Self::Etcd(etcd) => etcd.members[member].channel(),
            Self::Ours(cluster) => cluster.channel(member as u64 + 1),
        }
    }
}

/// The target directory.
pub(crate) fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in the target directory")
}

/// The folder that the target directory is in: what the scripts bring lies beside it.
pub(crate) fn caches() -> &'static Path {
    target().parent().expect("the target directory is in a folder")
}

/// A program of the etcd of this version that `deploy/scripts/needs.sh etcd` has brought.
pub(crate) fn program(version: &str, name: &str) -> PathBuf {
    let program = caches().join("etcd").join(version).join(name);
    let hint = "run `deploy/scripts/needs.sh etcd`, or `make etcd`, which does";
    assert!(program.is_file(), "{name} {version} is not at {}: {hint}", program.display());
    program
}

/// An etcd that runs until this is dropped.
pub(crate) struct EtcdCluster {
    version: String,
    members: Vec<Member>,
    _folder: TempDir,
}

impl EtcdCluster {
    /// Starts as many members as one cluster and waits until the cluster answers.
    pub(crate) async fn start(version: &str, members: usize) -> Self {
        let folder = TempDir::new().expect("there is room for temporary files");
        let places: Vec<_> =
            (0..members).map(|_| Place { clients: Port::take(), peers: Port::take() }).collect();
        let all: Vec<_> =
            places.iter().enumerate().map(|(n, place)| format!("m{n}={}", url(&place.peers))).collect();
        let all = all.join(",");
        let program = program(version, "etcd");
        let members: Vec<_> = places
            .into_iter()
            .enumerate()
            .map(|(n, place)| Member::start(&program, &folder.path().join(format!("m{n}")), place, &all))
            .collect();
        let mut cluster = Self { version: version.to_owned(), members, _folder: folder };
        for member in &mut cluster.members {
            member.answers().await;
        }
        cluster
    }

    /// Where clients reach its first member.
    pub(crate) fn endpoint(&self) -> String {
        self.members[0].place.clients.address().to_string()
    }
}

struct Place {
    clients: Port,
    peers: Port,
}

struct Member {
    process: Child,
    place: Place,
    log: PathBuf,
}

impl Member {
    fn start(program: &Path, folder: &Path, place: Place, all: &str) -> Self {
        fs::create_dir(folder).expect("the folder is ours");
        let name = folder.file_name().expect("it was given one").to_os_string();
        let (clients, peers, log) = (url(&place.clients), url(&place.peers), folder.join("log"));
        let file = File::create(&log).expect("the folder is ours");
        let mut command = Command::new(program);
        command.env_clear().arg("--name").arg(name).arg("--data-dir").arg(folder.join("data"));
        command.args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients]);
        command.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
        command.args(["--initial-cluster", all, "--logger", "zap", "--log-level", "warn"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        let process = command.spawn().expect("etcd can be started");
        Self { process, place, log }
    }

    fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(url(&self.place.clients)).expect("it is a URL");
        endpoint.connect_lazy()
    }

    /// Waits until it answers a linearizable read.
    async fn answers(&mut self) {
        let mut kv = KvClient::new(self.channel());
        wait::until("etcd answers", async || {
            let ended = self.process.try_wait().expect("it is our child");
            assert!(ended.is_none(), "etcd has ended: {}", fs::read_to_string(&self.log).unwrap_or_default());
            kv.range(RangeRequest { key: "x".into(), ..RangeRequest::default() }).await.ok()
        })
        .await;
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn url(port: &Port) -> String {
    format!("http://{}", port.address())
}
