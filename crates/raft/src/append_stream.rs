//! Many AppendEntries to one follower over one stream, without waiting for one another.
//!
//! The stream is opened when there is something to send and closed when there was nothing for a while. A
//! follower that owes an answer and gives none for some time is given up; openraft then begins anew.
//!
//! The requests end with the answers: whoever drops these must not leave the others to the connection, which
//! would go on asking openraft for them, or keep them: openraft waits for their end before it begins anew. A leader
//! that has stopped would keep its followers waiting so, and one whose follower takes nothing would never send to it
//! again.

use std::time::Duration;

use conclave_proto::raft::v1 as proto;
use futures::future;
use futures::stream::{self, Stream, StreamExt};
use openraft::entry::RaftEntry;
use openraft::errors::RPCError;
use openraft::raft::{AppendEntriesRequest, StreamAppendResult};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tonic::Streaming;

use crate::append_pace::{AppendPace, Backlog};
use crate::lent::{Lender, Lent, lend};
use crate::log_adapter::LogAdapter;
use crate::peer_channel::PeerClient;
use crate::peer_network::{PeerFailure, unanswered};
use crate::peer_wire::{append_to_wire, appended_from_wire};
use crate::type_config::TypeConfig;

/// A stream without a request for so long is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

type Rpc<T> = Result<T, RPCError<TypeConfig>>;

/// Sends the requests of `input` and gives the answers, in order.
pub(crate) fn stream_append<S>(
    client: PeerClient,
    input: S,
    answer_timeout: Duration,
    log: LogAdapter,
) -> impl Stream<Item = Rpc<StreamAppendResult<TypeConfig>>> + Send
where
    S: Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + Unpin + 'static,
{
    let kept = log.clone();
    let (lender, lent) = lend(until_purged(input, move |request| is_purged(request, &kept)));
    let session = Session { client, answer_timeout, log, state: State::Waiting(lent), _lender: lender };
    stream::unfold(session, Session::next)
}

struct Session<S> {
    client: PeerClient,
    answer_timeout: Duration,
    log: LogAdapter,
    state: State<S>,
    /// Takes the requests back in the end.
    _lender: Lender<S>,
}

enum State<S> {
    /// Nothing was sent yet.
    Waiting(Lent<S>),
    Open(Box<Open>),
    Ended,
}

struct Open {
    answers: Streaming<proto::AppendEntriesResponse>,
    answered: watch::Sender<u64>,
    /// How many requests were sent.
    sent: watch::Receiver<u64>,
}

impl<S> Session<S>
where
    S: Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + 'static,
{
    async fn next(mut self) -> Option<(Rpc<StreamAppendResult<TypeConfig>>, Self)> {
        let answer = match self.advance().await {
            Ok(answer) => Ok(answer?),
            Err(error) => Err(error),
        };
        // After a conflict, a higher vote or a failure, nothing more is answered.
        if !matches!(answer, Ok(Ok(_))) {
            self.state = State::Ended;
        }
        Some((answer, self))
    }

    /// The next answer; none at the end.
    async fn advance(&mut self) -> Rpc<Option<StreamAppendResult<TypeConfig>>> {
        let mut open = match std::mem::replace(&mut self.state, State::Ended) {
            State::Ended => return Ok(None),
            State::Open(open) => open,
            State::Waiting(mut input) => match input.next().await {
                None => return Ok(None),
                Some(first) => self.open(first, input).await?,
            },
        };
        let answer = open.answer(self.answer_timeout).await?;
        self.state = State::Open(open);
        Ok(answer)
    }

    async fn open(&mut self, first: AppendEntriesRequest<TypeConfig>, rest: Lent<S>) -> Rpc<Box<Open>> {
        let ((sent, watched), (answered, is_answered)) = (watch::channel(0), watch::channel(0));
        let log = self.log.clone();
        let backlog = move |request: &_| backlog(request, &log);
        let requests = outgoing(first, rest, AppendPace::new(sent, is_answered), backlog);
        let calling = self.client.stream_append(requests);
        let answers = timeout(self.answer_timeout, calling).await.map_err(|_| unanswered())?;
        let answers = answers.map_err(PeerFailure::from)?.into_inner();
        Ok(Box::new(Open { answers, answered, sent: watched }))
    }
}

impl Open {
    async fn answer(&mut self, answer_timeout: Duration) -> Rpc<Option<StreamAppendResult<TypeConfig>>> {
        let answered = *self.answered.borrow();
        let message = tokio::select! {
            message = self.answers.message() => message.map_err(PeerFailure::from)?,
            () = overdue(&mut self.sent, answered, answer_timeout) => return Err(unanswered()),
        };
        let Some(message) = message else { return Ok(None) };
        self.answered.send_replace(answered + 1);
        Ok(Some(appended_from_wire(message).map_err(PeerFailure::from)?))
    }
}

/// Ends when an answer has been owed for `answer_timeout`. The end of the requests is owed an answer too.
async fn overdue(sent: &mut watch::Receiver<u64>, answered: u64, answer_timeout: Duration) {
    // An error means that nothing more is sent.
    let _ = sent.wait_for(|sent| *sent > answered).await;
    sleep(answer_timeout).await;
}

