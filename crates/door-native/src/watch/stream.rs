//! The stream of one watch. It has no task and no queue: what the client does not read is not read here.

use std::sync::Arc;
use std::time::Duration;

use conclave_core::Rejection;
use conclave_core::config::version_in;
use conclave_door::{Ends, Place, Refusal, closed};
use conclave_mvcc::{MapError, ReadMap, Revised};
use conclave_node::{Consistency, NodeHandle, Watched, Watcher};
use conclave_proto::config::v1 as wire;
use conclave_proto::config::v1::watch_response::Event;
use futures::{Stream, stream};
use tokio::time::Instant;
use tonic::Status;

use super::chunks::{ResetPlace, VersionChunks};
use super::query::{Target, WatchQuery};
use super::survey::{Standing, Survey};

/// How long a read of a reset may wait for its turn.
const RESET_READ_TIMEOUT: Duration = Duration::from_secs(10);

/// A watch that is open: what was told, and what comes next.
pub(super) struct Following {
    node: NodeHandle,
    targets: Arc<[Target]>,
    watcher: Watcher,
    telling: Telling,
    heartbeat_interval: Duration,
    heartbeat_due: Instant,
    ends: Ends,
}

/// What is under way: an event is told to its end before anything else.
enum Telling {
    Nothing,
    /// A revision: the versions that it made of the targets from this one on.
    Revision {
        revised: Revised,
        target: usize,
    },
    /// One of its versions, and then the targets from this one on.
    Version {
        chunks: Box<VersionChunks>,
        revised: Revised,
        target: usize,
    },
    /// The state of all targets.
    Reset {
        place: ResetPlace,
        standings: Arc<[Standing]>,
    },
}

impl Following {
    pub(super) fn begin(
        node: NodeHandle,
        query: WatchQuery,
        survey: Survey,
        ends: Ends,
    ) -> Result<Self, Refusal> {
        survey.admit(&query)?;
        let start = query.start.unwrap_or(survey.revision.next());
        let watcher = node.watch(query.filter(), start)?;
        tracing::debug!(targets = query.targets.len(), start = start.get(), "watch opened");
        Ok(Self {
            node,
            watcher,
            telling: if query.start.is_some() { Telling::Nothing } else { Telling::reset(survey) },
            heartbeat_interval: query.heartbeat_interval,
            heartbeat_due: Instant::now() + query.heartbeat_interval,
            targets: query.targets,
            ends,
        })
    }

    /// The messages, up to a failure, which is the last of them. The place is given back at the end.
    pub(super) fn into_stream(self, place: Place) -> impl Stream<Item = Result<wire::WatchResponse, Status>> {
        stream::unfold(Some((self, place)), |open| async {
            let (mut following, place) = open?;
            match following.next().await {
                Ok(event) => Some((Ok(wire::WatchResponse { event: Some(event) }), Some((following, place)))),
                Err(refusal) => Some((Err(refusal.into()), None)),
            }
        })
    }

    /// The next message.
    async fn next(&mut self) -> Result<Event, Refusal> {
        loop {
            self.ends.check()?;
            let told = match std::mem::replace(&mut self.telling, Telling::Nothing) {
                Telling::Nothing => self.wait().await?,
                Telling::Revision { revised, target } => self.find_version(revised, target)?,
                Telling::Version { chunks, revised, target } => self.tell_version(chunks, revised, target),
                Telling::Reset { place, standings } => self.tell_reset(place, standings).await?,
            };
            if let Some(event) = told {
                self.heartbeat_due = Instant::now() + self.heartbeat_interval;
                return Ok(event);
            }
        }
    }

    /// Waits for something to tell; a heartbeat, if nothing comes.
    async fn wait(&mut self) -> Result<Option<Event>, Refusal> {
        // Progress comes without end while others write: it must not keep the heartbeat waiting.
        if Instant::now() >= self.heartbeat_due {
            return Ok(Some(self.heartbeat()));
        }
        tokio::select! {
            biased;
            error = self.ends.come() => Err(error.into()),
            watched = self.watcher.next() => self.watched(watched.map_err(closed)?).await.map(|()| None),
            () = tokio::time::sleep_until(self.heartbeat_due) => Ok(Some(self.heartbeat())),
        }
    }

    fn heartbeat(&self) -> Event {
        Event::Heartbeat(wire::WatchHeartbeat { revision: self.watcher.told().get() })
    }

    async fn watched(&mut self, watched: Watched) -> Result<(), Refusal> {
        match watched {
            Watched::Changes(revised) => self.telling = Telling::Revision { revised, target: 0 },
            // The next heartbeat tells it.
            Watched::Progress(_) => {}
            Watched::Behind { newest } => {
                tracing::debug!(newest = newest.get(), "a watch begins again with the whole state");
                self.begin_reset().await?;
            }
        }
        Ok(())
    }

    /// Begins to tell the whole state, as of now.
    async fn begin_reset(&mut self) -> Result<(), Refusal> {
        let targets = Arc::clone(&self.targets);
        let survey = move |view: &dyn ReadMap| Survey::of(view, &targets);
        let survey = self.node.read(Consistency::Local, read_deadline(), survey).await??;
        self.watcher.resume_from(survey.revision.next());
        self.telling = Telling::reset(survey);
        Ok(())
    }

    /// Finds the next version among those that a revision made.
    fn find_version(&mut self, revised: Revised, from: usize) -> Result<Option<Event>, MapError> {
        for target in from..self.targets.len() {
            let Target { namespace, key_prefix } = &self.targets[target];
            if let Some((info, changes)) = version_in(&revised, namespace, key_prefix)? {
                let chunks = Box::new(VersionChunks::new(info, changes));
                self.telling = Telling::Version { chunks, revised, target: target + 1 };
                break;
            }
        }
        Ok(None)
    }

    fn tell_version(
        &mut self,
        mut chunks: Box<VersionChunks>,
        revised: Revised,
        target: usize,
    ) -> Option<Event> {
        let chunk = chunks.next();
        self.telling = match &chunk {
            Some(_) => Telling::Version { chunks, revised, target },
            None => Telling::Revision { revised, target },
        };
        chunk.map(Event::Version)
    }

    /// Reads the next message of a reset. A slow client may outlast what it is read from: then it begins anew.
    async fn tell_reset(
        &mut self,
        place: ResetPlace,
        standings: Arc<[Standing]>,
    ) -> Result<Option<Event>, Refusal> {
        let (targets, standing, at) = (Arc::clone(&self.targets), standings[place.target], place.clone());
        let read = move |view: &dyn ReadMap| at.read(view, &targets, standing);
        let chunk = match self.node.read(Consistency::Local, read_deadline(), read).await? {
            Ok(chunk) => chunk,
            Err(Rejection::RevisionDropped { revision, .. }) => {
                tracing::debug!(revision, "what a reset was read from is no longer kept");
                self.begin_reset().await?;
                return Ok(None);
            }
            Err(rejection) => return Err(rejection.into()),
        };
        if let Some(place) = place.next(&chunk) {
            self.telling = Telling::Reset { place, standings };
        }
        Ok(Some(Event::Reset(chunk.message)))
    }
}

impl Telling {
    fn reset(survey: Survey) -> Self {
        Self::Reset { place: ResetPlace::first(survey.revision), standings: survey.standings.into() }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        tracing::debug!(told = self.watcher.told().get(), "watch ended");
    }
}

fn read_deadline() -> Instant {
    Instant::now() + RESET_READ_TIMEOUT
}
