//! The KV service: keys are read, put, deleted, in transactions too, and their past is given up.

use conclave_core::auth::{Caller, may_read};
use conclave_core::kv::{
    self, Done, KvCommand, KvOutcome, KvRejection, Operation, PutLease, RangeFound, RangeQuery, Txn, TxnDone,
};
use conclave_core::lock::HeldLock;
use conclave_core::{Command, GuardedKeys, Outcome, Rejection, lease, may_do_txn};
use conclave_door::end_of;
use conclave_mvcc::{ReadMap, Revision};
use conclave_node::{Consistency, NodeHandle, RequestError};
use conclave_proto::etcd::etcdserverpb as wire;
use futures::stream;
use futures::stream::BoxStream;
use prost::Message;
use tokio::time::{Duration, Instant, sleep};
use tonic::{Request, Response, Status};

use crate::caller::{by, caller};
use crate::calls::{Answer, deadline, other_answer};
use crate::header::header;
use crate::held::held_locks;
use crate::kv_wire;
use crate::refusal::{Refusal, Rule};
use crate::servers::etcdserverpb::kv_server::Kv;

/// Largest request that changes something, in bytes: etcd's default.
const REQUEST_SIZE_BYTES_MAX: usize = 1_572_864;
/// What a log entry of etcd has around its request, in bytes: it counts too.
const ENTRY_SIZE_BYTES: usize = 32;
/// Size at which a piece of a streamed range is cut, in bytes.
const PIECE_SIZE_BYTES_MAX: usize = 1 << 20;

/// How often it is looked whether what was given up was removed.
const SWEPT_LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// How long one look may take.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);

/// Answers `etcdserverpb.KV`.
#[derive(Clone)]
pub(crate) struct KvDoor {
    node: NodeHandle,
}

impl KvDoor {
    pub(crate) fn new(node: NodeHandle) -> Self {
        Self { node }
    }

    /// Who asks, and until when.
    async fn terms<T>(&self, request: &Request<T>) -> Result<Terms, Refusal> {
        let deadline = deadline(request)?;
        let held = held_locks(request.metadata())?;
        let caller = caller(&self.node, request.metadata(), deadline).await?;
        Ok(Terms { caller, held, deadline })
    }

    /// Reads a range.
    async fn read(&self, request: wire::RangeRequest, terms: Terms) -> Result<wire::RangeResponse, Refusal> {
        let consistency = if request.serializable { Consistency::Local } else { Consistency::Linearizable };
        let found = self.find_as(kv_wire::range(request)?, consistency, terms).await?;
        let header = header(&self.node, found.revision);
        Ok(wire::RangeResponse { header, ..kv_wire::range_answer(found) })
    }

    /// The keys that a query asks for, as they are now.
    pub(crate) async fn find(&self, query: RangeQuery, terms: Terms) -> Result<RangeFound, Refusal> {
        self.find_as(query, Consistency::Linearizable, terms).await
    }

    async fn find_as(
        &self,
        query: RangeQuery,
        consistency: Consistency,
        Terms { caller, deadline, .. }: Terms,
    ) -> Result<RangeFound, Refusal> {
        let read = move |view: &dyn ReadMap| match may_read(view, caller.as_ref(), &query.range)? {
            Ok(()) => kv::range(view, &query),
            Err(rejection) => Ok(Err(rejection)),
        };
        Ok(self.node.read(consistency, deadline, read).await??)
    }

    /// Does a transaction that changes something.
    pub(crate) async fn change(&self, txn: Txn, terms: Terms) -> Result<(Revision, TxnDone), Refusal> {
        match self.propose(KvCommand::Txn(txn), terms).await? {
            KvOutcome::Txn { revision, done } => Ok((revision, done)),
            KvOutcome::Compacted { .. } | KvOutcome::Swept(_) => Err(other_answer()),
        }
    }

    /// Does one operation.
    async fn change_one(&self, operation: Operation, terms: Terms) -> Result<(Revision, Done), Refusal> {
        let txn = Txn { success: vec![operation], ..Txn::default() };
        let (revision, mut done) = self.change(txn, terms).await?;
        Ok((revision, done.done.pop().ok_or_else(other_answer)?))
    }

