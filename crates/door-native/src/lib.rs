//! The gRPC services of Conclave itself: configuration, sessions, locks, elections, cluster, health and reflection.
//!
//! One call, by file: `config_service.rs` (deadline, which freshness, which call of the node) with
//! `config_wire/` (request → command or query, every broken rule told at once; answer → message). Pages hang
//! together by `paging.rs`; a watch is opened in `watch/` and pulled by its client from there on. Sessions, locks and
//! elections likewise: `session_service.rs`, `lock_service.rs` and `election_service.rs` with `lock_wire/`; the calls
//! that last are in `keep_alive.rs` and `locks/`.
//!
//! Every failure is a [`Refusal`](conclave_door::Refusal); the status of each is decided in
//! `conclave-door`, and nowhere else.
//!
//! Absent on purpose: tasks (each call and each stream is driven by the connection that asked for it), other
//! doors, and anything that decides what a commit does.

mod backup_service;
mod calls;
mod cluster_service;
mod cluster_wire;
mod config_service;
mod config_wire;
mod election_service;
mod fields;
#[cfg(test)]
mod fuzz;
mod health;
mod keep_alive;
mod lock_service;
mod lock_wire;
mod locks;
mod log_levels;
mod media_type;
mod paging;
mod servers;
mod session_service;
mod status_wire;
mod watch;

use std::sync::Arc;

use conclave_door::{Limits, Places, Readable, Services};
use conclave_node::NodeHandle;
use tokio_util::sync::CancellationToken;
use tonic_health::pb::health_server::HealthServer;
use tonic_reflection::server::Builder;

use crate::cluster_service::ClusterDoor;
use crate::config_service::ConfigDoor;
use crate::election_service::ElectionDoor;
use crate::health::HealthDoor;
use crate::lock_service::LockDoor;
use crate::locks::LockStreams;
use crate::servers::cluster::cluster_service_server::ClusterServiceServer;
use crate::servers::config::config_service_server::ConfigServiceServer;
use crate::servers::lock::election_service_server::ElectionServiceServer;
use crate::servers::lock::lock_service_server::LockServiceServer;
use crate::servers::lock::session_service_server::SessionServiceServer;
use crate::session_service::SessionDoor;

pub use log_levels::LogLevels;

/// All services of this door. When `stop` is cancelled, the streams end; calls under way go on.
pub fn services(
    node: NodeHandle,
    limits: Limits,
    log_levels: Arc<dyn LogLevels>,
    stop: CancellationToken,
) -> Services {
    let health = HealthDoor::new(node.readiness(), stop.clone());
    let cluster = ClusterServiceServer::new(ClusterDoor::new(node.clone(), log_levels));
    let watches = Places::new("watches", limits.watch_streams_max);
    let limits = Arc::new(limits);
    let config = ConfigDoor::new(node.clone(), Arc::clone(&limits), watches.clone(), stop.clone());
    let config = ConfigServiceServer::new(config).max_decoding_message_size(Limits::REQUEST_SIZE_BYTES_MAX);
    let sessions = SessionDoor::new(node.clone(), Arc::clone(&limits), stop.clone());
    let streams = LockStreams::new(node.clone(), Arc::clone(&limits), watches, stop);
    let locks = LockDoor::new(node.clone(), Arc::clone(&limits), streams.clone());
    let elections = ElectionDoor::new(node, limits, streams);

    Services::default()
        .with(Readable::new(config))
        .with(Readable::new(SessionServiceServer::new(sessions)))
        .with(Readable::new(LockServiceServer::new(locks)))
        .with(Readable::new(ElectionServiceServer::new(elections)))
        .with(Readable::new(cluster))
        .with(HealthServer::new(health))
        .with(reflection().build_v1().expect(DESCRIPTORS_HOLD))
        .with(reflection().build_v1alpha().expect(DESCRIPTORS_HOLD))
}

const DESCRIPTORS_HOLD: &str = "the descriptors were compiled together with this program";

fn reflection() -> Builder<'static> {
    Builder::configure()
        .register_encoded_file_descriptor_set(conclave_proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_reflection_stand_on_the_descriptors() {
        reflection().build_v1().expect(DESCRIPTORS_HOLD);
        reflection().build_v1alpha().expect(DESCRIPTORS_HOLD);
    }
}
