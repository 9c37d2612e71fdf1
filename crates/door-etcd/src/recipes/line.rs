//! A line of keys under one prefix: who made its key first is at the head, and the others wait until all before them
//! are gone.

use std::time::Duration;

use bytes::Bytes;
use conclave_core::LeaseId;
use conclave_core::auth::Caller;
use conclave_core::kv::{
    Compare, CompareTarget, DeleteRange, Done, KeyValue, Operation, Put, PutLease, RangeFound, RangeQuery,
    Relation, RevisionBounds, Sort, SortTarget, Txn, TxnDone,
};
use conclave_door::end_of;
use conclave_mvcc::{EventKind, KeyRange, Revision};
use conclave_node::{NodeHandle, RequestError, WatchClosed, WatchFilter, Watched};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;
use tonic::Request;

use crate::caller::caller;
use crate::calls::{deadline, other_answer};
use crate::kv_service::{KvDoor, Terms};
use crate::lease_service::LeaseDoor;
use crate::refusal::{Refusal, Rule};

/// How long one step may take.
const STEP_TIMEOUT: Duration = Duration::from_secs(5);
/// The time of a lease that is made for whoever names none, in seconds.
const LEASE_TTL_S: i64 = 60;

/// What both services work with.
#[derive(Clone)]
pub(crate) struct Lines {
    pub(super) node: NodeHandle,
    kv: KvDoor,
    leases: LeaseDoor,
    /// Keys that are being taken back: whoever ends the door waits for that.
    taken_back: TaskTracker,
}

/// On whose behalf a call works, and until when it waits.
#[derive(Clone)]
pub(super) struct Asker {
    pub(super) caller: Option<Caller>,
    end: Option<Instant>,
}

impl Asker {
    /// Those of one step.
    fn terms(&self) -> Terms {
        Terms { caller: self.caller.clone(), held: Vec::new(), deadline: step() }
    }
}

/// A place in a line.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) prefix: Bytes,
    pub(super) key: Bytes,
    pub(super) lease: LeaseId,
    /// When the key was made: it tells whether it is still the same.
    pub(super) created: Revision,
    /// When it was taken, or found.
    pub(super) revision: Revision,
    /// The key as it was before, if it stood there already.
    pub(super) found: Option<KeyValue>,
}

impl Lines {
    pub(crate) fn new(node: NodeHandle, kv: KvDoor, leases: LeaseDoor, taken_back: TaskTracker) -> Self {
        Self { node, kv, leases, taken_back }
    }

    pub(super) async fn asker<T>(&self, request: &Request<T>) -> Result<Asker, Refusal> {
        let caller = caller(&self.node, request.metadata(), deadline(request)?).await?;
        let end = end_of(request.metadata()).map_err(|_| Refusal::Deadline)?;
        Ok(Asker { caller, end })
    }

    /// Takes a place at the end of a line, or finds the one that the lease has in it.
    pub(super) async fn join(
        &self,
        asker: &Asker,
        name: &Bytes,
        lease: i64,
        value: Bytes,
    ) -> Result<Place, Refusal> {
        let lease = self.leases.required(asker.caller.clone(), lease, LEASE_TTL_S, step()).await?;
        let prefix: Bytes = [name, &b"/"[..]].concat().into();
        let key: Bytes = [prefix.as_ref(), format!("{:x}", lease.get()).as_bytes()].concat().into();
        let put =
            Put { key: key.clone(), value: Some(value), lease: PutLease::On(lease), with_previous: false };
        let txn = Txn {
            compares: vec![was_created(&key, 0)],
            success: vec![Operation::Put(put)],
            failure: vec![Operation::Range(one(key.clone()))],
        };
        let (revision, mut done) = self.change(asker, txn).await?;
        let found = match done.done.pop() {
            Some(Done::Put { .. }) => None,
            Some(Done::Range(found)) => Some(found.pairs.into_iter().next().ok_or_else(other_answer)?),
            _ => return Err(other_answer()),
        };
        let created = found.as_ref().map_or(revision, |pair| pair.create_revision);
        Ok(Place { prefix, key, lease, created, revision, found })
    }

    /// Waits until the place is at the head. If whoever asked goes away meanwhile, the place is given up.
    pub(super) async fn come_to_head(&self, asker: &Asker, place: &Place) -> Result<(), Refusal> {
        let mut kept = Kept { lines: self, asker, place, is_over: false };
        let came = self.wait_for_those_before(asker, place).await;
        kept.is_over = came.is_ok();
        came
    }

    async fn wait_for_those_before(&self, asker: &Asker, place: &Place) -> Result<(), Refusal> {
        loop {
            let before = self.last_before(asker, place).await?;
            let Some(pair) = before.pairs.into_iter().next() else { return Ok(()) };
            self.until_gone(asker, pair.key, before.revision).await?;
        }
    }