    /// Waits until what a compaction gave up was removed, as long as the client does. It is removed also if nobody
    /// waits any more.
    async fn until_swept(&self, revision: Revision, end: Option<Instant>) -> Result<(), Refusal> {
        loop {
            let deadline = Instant::now() + LOOK_TIMEOUT;
            if self.node.read(Consistency::Local, deadline, kv::swept).await? >= revision {
                return Ok(());
            }
            if end.is_some_and(|end| end <= Instant::now() + SWEPT_LOOK_INTERVAL) {
                return Err(RequestError::DeadlineExceeded.into());
            }
            sleep(SWEPT_LOOK_INTERVAL).await;
        }
    }

    /// What etcd looks at first of a put that is refused for two reasons: its lease.
    async fn first_refusal(&self, refusal: Refusal, lease: PutLease, deadline: Instant) -> Refusal {
        let (Refusal::Rejection(Rejection::Kv(KvRejection::KeyNotFound)), PutLease::On(id)) =
            (&refusal, lease)
        else {
            return refusal;
        };
        let read = move |view: &dyn ReadMap| Ok(lease::get(view, id)?.is_some());
        match self.node.read(Consistency::Linearizable, deadline, read).await {
            Ok(false) => Rejection::from(KvRejection::LeaseNotFound { id: id.get() }).into(),
            Ok(true) | Err(_) => refusal,
        }
    }

    async fn propose(&self, command: KvCommand, terms: Terms) -> Result<KvOutcome, Refusal> {
        let Terms { caller, held, deadline } = terms;
        let command = match held.is_empty() {
            true => Command::Kv(command),
            false => Command::GuardedKeys(GuardedKeys { held, command }),
        };
        let command = by(caller, command);
        match self.node.propose_once(command, deadline).await?? {
            Outcome::Kv(outcome) => Ok(outcome),
            _ => Err(other_answer()),
        }
    }

    async fn do_txn(&self, request: wire::TxnRequest, terms: Terms) -> Result<(Revision, TxnDone), Refusal> {
        let (size_bytes, is_local) = (request.encoded_len(), kv_wire::is_local(&request));
        let txn = kv_wire::txn(request)?;
        // Whether locks are held is known where it is written, also of what only reads.
        if !txn.is_read_only() || !terms.held.is_empty() {
            check_size(size_bytes)?;
            return self.change(txn, terms).await;
        }
        let consistency = if is_local { Consistency::Local } else { Consistency::Linearizable };
        let Terms { caller, deadline, .. } = terms;
        let read = move |view: &dyn ReadMap| match may_do_txn(view, caller.as_ref(), &txn)? {
            Ok(()) => kv::read_txn(view, &txn),
            Err(rejection) => Ok(Err(rejection)),
        };
        Ok(self.node.read(consistency, deadline, read).await??)
    }
}

/// On what terms a request is answered.
pub(crate) struct Terms {
    pub(crate) caller: Option<Caller>,
    /// A change is not done unless these are.
    pub(crate) held: Vec<HeldLock>,
    pub(crate) deadline: Instant,
}

fn check_size(size_bytes: usize) -> Result<(), Rule> {
    if size_bytes + ENTRY_SIZE_BYTES > REQUEST_SIZE_BYTES_MAX { Err(Rule::TooLarge) } else { Ok(()) }
}

#[tonic::async_trait]
impl Kv for KvDoor {
    async fn range(&self, request: Request<wire::RangeRequest>) -> Answer<wire::RangeResponse> {
        let terms = self.terms(&request).await?;
        Ok(Response::new(self.read(request.into_inner(), terms).await?))
    }

    type RangeStreamStream = BoxStream<'static, Result<wire::RangeStreamResponse, Status>>;

    /// The range is read at once, and told in pieces.
    async fn range_stream(&self, request: Request<wire::RangeRequest>) -> Answer<Self::RangeStreamStream> {
        let terms = self.terms(&request).await?;
        let whole = self.read(request.into_inner(), terms).await?;
        Ok(Response::new(Box::pin(stream::iter(pieces(whole).map(Ok)))))
    }

    async fn put(&self, request: Request<wire::PutRequest>) -> Answer<wire::PutResponse> {
        let terms = self.terms(&request).await?;
        let request = request.into_inner();
        let size_bytes = request.encoded_len();
        let put = kv_wire::put(request).map_err(Refusal::from)?;
        check_size(size_bytes).map_err(Refusal::from)?;
        let (lease, deadline) = (put.lease, terms.deadline);
        let (revision, done) = match self.change_one(Operation::Put(put), terms).await {
            Err(refusal) => return Err(self.first_refusal(refusal, lease, deadline).await.into()),
            Ok(done) => done,
        };
        let Done::Put { previous, .. } = done else { return Err(other_answer().into()) };
        let header = header(&self.node, revision);
        Ok(Response::new(wire::PutResponse { header, prev_kv: previous.map(kv_wire::key_value) }))
    }

