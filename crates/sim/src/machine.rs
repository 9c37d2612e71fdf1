//! What a simulated node stands on, in place of a computer's disk, network and clock.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::{io, mem};

use conclave_door::Limits;
use conclave_door_etcd::Ending;
use conclave_door_native::LogLevels;
use conclave_node::{Clock, Machine, NodeHandle};
use conclave_raft::{BoxFuture, ConsensusError, Network, PeerAddress, PeerListener, PeerRoutes, PeerService};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tower::util::BoxCloneSyncService;

use crate::dice::Dice;
use crate::disk::{SimDisk, SimThreads};
use crate::net::{HostNet, Served};
use crate::time::Time;

/// Calls between nodes that change nothing, or nothing twice: these may arrive twice.
const REPEATABLE: &[&str] =
    &["/PreVote", "/Vote", "/ReadIndex", "/GetNodeStatus", "/Introduce", "/KeepLeases"];
/// When the simulation begins: 2026-01-01 00:00 UTC.
const EPOCH_MS: i64 = 1_767_225_600_000;
const PEER_PORT: u16 = 4_100;

/// Where a node is reached by the others.
pub(crate) fn peer_address(node: u64) -> SocketAddr {
    let last = u8::try_from(node).expect("nodes have small ids");
    SocketAddr::from(([10, 0, 0, last], PEER_PORT))
}

/// Where a node is reached by clients.
pub(crate) fn client_address(node: u64) -> String {
    format!("node{node}.sim:4101")
}

/// Both.
pub(crate) fn addresses(node: u64) -> PeerAddress {
    PeerAddress {
        peer: peer_address(node).to_string(),
        client: format!("http://{}", client_address(node)),
        name: format!("node{node}"),
    }
}

/// The machine of a node, from a start to its end.
pub(crate) fn of(net: &HostNet, disk: &SimDisk, clock: &SimClock, dice: Dice) -> Machine {
    Machine {
        disk: Arc::new(disk.start()),
        threads: Arc::new(SimThreads::new(disk, dice)),
        network: Arc::new(SimNetwork(net.clone())),
        clock: Arc::new(clock.clone()),
    }
}

/// The doors of a node, as `conclave serve` has them.
pub(crate) fn doors(node: NodeHandle, limits: Limits, stop: CancellationToken) -> Routes {
    let services =
        conclave_door_native::services(node.clone(), limits.clone(), Arc::new(NoLog), stop.clone());
    let ending = Ending { stop, tasks: TaskTracker::new() };
    conclave_door_etcd::add_services(services, node, &limits, ending).routes()
}

/// Nothing is logged here.
struct NoLog;

impl LogLevels for NoLog {
    fn level(&self) -> String {
        "off".to_owned()
    }

    fn set_level(&self, _: &str) -> Result<(), String> {
        Err("a simulated node has no log".to_owned())
    }
}

/// The wall clock of a host. Clones are the same.
#[derive(Clone)]
pub(crate) struct SimClock {
    time: Time,
    wrong_by_ms: Arc<AtomicI64>,
}

impl SimClock {
    pub(crate) fn new(time: Time) -> Self {
        Self { time, wrong_by_ms: Arc::default() }
    }

    /// From now on it is wrong by so much.
    pub(crate) fn set_wrong_by_ms(&self, wrong_by_ms: i64) {
        self.wrong_by_ms.store(wrong_by_ms, Ordering::Relaxed);
    }
}

impl Clock for SimClock {
    fn now_ms(&self) -> i64 {
        let passed_ms = i64::try_from(self.time.now_ms()).unwrap_or(i64::MAX);
        EPOCH_MS + passed_ms + self.wrong_by_ms.load(Ordering::Relaxed)
    }
}

/// The network as a node has it.
struct SimNetwork(HostNet);

impl Network for SimNetwork {
    fn check(&self, _: u64, _: &str) -> Result<(), ConsensusError> {
        Ok(())
    }

    fn connect(&self, _: u64, address: &str) -> Result<PeerService, ConsensusError> {
        Ok(BoxCloneSyncService::new(self.0.connect(address, REPEATABLE)))
    }

    fn listen(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn PeerListener>>> {
        let served: Box<dyn PeerListener> = Box::new(SimListener(self.0.listen(&address.to_string())));
        Box::pin(async { Ok(served) })
    }
}

struct SimListener(Served);

impl PeerListener for SimListener {
    fn serve(
        self: Box<Self>,
        mut routes: PeerRoutes,
        stop: CancellationToken,
    ) -> BoxFuture<'static, Result<(), ConsensusError>> {
        Box::pin(async move {
            let routes = mem::take(&mut routes);
            stop.run_until_cancelled(self.0.run(routes)).await;
            Ok(())
        })
    }
}
