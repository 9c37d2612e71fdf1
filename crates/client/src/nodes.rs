//! The nodes that a client knows, a connection to each, and which of them last answered.
//!
//! Connections are made at first use and again after they broke; none is made here. The nodes lie in the
//! order in which this client turns to them (see [`crate::spread`]).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tonic::Code;
use tonic::transport::{Channel, Endpoint};

use crate::error::{ClientError, reason};
use crate::options::ClientOptions;
use crate::spread;

/// A connection that carries nothing is tested this often, so that a dead node is noticed.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// A test that is not answered for so long ends the connection.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(3);

/// One node.
#[derive(Debug)]
pub(crate) struct Node {
    /// Its address, as a URL.
    pub(crate) url: String,
    /// The connection to it.
    pub(crate) channel: Channel,
}

/// All nodes of a client: at least one.
#[derive(Debug)]
pub(crate) struct Nodes {
    nodes: Vec<Node>,
    preferred: AtomicUsize,
}

impl Nodes {
    pub(crate) fn new(options: &ClientOptions) -> Result<Self, ClientError> {
        let urls: Vec<String> = options.endpoints.iter().map(|text| url(text)).collect::<Result<_, _>>()?;
        if urls.is_empty() {
            return Err(invalid("no endpoint is given: name at least one node as host:port".into()));
        }
        let order = spread::order(&options.client_id, &urls);
        let nodes = order.into_iter().map(|at| node(&urls[at], options)).collect::<Result<_, _>>()?;
        Ok(Self { nodes, preferred: AtomicUsize::new(0) })
    }

    pub(crate) fn count(&self) -> usize {
        self.nodes.len()
    }

    /// Where to begin: the node that last answered.
    pub(crate) fn preferred(&self) -> usize {
        self.preferred.load(Ordering::Relaxed)
    }

    pub(crate) fn get(&self, index: usize) -> &Node {
        &self.nodes[index % self.nodes.len()]
    }

    pub(crate) fn after(&self, index: usize) -> usize {
        (index + 1) % self.nodes.len()
    }

    pub(crate) fn worked(&self, index: usize) {
        self.preferred.store(index, Ordering::Relaxed);
    }

    /// The next call begins elsewhere, unless another call has found a better node meanwhile.
    pub(crate) fn failed(&self, index: usize) {
        let next = self.after(index);
        let _ = self.preferred.compare_exchange(index, next, Ordering::Relaxed, Ordering::Relaxed);
    }
}

fn node(url: &str, options: &ClientOptions) -> Result<Node, ClientError> {
    let channel = Endpoint::from_shared(url.to_owned())
        .and_then(|endpoint| endpoint.user_agent(options.user_agent.clone()))
        .map_err(|error| invalid(format!("endpoint \"{url}\" or the user agent cannot be used: {error}")))?
        .connect_timeout(options.connect_timeout())
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .connect_lazy();
    Ok(Node { url: url.to_owned(), channel })
}

/// Completes `host:port` to a URL; refuses what could not work.
fn url(text: &str) -> Result<String, ClientError> {
    let address = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
    let usable = !address.contains("://") && !address.contains('/');
    let port = address.rsplit_once(':').filter(|(host, _)| usable && !host.is_empty());
    match port.map(|(_, port)| port.parse::<u16>()) {
        Some(Ok(1..)) => Ok(format!("http://{address}")),
        _ => Err(invalid(format!("endpoint \"{text}\" is not of the form host:port or http://host:port"))),
    }
}

fn invalid(message: String) -> ClientError {
    ClientError::local(Code::InvalidArgument, reason::INVALID_OPTIONS, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_completed() {
        for text in ["node-1:4101", "http://node-1:4101", "http://node-1:4101/"] {
            assert_eq!(url(text).ok().as_deref(), Some("http://node-1:4101"), "{text}");
        }
        assert_eq!(url("[::1]:4101").ok().as_deref(), Some("http://[::1]:4101"));
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        for text in
            ["", "node-1", ":4101", "node-1:", "node-1:0", "node-1:70000", "https://node-1:4101", "a:1/x"]
        {
            let error = url(text).expect_err(text);
            assert_eq!(error.reason(), reason::INVALID_OPTIONS);
            assert!(error.message().contains(&format!("\"{text}\"")), "{error}");
        }
    }

    #[tokio::test]
    async fn the_preference_moves_on_once_per_failure() {
        let nodes = Nodes::new(&ClientOptions::new(["a:1", "b:1", "c:1"])).expect("usable endpoints");
        nodes.failed(0);
        nodes.failed(0);
        assert_eq!(nodes.preferred(), 1);
        nodes.worked(2);
        nodes.failed(2);
        assert_eq!(nodes.preferred(), 0);
    }

    #[tokio::test]
    async fn a_client_turns_to_its_own_first_node_and_one_without_an_id_to_the_first_named() {
        let first = |client_id: &str| {
            let options =
                ClientOptions { client_id: client_id.into(), ..ClientOptions::new(["a:1", "b:1", "c:1"]) };
            let nodes = Nodes::new(&options).expect("usable endpoints");
            nodes.get(nodes.preferred()).url.clone()
        };
        assert_eq!(first(""), "http://a:1");
        let firsts: std::collections::BTreeSet<String> = (0..50).map(|id| first(&id.to_string())).collect();
        assert_eq!(firsts.len(), 3);
    }

    #[tokio::test]
    async fn no_node_is_no_client() {
        let error = Nodes::new(&ClientOptions::new(Vec::<String>::new())).expect_err("no endpoint");
        assert_eq!(error.code(), Code::InvalidArgument);
    }
}
