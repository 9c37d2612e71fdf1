//! What a stream of watches needs of its node.

use conclave_core::{Rejection, auth};
use conclave_mvcc::{KeyRange, MapError, ReadMap, Revision, floor_of};
use conclave_node::{Consistency, NodeHandle, RequestError, WatchFilter, Watcher};
use conclave_proto::etcd::etcdserverpb::ResponseHeader;
use futures::future::BoxFuture;
use tokio::time::{Duration, Instant};

use super::watches::Serial;
use crate::header::header;

/// How long a read may wait for its turn.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Watches, each with its ranges.
pub(super) type Ranges = Vec<(Serial, Vec<KeyRange>)>;
/// Watches, each with the revision up to which changes in its ranges may be gone.
pub(super) type Floors = Vec<(Serial, Revision)>;

/// What a stream of watches needs of its node.
pub(super) trait Store: Send + 'static {
    /// A cursor over the changes of these ranges.
    fn watch(&self, filter: WatchFilter, start: Revision) -> Result<Watcher, RequestError>;
    /// The revision that the node has come to.
    fn newest(&self) -> Revision;
    /// The header of an answer.
    fn header(&self, revision: Revision) -> Option<ResponseHeader>;
    /// Whether the client may watch these keys, now.
    fn may_watch(&self, range: KeyRange) -> BoxFuture<'static, Result<Result<(), Rejection>, RequestError>>;
    /// The floors of watches.
    fn floors(&self, ranges: Ranges) -> BoxFuture<'static, Result<Floors, RequestError>>;
}

/// A node, seen by one client.
pub(super) struct NodeStore {
    pub(super) node: NodeHandle,
    /// Says who the client is.
    pub(super) token: Option<String>,
}

impl NodeStore {
    fn read<T: Send + 'static>(
        &self,
        read: impl Fn(&dyn ReadMap) -> Result<T, MapError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, RequestError>> {
        let node = self.node.clone();
        Box::pin(async move { node.read(Consistency::Local, Instant::now() + READ_TIMEOUT, read).await })
    }
}

impl Store for NodeStore {
    fn watch(&self, filter: WatchFilter, start: Revision) -> Result<Watcher, RequestError> {
        self.node.watch(filter, start)
    }

    fn newest(&self) -> Revision {
        self.node.revision()
    }

    fn header(&self, revision: Revision) -> Option<ResponseHeader> {
        header(&self.node, revision)
    }

    fn may_watch(&self, range: KeyRange) -> BoxFuture<'static, Result<Result<(), Rejection>, RequestError>> {
        let (token, now_ms) = (self.token.clone(), self.node.now_ms());
        self.read(move |view| match auth::identify(view, token.as_deref(), now_ms)? {
            Ok(caller) => auth::may_read(view, caller.as_ref(), &range),
            Err(rejection) => Ok(Err(rejection)),
        })
    }

    fn floors(&self, ranges: Ranges) -> BoxFuture<'static, Result<Floors, RequestError>> {
        self.read(move |view| floors_of(view, &ranges))
    }
}

fn floors_of(view: &dyn ReadMap, ranges: &Ranges) -> Result<Floors, MapError> {
    let mut floors = Vec::with_capacity(ranges.len());
    for (serial, ranges) in ranges {
        let mut floor = Revision::ZERO;
        for range in ranges {
            floor = floor.max(floor_of(view, range)?);
        }
        floors.push((*serial, floor));
    }
    Ok(floors)
}
