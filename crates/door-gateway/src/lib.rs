//! etcd's HTTP gateway: its gRPC services as JSON over HTTP, its health and its version.
//!
//! | path | what |
//! |---|---|
//! | `POST /v3/…` | a call of one of etcd's services; `paths.rs` has the table |
//! | `GET /health` | 200 while the member serves; else 503 and the reason |
//! | `GET /version` | which etcd the member speaks like |
//!
//! A call takes this way: `paths.rs` → `call.rs`, which reads messages off the body (`json_texts.rs`), turns each into
//! its bytes (`request_json.rs`), calls the inner router in this process, takes the answer apart (`answer_frames.rs`)
//! and turns it into JSON (`answer_json.rs`). What goes wrong is told by `failure.rs`.
//!
//! It speaks as the gateway of etcd 3.5 does, with these differences: CORS headers are never sent, so that no page that
//! a browser has open can read the store; a first message of a stream that cannot be read is the caller's mistake (400,
//! not 500), and a message of any call is an object, never `null`; probes may be asked by HEAD, too.
//!
//! Absent on purpose: what any call means, and the generated types. It knows descriptors, and a router that speaks
//! gRPC.

mod answer_frames;
mod answer_json;
mod call;
mod failure;
#[cfg(test)]
mod fuzz;
mod json_texts;
mod metadata;
mod method;
mod paths;
mod probes;
mod request_json;
mod timeout;

#[cfg(test)]
mod tests;

use std::future::Future;

use axum::Router;

pub use probes::{Health, HealthQuestion};

/// Largest request of etcd's services unless it is set, in bytes.
pub const MESSAGE_SIZE_BYTES_MAX_DEFAULT: usize = 2 << 20;

/// What the gateway is told about the member.
#[derive(Debug, Clone)]
pub struct Options {
    /// Largest request, encoded for gRPC, in bytes. Its JSON may be twice as long, for what is base64 in it.
    pub message_size_bytes_max: usize,
    /// The version of etcd that the member speaks like.
    pub server_version: String,
    /// The version that all members of the cluster speak at least.
    pub cluster_version: String,
}

/// The routes of this door: those of `inner`, which serves etcd's packages over gRPC, as JSON, and the probes.
///
/// `health` is asked at each probe.
pub fn routes<F, Fut>(inner: Router, options: Options, health: F) -> Router
where
    F: Fn(HealthQuestion) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Health> + Send + 'static,
{
    let calls = paths::routes(inner, options.message_size_bytes_max);
    calls.merge(probes::routes(&options, health))
}
