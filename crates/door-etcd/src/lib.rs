//! etcd's v3 API, for clients that exist already: a thin translation over plain keys, sessions and members.
//!
//! One call, by file: `kv_service.rs` (deadline, which freshness, which call of the node) with `kv_wire/` (request →
//! command or query, the API's rules; answer → message). `refusal.rs` tells why there is no answer, `status.rs` with
//! which code and text, `header.rs` who answers.
//!
//! Absent on purpose: what a command does, which `conclave-core` decides, and Conclave's own API.

mod auth_service;
mod auth_wire;
mod caller;
mod calls;
mod cluster_service;
mod cluster_wire;
mod codec;
mod header;
mod health;
mod kv_service;
mod kv_wire;
mod lease_service;
mod lease_wire;
mod maintenance_service;
mod maintenance_wire;
mod recipes;
mod refusal;
mod servers;
mod snapshot_stream;
mod status;
mod version;
mod watch;

use conclave_door::Limits;
use conclave_node::NodeHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

pub use crate::health::ailment;
pub use crate::version::{ETCD_CLUSTER_VERSION, ETCD_VERSION};

use crate::auth_service::AuthDoor;
use crate::cluster_service::ClusterDoor;
use crate::kv_service::KvDoor;
use crate::lease_service::LeaseDoor;
use crate::maintenance_service::MaintenanceDoor;
use crate::recipes::{ElectionDoor, Lines, LockDoor};
use crate::servers::etcdserverpb::auth_server::AuthServer;
use crate::servers::etcdserverpb::cluster_server::ClusterServer;
use crate::servers::etcdserverpb::kv_server::KvServer;
use crate::servers::etcdserverpb::lease_server::LeaseServer;
use crate::servers::etcdserverpb::maintenance_server::MaintenanceServer;
use crate::servers::etcdserverpb::watch_server::WatchServer;
use crate::servers::v3electionpb::election_server::ElectionServer;
use crate::servers::v3lockpb::lock_server::LockServer;
use crate::watch::WatchDoor;

/// Largest request on the wire, in bytes, as of etcd: what a request may be, and half a mebibyte around it.
const MESSAGE_SIZE_BYTES_MAX: usize = 2 << 20;

/// How this door ends.
#[derive(Debug, Clone)]
pub struct Ending {
    /// When it is cancelled, the streams end; calls under way go on.
    pub stop: CancellationToken,
    /// What calls that were given up have left to do: to be waited for after the last call.
    pub tasks: TaskTracker,
}

/// Adds all services of this door.
pub fn add_services(routes: Routes, node: NodeHandle, limits: &Limits, ending: Ending) -> Routes {
    let Ending { stop, tasks } = ending;
    let (kv, leases) = (KvDoor::new(node.clone()), LeaseDoor::new(node.clone(), stop.clone()));
    let lines = Lines::new(node.clone(), kv.clone(), leases.clone(), tasks);
    let kv = KvServer::new(kv).max_decoding_message_size(MESSAGE_SIZE_BYTES_MAX);
    let watch = WatchDoor::new(node.clone(), limits, stop.clone());
    let watch = WatchServer::new(watch).max_decoding_message_size(MESSAGE_SIZE_BYTES_MAX);
    let routes = routes.add_service(kv).add_service(watch).add_service(LeaseServer::new(leases));
    let routes = routes
        .add_service(LockServer::new(LockDoor::new(lines.clone())))
        .add_service(ElectionServer::new(ElectionDoor::new(lines, stop)));
    routes
        .add_service(AuthServer::new(AuthDoor::new(node.clone())))
        .add_service(ClusterServer::new(ClusterDoor::new(node.clone())))
        .add_service(MaintenanceServer::new(MaintenanceDoor::new(node)))
}
