//! One watch stream at each of the two: what both are told must be the same.
//!
//! A server may put several revisions into one answer or tell them in several, as it happens. Therefore changes are
//! compared as one sequence for each watch, without the headers that they came under; answers without changes (a
//! watch is made, has ended, is so far) are compared one by one.

use std::collections::VecDeque;
use std::pin::Pin;

use conclave_proto::etcd::etcdserverpb::watch_client::WatchClient;
use conclave_proto::etcd::etcdserverpb::watch_request::RequestUnion;
use conclave_proto::etcd::etcdserverpb::{
    WatchCancelRequest, WatchCreateRequest, WatchProgressRequest, WatchRequest, WatchResponse,
};
use conclave_proto::etcd::mvccpb::Event;
use conclave_testkit::wait;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status, Streaming};

use crate::calls::Shifted as _;
use crate::masks::Masked as _;
use crate::pair::{Pair, Side};

/// How many requests wait to be sent.
const REQUESTS_MAX: usize = 64;
/// How large an answer may be, in bytes.
const ANSWER_MAX_BYTES: usize = 64 << 20;

/// A stream at each of the two.
pub(crate) struct Watching {
    first: Stream,
    second: Stream,
}

impl Watching {
    /// Opens both.
    pub(crate) fn open(pair: &mut Pair) -> Self {
        pair.note(&"opens a stream of watches");
        let [first, second] = pair.sides().map(Stream::open);
        Self { first, second }
    }

    /// Makes a watch, and what both said of that.
    pub(crate) async fn create(&mut self, pair: &mut Pair, create: WatchCreateRequest) -> WatchResponse {
        self.send(pair, RequestUnion::CreateRequest(create)).await;
        self.said(pair).await
    }

    /// Ends a watch, and what both said of that.
    pub(crate) async fn cancel(&mut self, pair: &mut Pair, watch_id: i64) -> WatchResponse {
        self.send(pair, RequestUnion::CancelRequest(WatchCancelRequest { watch_id })).await;
        self.said(pair).await
    }

    /// Asks how far the stream is, and what both said of that.
    pub(crate) async fn progress(&mut self, pair: &mut Pair) -> WatchResponse {
        self.send(pair, RequestUnion::ProgressRequest(WatchProgressRequest {})).await;
        self.said(pair).await
    }

    /// Sends a request to both.
    pub(crate) async fn send(&mut self, pair: &mut Pair, request: RequestUnion) {
        pair.note(&request);
        tokio::join!(self.first.send(request.clone()), self.second.send(request));
    }

    /// The next answer without changes.
    pub(crate) async fn said(&mut self, pair: &Pair) -> WatchResponse {
        let (first, second) = tokio::join!(self.first.said(), self.second.said());
        pair.same(first, second).expect("the stream goes on")
    }

    /// The next `count` changes that a watch is told.
    pub(crate) async fn events(&mut self, pair: &Pair, watch_id: i64, count: usize) -> Vec<Event> {
        let (first, second) =
            tokio::join!(self.first.told(watch_id, count), self.second.told(watch_id, count));
        let events = |told: Vec<WatchResponse>| told.into_iter().flat_map(|told| told.events).collect();
        pair.same(first.map(events), second.map(events)).expect("the stream goes on")
    }

    /// The changes that a watch is told, up to those of a revision.
    pub(crate) async fn events_to(&mut self, pair: &Pair, watch_id: i64, revision: i64) -> Vec<Event> {
        let (first, second) =
            tokio::join!(self.first.told_to(watch_id, revision), self.second.told_to(watch_id, revision));
        pair.same(first, second).expect("the stream goes on")
    }

    /// What came and was not asked for.
    pub(crate) fn unasked(&self) -> Vec<&WatchResponse> {
        self.first.waiting.iter().chain(&self.second.waiting).collect()
    }

