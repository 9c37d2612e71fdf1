//! Clients that stay with one node as long as it answers, so that the way of a call is the same in all parts.

use conclave_client::{Client, ClientOptions};
use conclave_testkit::Cluster;

/// How long a call may take over all its attempts.
const CALL_TIMEOUT_MS: u64 = 60_000;
/// Attempts of one call: its time is what bounds it.
const ATTEMPTS_MAX: u32 = 1_000;

/// A client that turns to this node as long as it answers, and then to the others.
pub(crate) fn client_of(cluster: &mut Cluster, first: u64) -> anyhow::Result<Client> {
    let others = cluster.ids().into_iter().filter(|id| *id != first);
    let order: Vec<u64> = [first].into_iter().chain(others).collect();
    let endpoints = order.into_iter().map(|id| cluster.node(id).client_address().to_string());
    let options = ClientOptions::new(endpoints);
    Ok(Client::connect(ClientOptions {
        timeout_ms: CALL_TIMEOUT_MS,
        attempts_max: ATTEMPTS_MAX,
        client_id: String::new(),
        ..options
    })?)
}
