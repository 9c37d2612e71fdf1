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
mod clear;
mod cluster_service;
mod cluster_wire;
mod codec;
#[cfg(test)]
mod fuzz;
mod header;
mod health;
mod held;
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

use conclave_door::{Limits, Services};
use conclave_node::NodeHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use crate::health::ailment;
pub use crate::version::{ETCD_CLUSTER_VERSION, ETCD_VERSION};

use crate::auth_service::AuthDoor;
use crate::clear::Clear;
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
pub(crate) const MESSAGE_SIZE_BYTES_MAX: usize = 2 << 20;

/// Adds services, each with the bound of its requests.
macro_rules! add {
    ($services:expr, $($server:expr),*) => {
        $services$(.with(Clear::new($server.max_decoding_message_size(MESSAGE_SIZE_BYTES_MAX))))*
    };
}

/// How this door ends.
#[derive(Debug, Clone)]
pub struct Ending {
    /// When it is cancelled, the streams end; calls under way go on.
    pub stop: CancellationToken,
    /// What calls that were given up have left to do: to be waited for after the last call.
    pub tasks: TaskTracker,
}

/// Adds all services of this door.
pub fn add_services(services: Services, node: NodeHandle, limits: &Limits, ending: Ending) -> Services {
    let Ending { stop, tasks } = ending;
    let (kv, leases) = (KvDoor::new(node.clone()), LeaseDoor::new(node.clone(), limits, stop.clone()));
    let lines = Lines::new(node.clone(), kv.clone(), leases.clone(), tasks);
    let watch = WatchDoor::new(node.clone(), limits, stop.clone());
    let services = add!(services, KvServer::new(kv), WatchServer::new(watch), LeaseServer::new(leases));
    let (lock, election) = (LockDoor::new(lines.clone()), ElectionDoor::new(lines, stop));
    let services = add!(services, LockServer::new(lock), ElectionServer::new(election));
    let (auth, cluster) = (AuthDoor::new(node.clone()), ClusterDoor::new(node.clone()));
    let maintenance = MaintenanceServer::new(MaintenanceDoor::new(node));
    add!(services, AuthServer::new(auth), ClusterServer::new(cluster), maintenance)
}
