//! Says what etcd's server says where tonic answers by itself, before any service is asked.

use std::convert::Infallible;
use std::error::Error as _;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::NamedService;
use tonic::{Code, Status};

use crate::status::{message_too_large, unknown_method};

/// A gRPC service whose refusals are etcd's throughout.
#[derive(Debug, Clone)]
pub(crate) struct Clear<S> {
    inner: S,
}

impl<S> Clear<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S: NamedService> NamedService for Clear<S> {
    const NAME: &'static str = S::NAME;
}

impl<S, B> Service<http::Request<B>> for Clear<S>
where
    S: Service<http::Request<B>, Response = http::Response<Body>, Error = Infallible> + NamedService,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let uri = request.uri().clone();
        let answering = self.inner.call(request);
        Box::pin(async move {
            let answer = answering.await?;
            let method = uri.path().rsplit('/').next().unwrap_or_default();
            Ok(match by_tonic(&answer) {
                Some(Code::Unimplemented) => unknown_method(method, S::NAME).into_http(),
                Some(Code::OutOfRange) => message_too_large().into_http(),
                _ => answer,
            })
        })
    }
}

/// The code of an answer that tonic has made by itself, if it is one. Refusals of ours have a source.
fn by_tonic(answer: &http::Response<Body>) -> Option<Code> {
    if let Some(status) = answer.extensions().get::<Status>() {
        return status.source().is_none().then(|| status.code());
    }
    let is_unimplemented = answer.headers().get(Status::GRPC_STATUS)?.as_bytes() == UNIMPLEMENTED;
    is_unimplemented.then_some(Code::Unimplemented)
}

/// As the wire has it.
const UNIMPLEMENTED: &[u8] = b"12";

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};

    use super::*;
    use crate::refusal::{Refusal, Rule};

    /// Answers everything so.
    #[derive(Clone)]
    struct Answering(Status);

    impl NamedService for Answering {
        const NAME: &'static str = "etcdserverpb.KV";
    }

    impl Service<http::Request<()>> for Answering {
        type Response = http::Response<Body>;
        type Error = Infallible;
        type Future = Ready<Result<Self::Response, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: http::Request<()>) -> Self::Future {
            ready(Ok(self.0.clone().into_http()))
        }
    }

    async fn told(status: Status) -> (Code, String) {
        let request = http::Request::builder().uri("http://node/etcdserverpb.KV/Nothing").body(()).unwrap();
        let answer = Clear::new(Answering(status)).call(request).await.unwrap();
        let told = answer.extensions().get::<Status>().unwrap();
        assert_eq!(answer.headers()[Status::GRPC_STATUS], (told.code() as i32).to_string());
        (told.code(), told.message().to_owned())
    }

    #[tokio::test]
    async fn what_tonic_says_is_said_in_etcds_words() {
        let unknown = "unknown method Nothing for service etcdserverpb.KV".to_owned();
        assert_eq!(told(Status::unimplemented("")).await, (Code::Unimplemented, unknown));
        let large = "grpc: received message larger than max (2097152)".to_owned();
        assert_eq!(told(Status::out_of_range("too large")).await, (Code::ResourceExhausted, large));
    }

    #[tokio::test]
    async fn what_a_service_says_stays() {
        let compacted = Status::from(Refusal::from(Rule::Compacted));
        let expected = (Code::OutOfRange, compacted.message().to_owned());
        assert_eq!(told(compacted).await, expected);
        let other = Status::internal("no request");
        assert_eq!(told(other).await, (Code::Internal, "no request".to_owned()));
    }
}
