//! What went wrong, as etcd's gateway tells it.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use percent_encoding::percent_decode;
use serde::Serialize;
use tonic::Code;

pub(crate) const JSON: &str = "application/json";
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// Why a call got no answer, or no further one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    code: Code,
    message: String,
}

/// What a call is answered that failed before it answered anything.
#[derive(Serialize)]
struct Refused<'a> {
    error: &'a str,
    code: i32,
    message: &'a str,
}

/// The last text of a stream that failed.
#[derive(Serialize)]
struct Broken<'a> {
    error: BrokenOff<'a>,
}

#[derive(Serialize)]
struct BrokenOff<'a> {
    grpc_code: i32,
    http_code: u16,
    message: &'a str,
    http_status: &'a str,
}

impl Failure {
    /// The request cannot be read.
    pub(crate) fn unreadable(why: impl Into<String>) -> Self {
        Self { code: Code::InvalidArgument, message: why.into() }
    }

    /// The request is larger than requests may be.
    pub(crate) fn too_large(size_bytes: usize, size_bytes_max: usize) -> Self {
        let message = format!("grpc: received message larger than max ({size_bytes} vs. {size_bytes_max})");
        Self { code: Code::ResourceExhausted, message }
    }

    /// Whoever asked does not wait any longer.
    pub(crate) fn late() -> Self {
        Self { code: Code::DeadlineExceeded, message: "context deadline exceeded".into() }
    }

    /// The body of the request broke off.
    pub(crate) fn broken_off() -> Self {
        Self { code: Code::Cancelled, message: "the request broke off".into() }
    }

    /// Whether the body of the request broke off.
    pub(crate) fn is_broken_off(&self) -> bool {
        self.code == Code::Cancelled
    }

    /// The inner router answered what is no answer of gRPC.
    pub(crate) fn garbled(what: &'static str) -> Self {
        Self { code: Code::Internal, message: what.into() }
    }

    /// How a call of gRPC ended, where its headers or trailers tell that.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Result<(), Self>> {
        let code = Code::from_bytes(headers.get(GRPC_STATUS)?.as_bytes());
        if code == Code::Ok {
            return Some(Ok(()));
        }
        let message = headers.get(GRPC_MESSAGE).map(HeaderValue::as_bytes).unwrap_or_default();
        let message = percent_decode(message).decode_utf8_lossy().into_owned();
        Some(Err(Self { code, message }))
    }

    /// The answer of a call that failed before it answered anything.
    pub(crate) fn refused(&self) -> Response {
        let body = Refused { error: &self.message, code: self.code.into(), message: &self.message };
        self.told(text(&body))
    }

    /// The answer of a stream that ended with this before its first message. Of one that was too slow etcd says that
    /// it never began.
    pub(crate) fn broken_at_once(&self) -> Response {
        if self.code == Code::DeadlineExceeded { self.refused() } else { self.told(self.broken()) }
    }

    /// The last text of a stream.
    pub(crate) fn broken(&self) -> Bytes {
        let status = self.http_status();
        let error = BrokenOff {
            grpc_code: self.code.into(),
            http_code: status.as_u16(),
            message: &self.message,
            http_status: status.canonical_reason().unwrap_or_default(),
        };
        text(&Broken { error })
    }

    fn told(&self, body: Bytes) -> Response {
        (self.http_status(), [(CONTENT_TYPE, JSON)], body).into_response()
    }

    /// The table of etcd's gateway.
    fn http_status(&self) -> StatusCode {
        match self.code {
            Code::Ok => StatusCode::OK,
            Code::Cancelled => StatusCode::REQUEST_TIMEOUT,
            Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
            Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
            Code::PermissionDenied => StatusCode::FORBIDDEN,
            Code::Unauthenticated => StatusCode::UNAUTHORIZED,
            Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
            Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
            Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

fn text(body: &impl Serialize) -> Bytes {
    serde_json::to_vec(body).expect("texts and numbers are always JSON").into()
}