/// The requests as they are sent, until there is none for a while. `backlog` is what the follower lacks after one.
fn outgoing<S, B>(
    first: AppendEntriesRequest<TypeConfig>,
    rest: S,
    pace: AppendPace,
    backlog: B,
) -> impl Stream<Item = proto::AppendEntriesRequest> + Send + 'static
where
    S: Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + Unpin + 'static,
    B: Fn(&AppendEntriesRequest<TypeConfig>) -> Backlog + Send + 'static,
{
    stream::unfold((Some(first), rest, pace, backlog), |(first, mut rest, mut pace, backlog)| async move {
        let request = match first {
            Some(first) => first,
            None => {
                pace.turn().await;
                timeout(IDLE_TIMEOUT, rest.next()).await.ok().flatten()?
            }
        };
        pace.note(backlog(&request));
        Some((append_to_wire(request), (None, rest, pace, backlog)))
    })
}

/// The requests until two in a row bring nothing although the follower lacks what the log does not have any more.
///
/// The engine would go on with such a sending for ever: it reads nothing, sends that, and only looks for what else it is
/// to do when the requests end. The follower would stay where it is, also after a snapshot.
fn until_purged<S>(
    requests: S,
    is_purged: impl Fn(&AppendEntriesRequest<TypeConfig>) -> bool,
) -> impl Stream<Item = AppendEntriesRequest<TypeConfig>>
where
    S: Stream<Item = AppendEntriesRequest<TypeConfig>>,
{
    requests.scan(false, move |was_purged, request| {
        let is_purged = is_purged(&request);
        let ends = is_purged && *was_purged;
        *was_purged = is_purged;
        future::ready((!ends).then_some(request))
    })
}

/// Whether the request brings nothing, and what would come next is not in the log any more.
fn is_purged(request: &AppendEntriesRequest<TypeConfig>, log: &LogAdapter) -> bool {
    let next = request.prev_log_id.map_or(0, |log_id| log_id.index() + 1);
    request.entries.is_empty() && log.has_purged(next)
}

fn backlog(request: &AppendEntriesRequest<TypeConfig>, log: &LogAdapter) -> Backlog {
    let last = request.entries.last().map(RaftEntry::index);
    last.or_else(|| request.prev_log_id.map(|log_id| log_id.index()))
        .map_or_else(Backlog::default, |last| log.backlog_after(last))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::Instant;

    use super::*;
    use crate::codec::vote;

    fn request() -> AppendEntriesRequest<TypeConfig> {
        let (prev_log_id, leader_commit, entries) = (None, None, Vec::new());
        AppendEntriesRequest { vote: vote(1, 1, true), prev_log_id, entries, leader_commit }
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_stream_ends() {
        let began = Instant::now();
        let ((sent, watched), (_answered, is_answered)) = (watch::channel(0), watch::channel(0));
        let rest = stream::iter([request()]).chain(stream::pending());
        let pace = AppendPace::new(sent, is_answered);
        let requests = outgoing(request(), rest, pace, |_: &_| Backlog::default());
        assert_eq!(requests.count().await, 2);
        assert_eq!(*watched.borrow(), 2);
        assert_eq!(began.elapsed(), IDLE_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_follower_far_behind_gets_the_next_request_after_its_answer() {
        let ((sent, _watched), (answered, is_answered)) = (watch::channel(0), watch::channel(0));
        let far = Backlog { entries: u64::MAX, size_bytes: 0 };
        let (rest, pace) = (stream::iter([request()]), AppendPace::new(sent, is_answered));
        let mut requests = Box::pin(outgoing(request(), rest, pace, move |_: &_| far));
        assert!(requests.next().await.is_some());
        let early = timeout(IDLE_TIMEOUT, requests.next()).await;
        assert!(early.is_err(), "it was not answered");
        answered.send_replace(1);
        assert!(requests.next().await.is_some());
    }

    #[tokio::test]
    async fn requests_end_when_what_comes_next_is_not_in_the_log_any_more() {
        let sent = |purged: &'static [bool]| async move {
            let seen = AtomicUsize::new(0);
            let is_purged = move |_: &_| purged[seen.fetch_add(1, Ordering::Relaxed)];
            until_purged(stream::iter(purged).map(|_| request()), is_purged).count().await
        };
        assert_eq!(sent(&[false, true, false, true, false]).await, 5, "a heartbeat may be sent at any time");
        assert_eq!(sent(&[true, false, true, true, true, false]).await, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_overdue_only_if_it_is_owed() {
        let limit = Duration::from_secs(1);
        let (sent, mut watched) = watch::channel(3);
        let quiet = timeout(limit * 100, overdue(&mut watched, 3, limit)).await;
        assert!(quiet.is_err(), "all is answered");
        let began = Instant::now();
        sent.send_replace(4);
        overdue(&mut watched, 3, limit).await;
        assert_eq!(began.elapsed(), limit);
        drop(sent);
        overdue(&mut watched, 4, limit).await;
        assert_eq!(began.elapsed(), limit * 2, "the end is owed too");
    }
}