    /// The answers with the next `count` changes that a watch is told: for each, how many changes, and whether more
    /// of it follows.
    pub(crate) async fn pieces(&mut self, pair: &Pair, watch_id: i64, count: usize) -> Vec<(usize, bool)> {
        let (first, second) =
            tokio::join!(self.first.told(watch_id, count), self.second.told(watch_id, count));
        let piece = |told: WatchResponse| (told.events.len(), told.fragment);
        let pieces = |told: Vec<WatchResponse>| told.into_iter().map(piece).collect();
        pair.same(first.map(pieces), second.map(pieces)).expect("the stream goes on")
    }
}

type Opening = Pin<Box<dyn Future<Output = Result<Response<Streaming<WatchResponse>>, Status>>>>;

/// A stream is open once it has an answer, which a server gives only to a request.
enum Answers {
    Opening(Opening),
    Open(Box<Streaming<WatchResponse>>),
}

impl Answers {
    async fn next(&mut self) -> Result<WatchResponse, Status> {
        if let Self::Opening(opening) = self {
            *self = Self::Open(Box::new(opening.await?.into_inner()));
        }
        let Self::Open(stream) = self else { unreachable!("it was opened above") };
        stream.message().await?.ok_or_else(|| Status::unknown("the stream has ended"))
    }
}

struct Stream {
    side: Side,
    requests: mpsc::Sender<WatchRequest>,
    answers: Answers,
    /// Answers that came while others were waited for.
    waiting: VecDeque<WatchResponse>,
}

impl Stream {
    fn open(side: Side) -> Self {
        let (requests, sent) = mpsc::channel(REQUESTS_MAX);
        let mut client = WatchClient::new(side.channel.clone()).max_decoding_message_size(ANSWER_MAX_BYTES);
        let opening = Box::pin(async move { client.watch(ReceiverStream::new(sent)).await });
        Self { side, requests, answers: Answers::Opening(opening), waiting: VecDeque::new() }
    }

    async fn send(&mut self, mut request: RequestUnion) {
        if let RequestUnion::CreateRequest(create) = &mut request {
            create.shift(self.side.ahead);
        }
        let request = WatchRequest { request_union: Some(request) };
        self.requests.send(request).await.expect("the stream is open");
    }

    async fn said(&mut self) -> Result<WatchResponse, Status> {
        self.next(|answer| answer.events.is_empty()).await
    }

    async fn told(&mut self, watch_id: i64, count: usize) -> Result<Vec<WatchResponse>, Status> {
        let mut told: Vec<WatchResponse> = Vec::new();
        while told.iter().map(|told| told.events.len()).sum::<usize>() < count {
            told.push(self.next(|answer| answer.watch_id == watch_id && !answer.events.is_empty()).await?);
        }
        Ok(told)
    }

    async fn told_to(&mut self, watch_id: i64, revision: i64) -> Result<Vec<Event>, Status> {
        let mut events: Vec<Event> = Vec::new();
        while events.last().is_none_or(|event| revision_of(event) < revision) {
            events.extend(self.told(watch_id, 1).await?.into_iter().flat_map(|told| told.events));
        }
        Ok(events)
    }

    async fn next(&mut self, wanted: impl Fn(&WatchResponse) -> bool) -> Result<WatchResponse, Status> {
        if let Some(at) = self.waiting.iter().position(&wanted) {
            return Ok(self.waiting.remove(at).expect("it was just found"));
        }
        loop {
            let answer = tokio::time::timeout(wait::PATIENCE, self.answers.next()).await;
            let waiting = &self.waiting;
            let mut answer =
                answer.unwrap_or_else(|_| panic!("{} says nothing; before: {waiting:?}", self.side.name))?;
            answer.mask(self.side.ahead);
            if wanted(&answer) {
                return Ok(answer);
            }
            self.waiting.push_back(answer);
        }
    }
}

/// When a change was made.
pub(crate) fn revision_of(event: &Event) -> i64 {
    event.kv.as_ref().expect("every change has a key").mod_revision
}
