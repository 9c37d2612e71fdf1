//! What the tests begin with: clusters, and the few calls that most of them make.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use conclave_client::config::{
    Authorship, CommitRequest, CommitResponse, CreateNamespaceRequest, Edit, ListRequest, NamespaceEdits,
};
use conclave_client::{Client, edits};
use conclave_testkit::{Cluster, ClusterOptions};

/// The program under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_conclave");

/// How long writes may be away after a fault, at most. What it takes is printed.
pub(crate) const GAP_MAX: Duration = Duration::from_secs(10);

/// A node that stands alone.
pub(crate) async fn one() -> Cluster {
    Cluster::start(ClusterOptions::new(BINARY, 1)).await
}

/// Three nodes.
pub(crate) async fn three() -> Cluster {
    Cluster::start(ClusterOptions::new(BINARY, 3)).await
}

/// Three nodes that can be cut off from one another.
pub(crate) async fn three_with_links() -> Cluster {
    Cluster::start(ClusterOptions::new(BINARY, 3).with_links()).await
}

/// Creates a namespace; tells the revision of its creation.
pub(crate) async fn create(client: &Client, namespace: &str) -> u64 {
    let request = CreateNamespaceRequest { namespace: namespace.into(), ..Default::default() };
    let created = client.create_namespace(request).await.expect("the namespace is created");
    created.namespace.expect("it is told").revision
}

/// A commit of one namespace, which must exist.
pub(crate) fn commit_of(namespace: &str, edits: Vec<Edit>) -> CommitRequest {
    let namespaces = vec![NamespaceEdits { namespace: namespace.into(), edits, ..Default::default() }];
    CommitRequest { namespaces, ..Default::default() }
}

/// The same under a request id.
pub(crate) fn commit_under(request_id: &str, namespace: &str, edits: Vec<Edit>) -> CommitRequest {
    let authorship =
        Authorship { request_id: request_id.into(), message: request_id.into(), ..Default::default() };
    CommitRequest { authorship: Some(authorship), ..commit_of(namespace, edits) }
}

/// Sets one item.
pub(crate) async fn put(client: &Client, namespace: &str, key: &str, value: &str) -> CommitResponse {
    let request = commit_of(namespace, vec![edits::put(key, value)]);
    client.commit(request).await.expect("the commit is acknowledged")
}

/// A text that compression makes hardly smaller.
pub(crate) fn noise(seed: usize, size_bytes: usize) -> String {
    let mut state = seed as u64 ^ 0x9e37_79b9_7f4a_7c15;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'!' + u8::try_from(state % 90).unwrap_or_default())
    };
    (0..size_bytes).map(|_| next()).collect()
}

/// Sets the items `item-<number>`, each to a noise of its own, a commit each.
pub(crate) async fn fill(client: &Client, namespace: &str, numbers: Range<usize>, size_bytes: usize) {
    for number in numbers {
        put(client, namespace, &format!("item-{number}"), &noise(number, size_bytes)).await;
    }
}

/// All items of a namespace, as text.
pub(crate) async fn items(client: &Client, namespace: &str) -> BTreeMap<String, String> {
    let request = ListRequest { namespace: namespace.into(), ..Default::default() };
    let listing = client.list_all(request).await.expect("the items can be read");
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    listing.items.into_iter().map(|item| (item.key, text(&item.value))).collect()
}
