//! Many AppendEntries to one follower over one stream, without waiting for one another.
//!
//! The stream is opened when there is something to send and closed when there was nothing for a while. A
//! follower that owes an answer and gives none for some time is given up; openraft then begins anew.

use std::time::Duration;

use conclave_proto::raft::v1 as proto;
use futures::stream::{self, Stream, StreamExt};
use openraft::errors::RPCError;
use openraft::raft::{AppendEntriesRequest, StreamAppendResult};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tonic::Streaming;

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
) -> impl Stream<Item = Rpc<StreamAppendResult<TypeConfig>>> + Send
where
    S: Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + Unpin + 'static,
{
    let session = Session { client, answer_timeout, state: State::Waiting(input) };
    stream::unfold(session, Session::next)
}

struct Session<S> {
    client: PeerClient,
    answer_timeout: Duration,
    state: State<S>,
}

enum State<S> {
    /// Nothing was sent yet.
    Waiting(S),
    Open(Open),
    Ended,
}

struct Open {
    answers: Streaming<proto::AppendEntriesResponse>,
    answered: u64,
    /// How many requests were sent.
    sent: watch::Receiver<u64>,
}

impl<S> Session<S>
where
    S: Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + Unpin + 'static,
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

    async fn open(&mut self, first: AppendEntriesRequest<TypeConfig>, rest: S) -> Rpc<Open> {
        let (sent, watched) = watch::channel(0);
        let calling = self.client.stream_append(outgoing(first, rest, sent));
        let answers = timeout(self.answer_timeout, calling).await.map_err(|_| unanswered())?;
        let answers = answers.map_err(PeerFailure::from)?.into_inner();
        Ok(Open { answers, answered: 0, sent: watched })
    }
}

impl Open {
    async fn answer(&mut self, answer_timeout: Duration) -> Rpc<Option<StreamAppendResult<TypeConfig>>> {
        let message = tokio::select! {
            message = self.answers.message() => message.map_err(PeerFailure::from)?,
            () = overdue(&mut self.sent, self.answered, answer_timeout) => return Err(unanswered()),
        };
        let Some(message) = message else { return Ok(None) };
        self.answered += 1;
        Ok(Some(appended_from_wire(message).map_err(PeerFailure::from)?))
    }
}

/// Ends when an answer has been owed for `answer_timeout`. The end of the requests is owed an answer too.
async fn overdue(sent: &mut watch::Receiver<u64>, answered: u64, answer_timeout: Duration) {
    // An error means that nothing more is sent.
    let _ = sent.wait_for(|sent| *sent > answered).await;
    sleep(answer_timeout).await;
}

/// The requests as they are sent, until there is none for a while.
fn outgoing<S>(
    first: AppendEntriesRequest<TypeConfig>,
    rest: S,
    sent: watch::Sender<u64>,
) -> impl Stream<Item = proto::AppendEntriesRequest> + Send + 'static
where
    S: Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + Unpin + 'static,
{
    stream::unfold((Some(first), rest, sent), |(first, mut rest, sent)| async move {
        let request = match first {
            Some(first) => first,
            None => timeout(IDLE_TIMEOUT, rest.next()).await.ok().flatten()?,
        };
        sent.send_modify(|sent| *sent += 1);
        Some((append_to_wire(request), (None, rest, sent)))
    })
}