    async fn delete_range(
        &self,
        request: Request<wire::DeleteRangeRequest>,
    ) -> Answer<wire::DeleteRangeResponse> {
        let terms = self.terms(&request).await?;
        let delete = kv_wire::delete_range(request.into_inner()).map_err(Refusal::from)?;
        let (revision, done) = self.change_one(Operation::DeleteRange(delete), terms).await?;
        let Done::Deleted { deleted, previous, .. } = done else { return Err(other_answer().into()) };
        Ok(Response::new(wire::DeleteRangeResponse {
            header: header(&self.node, revision),
            deleted: deleted.cast_signed(),
            prev_kvs: previous.into_iter().map(kv_wire::key_value).collect(),
        }))
    }

    async fn txn(&self, request: Request<wire::TxnRequest>) -> Answer<wire::TxnResponse> {
        let terms = self.terms(&request).await?;
        let (revision, done) = self.do_txn(request.into_inner(), terms).await?;
        let header = header(&self.node, revision);
        Ok(Response::new(wire::TxnResponse { header, ..kv_wire::txn_answer(done) }))
    }

    async fn compact(&self, request: Request<wire::CompactionRequest>) -> Answer<wire::CompactionResponse> {
        let terms = self.terms(&request).await?;
        let end = end_of(request.metadata()).map_err(|_| Refusal::Deadline)?;
        let request = request.into_inner();
        let is_physical = request.physical;
        let compact = kv_wire::compact(request).map_err(Refusal::from)?;
        match self.propose(KvCommand::Compact(compact), terms).await? {
            KvOutcome::Compacted { revision } => {
                if is_physical {
                    self.until_swept(compact.revision, end).await?;
                }
                Ok(Response::new(wire::CompactionResponse { header: header(&self.node, revision) }))
            }
            KvOutcome::Txn { .. } | KvOutcome::Swept(_) => Err(other_answer().into()),
        }
    }
}

/// A range in pieces: merged they are the whole again.
fn pieces(whole: wire::RangeResponse) -> impl Iterator<Item = wire::RangeStreamResponse> + Send {
    let wire::RangeResponse { header, kvs, more, count } = whole;
    let (mut pieces, mut size_bytes) = (vec![Vec::new()], 0);
    for pair in kvs {
        if size_bytes > PIECE_SIZE_BYTES_MAX {
            pieces.push(Vec::new());
            size_bytes = 0;
        }
        size_bytes += pair.encoded_len();
        pieces.last_mut().expect("there is one from the first on").push(pair);
    }
    let last = pieces.len() - 1;
    pieces.into_iter().enumerate().map(move |(number, kvs)| {
        let range = if number == last {
            wire::RangeResponse { header, kvs, more, count }
        } else {
            wire::RangeResponse { kvs, ..wire::RangeResponse::default() }
        };
        wire::RangeStreamResponse { range_response: Some(range) }
    })
}

#[cfg(test)]
mod tests {
    use conclave_proto::etcd::mvccpb::KeyValue;

    use super::*;

    #[test]
    fn pieces_are_bounded_and_merge_to_the_whole() {
        let pair = |number: usize| KeyValue {
            key: format!("{number}").into(),
            value: vec![0; PIECE_SIZE_BYTES_MAX / 3].into(),
            ..KeyValue::default()
        };
        for (count, expected) in [(0, 1), (1, 1), (3, 1), (4, 2), (5, 2), (20, 7)] {
            let header = Some(wire::ResponseHeader { revision: 7, ..wire::ResponseHeader::default() });
            let kvs: Vec<_> = (0..count).map(pair).collect();
            let whole = wire::RangeResponse { header, kvs, more: true, count: 30 };
            let told: Vec<_> = pieces(whole.clone()).map(|piece| piece.range_response.unwrap()).collect();
            assert!(told.iter().all(|piece| piece.encoded_len() < 2 * PIECE_SIZE_BYTES_MAX));
            assert_eq!(told.len(), expected, "{count}");
            let mut merged = wire::RangeResponse::default();
            for piece in told {
                merged.merge(piece.encode_to_vec().as_slice()).unwrap();
            }
            assert_eq!(merged, whole);
        }
    }
}
