//! The nodes that a client knows, a connection to each, and which of them last answered.
//!
//! Connections are made at first use and again after they broke; none is made here. The nodes lie in the
//! order in which this client turns to them (see [`crate::spread`]); the first of them is its home.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tonic::Code;
use tonic::transport::{Channel, Endpoint};

use crate::error::{ClientError, reason};
use crate::homing::Homing;
use crate::options::ClientOptions;
use crate::spread;

/// A connection that carries nothing is tested this often, so that a dead node is noticed.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// A test that is not answered for so long ends the connection.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(3);
/// The node that this client turns to first.
pub(crate) const HOME: usize = 0;

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
    preference: Mutex<Preference>,
}

/// Where calls begin.
#[derive(Debug)]
struct Preference {
    /// The node that last answered.
    node: usize,
    /// When to try the first one again.
    homing: Homing,
}

impl Nodes {
    pub(crate) fn new(options: &ClientOptions) -> Result<Self, ClientError> {
        let urls: Vec<String> = options.endpoints.iter().map(|text| url(text)).collect::<Result<_, _>>()?;
        if urls.is_empty() {
            return Err(invalid("no endpoint is given: name at least one node as host:port".into()));
        }
        let order = spread::order(&options.client_id, &urls);
        let nodes = order.into_iter().map(|at| node(&urls[at], options)).collect::<Result<_, _>>()?;
        Ok(Self::of(nodes, options))
    }

    /// Nodes in the order in which the client turns to them.
    pub(crate) fn of(nodes: Vec<Node>, options: &ClientOptions) -> Self {
        let preference = Preference { node: HOME, homing: Homing::new(options.return_after()) };
        Self { nodes, preference: Mutex::new(preference) }
    }

    pub(crate) fn count(&self) -> usize {
        self.nodes.len()
    }

    /// Where to begin: the node that last answered, or now and then the first one.
    pub(crate) fn begin(&self) -> usize {
        let mut preference = self.preference();
        if preference.homing.take_try() { HOME } else { preference.node }
    }

    pub(crate) fn get(&self, index: usize) -> &Node {
        &self.nodes[index % self.nodes.len()]
    }

    /// A node answered. One that was come to because others failed is where to begin from now on.
    pub(crate) fn worked(&self, index: usize, others_failed: bool) {
        let mut preference = self.preference();
        if index == HOME {
            preference.come(HOME);
        } else if others_failed {
            preference.come(index);
        }
    }

    /// A node failed: tells the next one to ask. The next call begins elsewhere, unless another call has found a
    /// better node meanwhile.
    pub(crate) fn failed(&self, index: usize) -> usize {
        let next = (index + 1) % self.nodes.len();
        let mut preference = self.preference();
        if preference.node == index {
            preference.come(next);
        }
        if index == HOME { preference.node } else { next }
    }

    fn preference(&self) -> MutexGuard<'_, Preference> {
        self.preference.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Preference {
    fn come(&mut self, node: usize) {
        self.node = node;
        match node {
            HOME => self.homing.came_home(),
            _ => self.homing.left(),
        }
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

    fn three() -> Nodes {
        let options = ClientOptions { client_id: String::new(), ..ClientOptions::new(["a:1", "b:1", "c:1"]) };
        Nodes::new(&options).expect("usable endpoints")
    }

    #[tokio::test]
    async fn the_preference_moves_on_once_per_failure() {
        let nodes = three();
        assert_eq!((nodes.failed(0), nodes.failed(0)), (1, 1));
        assert_eq!(nodes.begin(), 1);
        nodes.worked(2, true);
        assert_eq!((nodes.failed(0), nodes.failed(1), nodes.begin()), (2, 2, 2), "to the one that answers");
        assert_eq!((nodes.failed(2), nodes.begin()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_node_is_tried_again_by_one_call_at_a_time() {
        let nodes = three();
        nodes.failed(0);
        nodes.worked(1, true);
        tokio::time::advance(Duration::from_secs(29)).await;
        assert_eq!(nodes.begin(), 1, "not so soon");
        tokio::time::advance(Duration::from_secs(62)).await;
        assert_eq!((nodes.begin(), nodes.begin()), (0, 1));
        assert_eq!(nodes.failed(0), 1, "in vain");
        tokio::time::advance(Duration::from_secs(181)).await;
        assert_eq!(nodes.begin(), 0);
        nodes.worked(0, false);
        nodes.worked(1, false);
        assert_eq!(nodes.begin(), 0, "a call that began elsewhere before does not lead away again");
    }

    #[tokio::test]
    async fn a_client_turns_to_its_own_first_node_and_one_without_an_id_to_the_first_named() {
        let first = |client_id: &str| {
            let options =
                ClientOptions { client_id: client_id.into(), ..ClientOptions::new(["a:1", "b:1", "c:1"]) };
            let nodes = Nodes::new(&options).expect("usable endpoints");
            nodes.get(nodes.begin()).url.clone()
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
