//! etcd's v3 API, for clients that exist already: a thin translation over plain keys, sessions and members.
//!
//! One call, by file: `kv_service.rs` (deadline, which freshness, which call of the node) with `kv_wire/` (request →
//! command or query, the API's rules; answer → message). `refusal.rs` tells why there is no answer, `status.rs` with
//! which code and text, `header.rs` who answers.
//!
//! Absent on purpose: what a command does, which `conclave-core` decides, and Conclave's own API.

mod calls;
mod codec;
mod header;
mod kv_service;
mod kv_wire;
mod refusal;
mod servers;
mod status;

use conclave_node::NodeHandle;
use tonic::service::Routes;

use crate::kv_service::KvDoor;
use crate::servers::etcdserverpb::kv_server::KvServer;

/// Largest request on the wire, in bytes, as of etcd: what a request may be, and half a mebibyte around it.
const MESSAGE_SIZE_BYTES_MAX: usize = 2 << 20;

/// Adds all services of this door.
pub fn add_services(routes: Routes, node: NodeHandle) -> Routes {
    let kv = KvServer::new(KvDoor::new(node)).max_decoding_message_size(MESSAGE_SIZE_BYTES_MAX);
    routes.add_service(kv)
}