    /// Whoever stands right before a place.
    async fn last_before(&self, asker: &Asker, place: &Place) -> Result<RangeFound, Refusal> {
        let create_max = place.created.previous().get().cast_signed();
        let query = RangeQuery {
            bounds: RevisionBounds { create_max, ..RevisionBounds::default() },
            sort: Some(Sort { by: SortTarget::CreateRevision, descending: true, cut_before: false }),
            limit: 1,
            ..all(place.prefix.clone())
        };
        self.find(asker, query).await
    }

    /// Whoever is at the head of a line.
    pub(super) async fn head(&self, asker: &Asker, name: &Bytes) -> Result<RangeFound, Refusal> {
        let query = RangeQuery {
            sort: Some(Sort { by: SortTarget::CreateRevision, descending: false, cut_before: false }),
            limit: 1,
            ..all([name, &b"/"[..]].concat().into())
        };
        self.find(asker, query).await
    }

    /// Waits until a key that was there at a revision is deleted, or it cannot be told any more.
    async fn until_gone(&self, asker: &Asker, key: Bytes, since: Revision) -> Result<(), Refusal> {
        let filter = WatchFilter { ranges: vec![KeyRange::single(key)] };
        let mut watcher = self.node.watch(filter, since.next())?;
        loop {
            let next = match asker.end {
                Some(end) => {
                    timeout_at(end, watcher.next()).await.map_err(|_| RequestError::DeadlineExceeded)?
                }
                None => watcher.next().await,
            };
            match next.map_err(closed)? {
                Watched::Changes(revised) => {
                    if revised.events.iter().any(|event| matches!(event.kind, EventKind::Delete { .. })) {
                        return Ok(());
                    }
                }
                Watched::Progress(_) => {}
                Watched::Behind { .. } => return Ok(()),
            }
        }
    }

    /// Deletes the key of a place, if it is still that place's; tells the revision.
    pub(super) async fn leave(&self, asker: &Asker, key: Bytes, created: i64) -> Result<Revision, Refusal> {
        let txn = Txn {
            compares: vec![was_created(&key, created)],
            success: vec![Operation::DeleteRange(delete(key))],
            failure: Vec::new(),
        };
        Ok(self.change(asker, txn).await?.0)
    }

    pub(super) async fn change(&self, asker: &Asker, txn: Txn) -> Result<(Revision, TxnDone), Refusal> {
        self.kv.change(txn, asker.terms()).await
    }

    pub(super) async fn find(&self, asker: &Asker, query: RangeQuery) -> Result<RangeFound, Refusal> {
        self.kv.find(query, asker.terms()).await
    }
}

/// A place that is given up when this is dropped before the wait was over.
struct Kept<'a> {
    lines: &'a Lines,
    asker: &'a Asker,
    place: &'a Place,
    is_over: bool,
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let (lines, asker, place) = (self.lines.clone(), self.asker.clone(), self.place.clone());
        self.lines.taken_back.spawn(async move {
            let left = lines.leave(&asker, place.key, place.created.get().cast_signed()).await;
            // It then stands there until its lease ends.
            if let Err(refusal) = left {
                tracing::debug!(?refusal, "a place in a line was not given up");
            }
        });
    }
}

/// The moment by which a step must be done.
fn step() -> Instant {
    Instant::now() + STEP_TIMEOUT
}

/// That a key is the one that was made at a revision; 0: that it is not there.
pub(super) fn was_created(key: &Bytes, revision: i64) -> Compare {
    Compare {
        range: KeyRange::single(key.clone()),
        relation: Relation::Equal,
        target: CompareTarget::CreateRevision(revision),
    }
}

/// Reads one key.
pub(super) fn one(key: Bytes) -> RangeQuery {
    RangeQuery { range: KeyRange::single(key), ..all(Bytes::new()) }
}

/// Deletes one key.
pub(super) fn delete(key: Bytes) -> DeleteRange {
    DeleteRange { range: KeyRange::single(key), with_previous: false }
}

fn all(prefix: Bytes) -> RangeQuery {
    RangeQuery {
        range: KeyRange::prefix(prefix),
        revision: None,
        limit: 0,
        sort: None,
        bounds: RevisionBounds::default(),
        keys_only: false,
        count_only: false,
    }
}

pub(super) fn closed(closed: WatchClosed) -> Refusal {
    match closed {
        WatchClosed::Closed => RequestError::ShuttingDown { retry_after: Duration::ZERO }.into(),
        WatchClosed::Failed(cause) => RequestError::NodeFailed { cause }.into(),
    }
}

/// A key that may not be empty.
pub(super) fn required(key: Bytes) -> Result<Bytes, Rule> {
    if key.is_empty() { Err(Rule::EmptyKey) } else { Ok(key) }
}
