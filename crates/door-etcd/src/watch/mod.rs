//! The Watch service: any number of watches on one stream, each told every change of its range from a revision on, in
//! order, once.
//!
//! | file | what |
//! |---|---|
//! | `create.rs` | what a watch is asked for, and why there is none |
//! | `stream.rs` | the stream: pulled by the client, so that a slow one holds one revision and no more |
//! | `watches.rs` | the watches of a stream, what each is told of a revision |
//! | `group.rs`, `index.rs` | the watches that follow one cursor; who is concerned by a change |
//! | `behind.rs` | those that begin in the past, or that a slow client has left behind |
//! | `progress.rs` | how far they are |
//! | `fragments.rs` | large answers in pieces |
//! | `store.rs` | what all this needs of the node |
//!
//! All watches of a stream that are up to date follow one cursor, in the memory that all streams share. So a change
//! costs a stream a search among the ranges of its watches, and one answer for each that it concerns; what nobody of
//! them watches costs the search alone.

mod behind;
mod create;
mod fragments;
mod group;
mod index;
mod progress;
mod store;
mod stream;
#[cfg(test)]
mod tests;
mod watches;

use std::sync::Arc;

use conclave_door::{Ends, Limits, Places};
use conclave_node::{NodeHandle, Readiness, RequestError};
use conclave_proto::etcd::etcdserverpb as wire;
use futures::stream::BoxStream;
use tokio::sync::Semaphore;
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

#[cfg(test)]
pub(crate) use self::create::check_request;
use self::store::NodeStore;
use self::stream::{Following, Room};
use crate::caller::token;
use crate::calls::Answer;
use crate::refusal::Refusal;
use crate::servers::etcdserverpb::watch_server::Watch;

/// By this a client says that its stream is to end when its node knows no leader.
const HAS_LEADER: &str = "hasleader";
/// When a stream that needs a leader should be opened again.
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// What the watches of a node may take in memory, in bytes: that is half a million of them.
const WATCHES_SIZE_BYTES_MAX: usize = 256 << 20;

/// Answers `etcdserverpb.Watch`.
pub(crate) struct WatchDoor {
    node: NodeHandle,
    streams: Places,
    room: Room,
    leaderless_max: Duration,
    stop: CancellationToken,
}

impl WatchDoor {
    pub(crate) fn new(node: NodeHandle, limits: &Limits, stop: CancellationToken) -> Self {
        Self {
            node,
            streams: Places::new("streams of watches", limits.watch_streams_max),
            room: Arc::new(Semaphore::new(WATCHES_SIZE_BYTES_MAX)),
            leaderless_max: Duration::from_millis(limits.watch_leaderless_ms_max),
            stop,
        }
    }

    /// What ends a stream. One that does not ask for a leader goes on without.
    fn ends(&self, metadata: &MetadataMap) -> Result<Ends, Refusal> {
        let readiness = self.node.readiness();
        let needs_leader = metadata.get(HAS_LEADER).is_some_and(|said| said == "true");
        if needs_leader && *readiness.borrow() == Readiness::NoLeader {
            return Err(RequestError::NoLeader { retry_after: RETRY_AFTER }.into());
        }
        let leaderless_max = if needs_leader { self.leaderless_max } else { Duration::MAX };
        Ok(Ends::new(readiness, leaderless_max, &self.stop))
    }
}

#[tonic::async_trait]
impl Watch for WatchDoor {
    type WatchStream = BoxStream<'static, Result<wire::WatchResponse, Status>>;

    async fn watch(&self, request: Request<Streaming<wire::WatchRequest>>) -> Answer<Self::WatchStream> {
        let ends = self.ends(request.metadata())?;
        let place = self.streams.take().map_err(Refusal::from)?;
        let store = NodeStore { node: self.node.clone(), token: token(request.metadata()) };
        let requests = Box::pin(request.into_inner());
        let following = Following::begin(store, requests, Arc::clone(&self.room), ends)?;
        Ok(Response::new(following.into_stream(place)))
    }
}
