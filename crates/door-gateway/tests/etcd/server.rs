//! An etcd as a process: on loopback, with data in a temporary folder.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use conclave_testkit::{Port, wait};
use tempfile::TempDir;

/// The version whose gateway ours is like.
pub(crate) const VERSION: &str = "3.5.1";

/// An etcd that runs until this is dropped.
pub(crate) struct Etcd {
    process: Child,
    clients: Port,
    _peers: Port,
    _folder: TempDir,
}

impl Etcd {
    /// Starts the one that `deploy/scripts/needs.sh etcd` has brought, and waits until it is well.
    pub(crate) async fn start() -> Self {
        let folder = TempDir::new().expect("there is room for temporary files");
        let (clients, peers) = (Port::take(), Port::take());
        let (at, peers_at) = (url(&clients), url(&peers));
        let mut command = Command::new(program());
        command.env_clear().args(["--name", "m0", "--data-dir"]).arg(folder.path().join("data"));
        command.args(["--listen-client-urls", &at, "--advertise-client-urls", &at]);
        command.args(["--listen-peer-urls", &peers_at, "--initial-advertise-peer-urls", &peers_at]);
        command.args(["--initial-cluster", &format!("m0={peers_at}")]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("etcd can be started");
        let etcd = Self { process, clients, _peers: peers, _folder: folder };
        let healthy = async || {
            let told = crate::gateways::over_http(&etcd.address(), "GET", "/health", "", "").await?;
            (told.status == 200).then_some(())
        };
        wait::until("etcd is well", healthy).await;
        etcd
    }

    /// Where it serves clients.
    pub(crate) fn address(&self) -> String {
        self.clients.address().to_string()
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program() -> std::path::PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in the target directory");
    let caches = target.parent().expect("the target directory is in a folder");
    let program = caches.join("etcd").join(VERSION).join("etcd");
    let hint = "run `deploy/scripts/needs.sh etcd`, or `make etcd`, which does";
    assert!(program.is_file(), "etcd {VERSION} is not at {}: {hint}", program.display());
    program
}

fn url(port: &Port) -> String {
    format!("http://{}", port.address())
}
