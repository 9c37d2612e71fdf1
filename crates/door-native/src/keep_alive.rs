//! The stream of renewals: each request is answered, in order.
//!
//! It is pulled by the client: what is not read of the answers is not renewed, and of the requests no more are taken in
//! than may be under way. So a client that only sends costs no more than that.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use conclave_core::LeaseId;
use conclave_door::{Ends, Limits, Place, Refusal};
use conclave_node::RequestError;
use conclave_proto::lock::v1 as wire;
use futures::{Stream, StreamExt as _, stream};
use tokio::time::Instant;
use tonic::Status;

use crate::lock_wire::session_id;

/// How long a renewal may take before the client is sent to another node.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(3);

/// What renewals are answered with.
pub(crate) type KeepAliveStream = Pin<Box<dyn Stream<Item = Result<wire::KeepAliveResponse, Status>> + Send>>;

/// What one stream of renewals is served with.
pub(crate) struct Renewals {
    pub(crate) limits: Arc<Limits>,
    pub(crate) ends: Ends,
    pub(crate) place: Place,
}

impl Renewals {
    /// The answers, up to a failure, which is the last of them.
    pub(crate) fn answer<R, F>(
        self,
        requests: impl Stream<Item = Result<wire::KeepAliveRequest, Status>> + Send + 'static,
        renew: R,
    ) -> KeepAliveStream
    where
        R: Fn(LeaseId, Instant) -> F + Clone + Send + 'static,
        F: Future<Output = Result<Option<u64>, RequestError>> + Send,
    {
        let Self { limits, ends, place } = self;
        let answers = requests.map(move |request| answer(request, Arc::clone(&limits), renew.clone()));
        let answers = Box::pin(answers.buffered(Limits::RENEWALS_UNDER_WAY_MAX));
        Box::pin(stream::unfold(Some((answers, ends, place)), |open| async {
            let (mut answers, mut ends, place) = open?;
            let answer = tokio::select! {
                biased;
                error = ends.come() => Err(Refusal::from(error).into()),
                answer = answers.next() => answer?,
            };
            let open = answer.is_ok().then_some((answers, ends, place));
            Some((answer, open))
        }))
    }
}

async fn answer<R, F>(
    request: Result<wire::KeepAliveRequest, Status>,
    limits: Arc<Limits>,
    renew: R,
) -> Result<wire::KeepAliveResponse, Status>
where
    R: Fn(LeaseId, Instant) -> F,
    F: Future<Output = Result<Option<u64>, RequestError>>,
{
    let id = session_id(request?.session_id, &limits)?;
    let renewed = renew(id, Instant::now() + RENEWAL_TIMEOUT).await.map_err(Refusal::from)?;
    Ok(wire::KeepAliveResponse { session_id: id.get(), ttl_ms: renewed.unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use conclave_door::Places;
    use conclave_node::Readiness;
    use tokio::sync::watch;
    use tokio_util::sync::CancellationToken;
    use tonic::Code;

    use super::*;

    fn renewals() -> Renewals {
        let place = Places::new("streams of renewals", 1).take().unwrap();
        let readiness = watch::Sender::new(Readiness::Ready);
        let ends = Ends::new(readiness.subscribe(), Duration::MAX, &CancellationToken::new());
        // Its node never goes.
        std::mem::forget(readiness);
        Renewals { limits: Arc::new(Limits::default()), ends, place }
    }

    fn request(session_id: u64) -> Result<wire::KeepAliveRequest, Status> {
        Ok(wire::KeepAliveRequest { session_id })
    }

    /// Odd sessions there are; even ones there are not. The first takes longest.
    async fn renew(id: LeaseId, deadline: Instant) -> Result<Option<u64>, RequestError> {
        assert_eq!(deadline - Instant::now(), RENEWAL_TIMEOUT);
        tokio::time::sleep(Duration::from_millis(100 / id.get())).await;
        Ok((id.get() % 2 == 1).then_some(1_000))
    }

    #[tokio::test(start_paused = true)]
    async fn each_request_is_answered_in_order() {
        let requests = stream::iter([1, 2, 3, 4].map(request));
        let answers: Vec<_> = renewals().answer(requests, renew).map(Result::unwrap).collect().await;
        let told: Vec<_> = answers.iter().map(|answer| (answer.session_id, answer.ttl_ms)).collect();
        assert_eq!(told, [(1, 1_000), (2, 0), (3, 1_000), (4, 0)]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_failure_ends_the_stream() {
        let requests = stream::iter([1, 0, 3].map(request));
        let answers: Vec<_> = renewals().answer(requests, renew).collect().await;
        assert_eq!(answers.len(), 2);
        assert_eq!(answers[1].as_ref().unwrap_err().code(), Code::InvalidArgument);

        let failing = |_, _| async { Err(RequestError::OutcomeUnknown) };
        let requests = stream::iter([1, 2].map(request));
        let answers: Vec<_> = renewals().answer(requests, failing).collect().await;
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].as_ref().unwrap_err().code(), Code::Unavailable);
    }

    #[tokio::test]
    async fn of_requests_without_end_so_many_are_taken_in() {
        static TAKEN: AtomicUsize = AtomicUsize::new(0);
        let requests = stream::repeat_with(|| {
            TAKEN.fetch_add(1, Ordering::Relaxed);
            request(1)
        });
        let never = |_, _| std::future::pending();
        let mut answers = renewals().answer(requests, never);
        assert!(futures::poll!(answers.next()).is_pending());
        assert_eq!(TAKEN.load(Ordering::Relaxed), Limits::RENEWALS_UNDER_WAY_MAX);
    }
}
