//! The request span: one for each request, with its method, its peer, the code of the answer and the time
//! that it took. Each is counted, and one that was slow is a warning. Nothing of what a request carries is
//! ever in it.
//!
//! Spans are of level DEBUG: they are there for a collector of spans, and where such is logged. Warnings tell all of
//! it themselves.
//!
//! For a stream the code and the time are those of its opening.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response, Uri};
use tokio::time::Instant;
use tonic::Code;
use tonic::transport::server::TcpConnectInfo;
use tower::{Layer, Service};
use tracing::Span;
use tracing::field::Empty;

use crate::rpc_metrics::RpcMetrics;

/// Longest path that is noted, in bytes: a caller chooses it.
const PATH_SIZE_BYTES_MAX: usize = 128;

/// Puts each request into a span of its own, counts it, and warns of those that were slow.
#[derive(Debug, Clone)]
pub struct RequestSpanLayer {
    teller: Teller,
}

/// Tells how a request was answered.
#[derive(Debug, Clone)]
struct Teller {
    metrics: RpcMetrics,
    slow: Duration,
}

impl RequestSpanLayer {
    /// Requests are counted in `metrics`; one that takes `slow` or longer is logged. Zero: none is.
    pub fn new(metrics: RpcMetrics, slow: Duration) -> Self {
        Self { teller: Teller { metrics, slow } }
    }
}

impl<S> Layer<S> for RequestSpanLayer {
    type Service = RequestSpan<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestSpan { inner, teller: self.teller.clone() }
    }
}

/// A service each of whose requests has a span of its own.
#[derive(Debug, Clone)]
pub struct RequestSpan<S> {
    inner: S,
    teller: Teller,
}

impl<S, B, R> Service<Request<B>> for RequestSpan<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Spanned<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let asked = Asked::by(&request);
        let span = asked.span();
        let began = Instant::now();
        let inner = span.in_scope(|| self.inner.call(request));
        Spanned { inner: Box::pin(inner), span, asked, began, teller: self.teller.clone() }
    }
}

/// As much of a path as is noted.
fn cut(path: &str) -> &str {
    &path[..path.floor_char_boundary(PATH_SIZE_BYTES_MAX)]
}

/// What was asked, and by whom.
struct Asked {
    uri: Uri,
    peer: Option<SocketAddr>,
}

impl Asked {
    fn by<B>(request: &Request<B>) -> Self {
        let connection = request.extensions().get::<TcpConnectInfo>();
        Self { uri: request.uri().clone(), peer: connection.and_then(TcpConnectInfo::remote_addr) }
    }

    fn path(&self) -> &str {
        cut(self.uri.path())
    }

    fn span(&self) -> Span {
        let (rpc, peer) = (self.path(), self.peer.map(tracing::field::display));
        tracing::debug_span!("request", rpc, peer, code = Empty, elapsed_us = Empty)
    }
}

/// An answer to come, within its span.
pub struct Spanned<F> {
    inner: Pin<Box<F>>,
    span: Span,
    asked: Asked,
    began: Instant,
    teller: Teller,
}

impl<F, R, E> Future for Spanned<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let _entered = this.span.enter();
        let answer = ready!(this.inner.as_mut().poll(context));
        if let Ok(answer) = &answer {
            this.teller.tell(&this.span, &this.asked, code_of(answer), this.began.elapsed());
        }
        Poll::Ready(answer)
    }
}

impl Teller {
    fn tell(&self, span: &Span, asked: &Asked, code: Code, elapsed: Duration) {
        let rpc = asked.path();
        self.metrics.note(rpc, code, elapsed);
        let elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        if !span.is_disabled() {
            span.record("code", tracing::field::debug(code)).record("elapsed_us", elapsed_us);
        }
        let peer = asked.peer.map(tracing::field::display);
        match code {
            // Never sent on purpose: whoever sees one has found a mistake in the node.
            Code::Internal | Code::Unknown | Code::DataLoss => {
                tracing::warn!(rpc, peer, ?code, elapsed_us, "answered");
            }
            _ if !self.slow.is_zero() && elapsed >= self.slow => {
                tracing::warn!(rpc, peer, ?code, elapsed_us, "slow request");
            }
            _ => tracing::debug!("answered"),
        }
    }
}

/// An answer without a status in its head is one that has a message to give.
fn code_of<R>(answer: &Response<R>) -> Code {
    let status = answer.headers().get("grpc-status");
    // Not of gRPC, and no page that is there.
    let without = if answer.status().is_success() { Code::Ok } else { Code::Unimplemented };
    status.map_or(without, |status| Code::from_bytes(status.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::io;
    use std::sync::{Arc, Mutex};

    use prometheus_client::registry::Registry;
    use tower::{ServiceExt as _, service_fn};
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    /// Keeps what is logged.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Lines {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    /// What is logged of a call that is answered with this status.
    fn logged(path: &str, status: Option<&'static str>) -> String {
        logged_with(Duration::ZERO, path, status)
    }

    fn logged_with(slow: Duration, path: &str, status: Option<&'static str>) -> String {
        let lines = Lines::default();
        let log = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
        let _guard = tracing::subscriber::set_default(log.with_writer(lines.clone()).finish());
        let request = Request::builder().uri(path).header("authorization", "secret").body("value").unwrap();
        let answering = service_fn(move |_: Request<&'static str>| async move {
            let answer = Response::builder().header("content-type", "application/grpc");
            let answer = status.into_iter().fold(answer, |answer, it| answer.header("grpc-status", it));
            Ok::<_, Infallible>(answer.body("value").unwrap())
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let layer = RequestSpanLayer::new(RpcMetrics::register(&mut Registry::default()), slow);
        runtime.block_on(layer.layer(answering).oneshot(request)).unwrap();
        let written = lines.0.lock().unwrap().clone();
        String::from_utf8(written).unwrap()
    }

    #[test]
    fn method_code_and_time_are_told_and_nothing_of_the_content() {
        let line = logged("/conclave.config.v1.ConfigService/Get", None);
        for part in ["/conclave.config.v1.ConfigService/Get", "code=Ok", "elapsed_us=", "answered"] {
            assert!(line.contains(part), "{part} in {line}");
        }
        for part in ["secret", "value"] {
            assert!(!line.contains(part), "{part} in {line}");
        }
    }

    #[test]
    fn what_is_never_sent_on_purpose_is_a_warning() {
        assert!(logged("/a.B/C", Some("5")).contains("DEBUG"));
        assert!(logged("/a.B/C", Some("13")).contains("WARN"));
        assert!(logged("/a.B/C", Some("5")).contains("code=NotFound"));
    }

    #[test]
    fn slow_requests_are_a_warning() {
        let line = logged_with(Duration::from_nanos(1), "/a.B/C", None);
        assert!(line.contains("WARN") && line.contains("slow request"), "{line}");
        assert!(logged_with(Duration::from_secs(60), "/a.B/C", None).contains("DEBUG"));
    }

    #[test]
    fn a_long_path_is_cut() {
        let line = logged(&format!("/{}", "x".repeat(1_000)), None);
        assert!(line.contains(&"x".repeat(127)) && !line.contains(&"x".repeat(128)), "{line}");
    }
}
