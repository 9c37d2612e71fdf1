//! The stream of who leads: what is so now, then whenever that changes.

use std::pin::Pin;

use conclave_core::LockName;
use conclave_core::lock::{self, HolderInfo, LockChangeKind};
use conclave_door::{Ends, Place, Refusal, closed};
use conclave_mvcc::{MapError, ReadMap, Revised, Revision};
use conclave_node::{Consistency, NodeHandle, WatchFilter, Watched, Watcher};
use conclave_proto::lock::v1 as wire;
use futures::{Stream, stream};
use tokio::time::{Instant, sleep_until};
use tonic::Status;

use super::{HEARTBEAT_INTERVAL, LockStreams, read_deadline};
use crate::lock_wire;

/// What observing an election answers with.
pub(crate) type ObserveStream = Pin<Box<dyn Stream<Item = Result<wire::ObserveResponse, Status>> + Send>>;

/// An election that is observed.
struct Observing {
    node: NodeHandle,
    name: LockName,
    watcher: Watcher,
    /// Who leads, as it was told last, or is to be told next.
    leader: Option<HolderInfo>,
    /// As of when.
    revision: Revision,
    is_news: bool,
    heartbeat_due: Instant,
    ends: Ends,
    _place: Place,
}

impl LockStreams {
    /// Opens a stream of who leads by the deadline.
    pub(crate) async fn observe(&self, name: LockName, deadline: Instant) -> Result<ObserveStream, Refusal> {
        let (place, ends) = (self.watches.take()?, self.ends());
        let asked = name.clone();
        let read = move |view: &dyn ReadMap| lock_wire::leader(view, &asked);
        let (leader, revision) = self.node.read(Consistency::Linearizable, deadline, read).await?;
        let filter = WatchFilter { ranges: lock::watch_ranges_of(&name) };
        let observing = Observing {
            node: self.node.clone(),
            watcher: self.node.watch_present(filter, revision.next())?,
            name,
            leader,
            revision,
            is_news: true,
            heartbeat_due: Instant::now() + HEARTBEAT_INTERVAL,
            ends,
            _place: place,
        };
        Ok(Box::pin(observing.into_stream()))
    }
}

impl Observing {
    /// The messages, up to a failure, which is the last of them.
    fn into_stream(self) -> impl Stream<Item = Result<wire::ObserveResponse, Status>> {
        stream::unfold(Some(self), |open| async {
            let mut observing = open?;
            match observing.next().await {
                Ok(message) => Some((Ok(message), Some(observing))),
                Err(refusal) => Some((Err(refusal.into()), None)),
            }
        })
    }

    async fn next(&mut self) -> Result<wire::ObserveResponse, Refusal> {
        loop {
            self.ends.check()?;
            let heartbeat = Instant::now() >= self.heartbeat_due;
            if self.is_news || heartbeat {
                return Ok(self.tell());
            }
            tokio::select! {
                biased;
                error = self.ends.come() => return Err(error.into()),
                watched = self.watcher.next() => self.watched(watched.map_err(closed)?).await?,
                () = sleep_until(self.heartbeat_due) => {}
            }
        }
    }

    /// Who leads; as a heartbeat, if that is no news.
    fn tell(&mut self) -> wire::ObserveResponse {
        let heartbeat = !std::mem::replace(&mut self.is_news, false);
        self.heartbeat_due = Instant::now() + HEARTBEAT_INTERVAL;
        let leader = self.leader.clone().map(lock_wire::holder);
        wire::ObserveResponse { leader, revision: self.revision.get(), heartbeat }
    }

    async fn watched(&mut self, watched: Watched) -> Result<(), Refusal> {
        match watched {
            Watched::Changes(revised) if is_of_holders(&revised)? => self.look().await?,
            Watched::Changes(_) => {}
            Watched::Progress(revision) => self.revision = self.revision.max(revision),
            Watched::Behind { .. } => {
                self.look().await?;
                self.watcher.resume_from(self.revision.next());
            }
        }
        Ok(())
    }

    /// Reads who leads now: what changed in between need not be told.
    async fn look(&mut self) -> Result<(), Refusal> {
        let name = self.name.clone();
        let read = move |view: &dyn ReadMap| lock_wire::leader(view, &name);
        let (leader, revision) = self.node.read(Consistency::Local, read_deadline(), read).await?;
        self.is_news |= leader != self.leader;
        self.leader = leader;
        self.revision = revision;
        Ok(())
    }
}

fn is_of_holders(revised: &Revised) -> Result<bool, MapError> {
    let changes = lock::changes_in(revised)?;
    let of_holders = |kind: &LockChangeKind| match kind {
        LockChangeKind::Granted(_) | LockChangeKind::Updated(_) | LockChangeKind::Ended(_) => true,
        LockChangeKind::Queued(_) | LockChangeKind::Left(_) => false,
    };
    Ok(changes.iter().any(|change| of_holders(&change.kind)))
}
