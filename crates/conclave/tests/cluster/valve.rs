//! A way to a node that lets so much of its answers through and holds the rest back, until it is opened.

use std::net::SocketAddr;

use conclave_testkit::wait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What is read at once from a connection.
const CHUNK_SIZE_BYTES: usize = 64 << 10;

/// A proxy before a node's port for clients. Dropping it ends all connections.
pub(crate) struct Valve {
    address: SocketAddr,
    gate: Gate,
    _serving: JoinSet<()>,
}

/// What the connections share.
#[derive(Clone)]
struct Gate {
    passes_bytes: usize,
    open: watch::Sender<bool>,
    holds: watch::Sender<bool>,
}

impl Valve {
    /// Lets so many bytes of each connection through.
    pub(crate) async fn before(node: SocketAddr, passes_bytes: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound");
        let gate = Gate { passes_bytes, open: watch::Sender::new(false), holds: watch::Sender::new(false) };
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, node, gate.clone()));
        Self { address, gate, _serving: serving }
    }

    /// Where the node is reached by way of it.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it holds something back.
    pub(crate) async fn holds(&self) {
        let mut holds = self.gate.holds.subscribe();
        let held = tokio::time::timeout(wait::PATIENCE, holds.wait_for(|holds| *holds)).await;
        assert!(held.is_ok(), "more comes than is let through");
    }

    /// Lets everything through from now on.
    pub(crate) fn open(&self) {
        self.gate.open.send_replace(true);
    }
}

async fn serve(listener: TcpListener, node: SocketAddr, gate: Gate) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        connections.spawn(carry(stream, node, gate.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// The end of either way ends both.
async fn carry(mut client: TcpStream, node: SocketAddr, gate: Gate) {
    let Ok(mut server) = TcpStream::connect(node).await else { return };
    let (mut client_read, client_write) = client.split();
    let (server_read, mut server_write) = server.split();
    tokio::select! {
        _ = tokio::io::copy(&mut client_read, &mut server_write) => {}
        () = gate.pass(server_read, client_write) => {}
    }
}

impl Gate {
    async fn pass(&self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) {
        let mut chunk = vec![0; CHUNK_SIZE_BYTES];
        let mut open = self.open.subscribe();
        let mut passed = 0;
        while let Ok(size @ 1..) = from.read(&mut chunk).await {
            if passed >= self.passes_bytes {
                self.holds.send_replace(true);
                // The sender is ours: it does not go before we do.
                let _ = open.wait_for(|open| *open).await;
            }
            if to.write_all(&chunk[..size]).await.is_err() {
                return;
            }
            passed += size;
        }
    }
}
