//! The gateway before a small server of gRPC. What is expected was recorded from an etcd 3.5.1.

mod calls;
mod connections;
mod fake;
mod paths;
mod probes;
mod streams;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use tower::ServiceExt as _;

use crate::{Health, MESSAGE_SIZE_BYTES_MAX_DEFAULT, Options};

/// Larger answers are a mistake.
const ANSWER_SIZE_BYTES_MAX: usize = 1 << 20;

/// What was answered.
struct Told {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

fn options() -> Options {
    Options {
        message_size_bytes_max: MESSAGE_SIZE_BYTES_MAX_DEFAULT,
        server_version: "3.5.1".into(),
        cluster_version: "3.5.0".into(),
    }
}

/// The gateway before the server.
fn gateway() -> Router {
    crate::routes(fake::routes(), options(), async |_| Health::Healthy)
}

async fn send(request: Request<Body>) -> Told {
    let answer = gateway().oneshot(request).await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let text = to_bytes(answer.into_body(), ANSWER_SIZE_BYTES_MAX).await.unwrap();
    Told { status, headers, text: String::from_utf8(text.to_vec()).unwrap() }
}

fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).body(body.into()).unwrap()
}

/// What is told of a call with that body.
async fn told(path: &str, body: &'static str) -> (u16, String) {
    let told = send(post(path, body)).await;
    (told.status.as_u16(), told.text)
}

/// The same with a header.
async fn told_with(path: &str, body: &'static str, (name, value): (&str, &str)) -> (u16, String) {
    let request = Request::post(path).header(name, value).body(Body::from(body)).unwrap();
    let told = send(request).await;
    (told.status.as_u16(), told.text)
}

/// A body that comes in pieces, and has come as a whole.
fn pieces(pieces: Vec<&'static str>) -> Body {
    let pieces = pieces.into_iter().map(|piece| Ok::<_, std::convert::Infallible>(Bytes::from(piece)));
    Body::from_stream(futures::stream::iter(pieces))
}
