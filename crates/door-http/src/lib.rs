//! HTTP for operators, on the port that clients use: metrics and probes.
//!
//! | path | what |
//! |---|---|
//! | `/livez` | 200 while the process does its work; whoever gets no answer should start it anew |
//! | `/readyz` | 200 while the node can serve every request; else 503 and the reason |
//! | `/metrics` | OpenMetrics, for Prometheus |
//!
//! Absent on purpose: anything that changes something.

mod grpc;
mod metrics;
mod probes;
mod process;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use conclave_node::NodeHandle;
use prometheus_client::registry::Registry;

pub use grpc::{grpc_only, unknown};
pub use process::ProcessCollector;

/// The routes of this door. What is registered in `registry` is what `/metrics` tells.
pub fn routes(node: &NodeHandle, registry: Arc<Registry>) -> Router {
    let probes = Router::new()
        .route("/livez", get(probes::live))
        .route("/readyz", get(probes::ready))
        .with_state(node.readiness());
    let metrics = Router::new().route("/metrics", get(metrics::tell)).with_state(registry);
    probes.merge(metrics)
}
