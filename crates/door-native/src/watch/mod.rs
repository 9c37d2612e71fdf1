//! Watches: the versions of several namespaces on one stream, in order, each exactly once.
//!
//! | file | what |
//! |---|---|
//! | `query.rs` | what was asked for |
//! | `survey.rs` | where all targets stand at one revision, and whether the watch may begin there |
//! | `chunks.rs` | versions and resets as messages of bounded size |
//! | `stream.rs` | the stream: pulled by the client, so that a slow one holds one message and no more |
//!
//! A stream begins with a linearizable survey, so a node that is cut off refuses it instead of showing the
//! past. From there on it follows what this node applies, and ends if the node loses touch with the others.

mod chunks;
pub(crate) mod query;
mod stream;
mod survey;

use std::pin::Pin;
use std::sync::Arc;

use conclave_door::{Limits, Places, Refusal};
use conclave_mvcc::ReadMap;
use conclave_node::{Consistency, NodeHandle};
use conclave_proto::config::v1 as wire;
use futures::Stream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::calls::ends;

use self::query::WatchQuery;
use self::stream::Following;
use self::survey::Survey;

/// What a watch answers with.
pub(crate) type WatchStream = Pin<Box<dyn Stream<Item = Result<wire::WatchResponse, Status>> + Send>>;

/// Opens watches, and bounds their number.
pub(crate) struct WatchDoor {
    node: NodeHandle,
    limits: Arc<Limits>,
    places: Places,
    stop: CancellationToken,
}

impl WatchDoor {
    pub(crate) fn new(
        node: NodeHandle,
        limits: Arc<Limits>,
        places: Places,
        stop: CancellationToken,
    ) -> Self {
        Self { node, limits, places, stop }
    }

    /// Opens a watch by the deadline. What it streams afterwards has none.
    pub(crate) async fn open(
        &self,
        request: wire::WatchRequest,
        deadline: Instant,
    ) -> Result<WatchStream, Refusal> {
        let query = WatchQuery::parse(request, &self.limits)?;
        let place = self.places.take()?;
        let targets = Arc::clone(&query.targets);
        let surveyed = move |view: &dyn ReadMap| Survey::of(view, &targets);
        let survey = self.node.read(Consistency::Linearizable, deadline, surveyed).await??;
        let ends = ends(&self.node, &self.limits, &self.stop);
        let following = Following::begin(self.node.clone(), query, survey, ends)?;
        Ok(Box::pin(following.into_stream(place)))
    }
}
