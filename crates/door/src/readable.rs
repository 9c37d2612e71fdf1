//! Says clearly that a request could not be decoded.
//!
//! tonic answers INTERNAL to a request without the message of its call and OUT_OF_RANGE to one that is too
//! large, which reads as if the node were broken. Both are the caller's, and become INVALID_ARGUMENT here, as
//! what is no such message does in [`BoundedCodec`](crate::BoundedCodec).

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tonic::server::NamedService;
use tower::Service;

use crate::status::unreadable;

/// A gRPC service whose refusals of unreadable requests are clear.
#[derive(Debug, Clone)]
pub struct Readable<S> {
    inner: S,
}

impl<S> Readable<S> {
    /// Wraps a service.
    pub fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S: NamedService> NamedService for Readable<S> {
    const NAME: &'static str = S::NAME;
}

impl<S, B> Service<Request<B>> for Readable<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
    S::Future: Unpin,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Answering { inner: self.inner.call(request) }
    }
}

/// The answer to come.
#[derive(Debug)]
pub struct Answering<F> {
    inner: F,
}

impl<F, E> Future for Answering<F>
where
    F: Future<Output = Result<Response<Body>, E>> + Unpin,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.inner).poll(context));
        Poll::Ready(answer.map(clear))
    }
}

/// tonic leaves the status that a whole answer consists of among the answer's extensions.
fn clear(answer: Response<Body>) -> Response<Body> {
    match answer.extensions().get::<Status>().and_then(unreadable) {
        Some(status) => status.into_http(),
        None => answer,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::{Ready, ready};

    use tonic::Code;
    use tonic_types::StatusExt as _;
    use tower::{ServiceExt as _, service_fn};

    use super::*;
    use crate::status::tests::made_by_tonic;
    use crate::{Refusal, Violations};

    async fn answered(status: Status) -> Status {
        let answering = move |_: Request<()>| -> Ready<Result<Response<Body>, Infallible>> {
            ready(Ok(status.clone().into_http()))
        };
        let answer = Readable::new(service_fn(answering)).oneshot(Request::new(())).await.unwrap();
        let told = answer.extensions().get::<Status>().cloned().unwrap();
        let code = answer.headers()["grpc-status"].to_str().unwrap();
        assert_eq!(code, (told.code() as i32).to_string(), "the head says the same");
        told
    }

    #[tokio::test]
    async fn what_tonic_cannot_decode_is_the_callers_mistake() {
        for (code, message) in [(Code::Internal, "invalid string value"), (Code::OutOfRange, "too large")] {
            let told = answered(made_by_tonic(code, message)).await;
            assert_eq!(told.code(), Code::InvalidArgument);
            assert_eq!(told.get_details_error_info().unwrap().reason, "invalid-argument");
            assert!(told.message().ends_with(message), "{told}");
        }
    }

    #[tokio::test]
    async fn other_statuses_pass() {
        assert_eq!(answered(made_by_tonic(Code::Unimplemented, "no")).await.code(), Code::Unimplemented);
        let ours: Status = Refusal::from(Violations::one("key", "is empty")).into();
        assert_eq!(answered(ours.clone()).await.message(), ours.message());
    }
}
