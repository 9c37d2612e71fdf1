//! One call: from a request of HTTP to the inner router and back.
//!
//! Nothing here runs by itself: request and answer are read as the client's connection asks for them. When the client
//! goes away, the answer is dropped, and the call with it.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, TE};
use axum::http::{HeaderMap, HeaderValue, Version, request};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use tokio::time::{Instant, timeout_at};
use tower::ServiceExt as _;

use crate::answer_frames::{AnswerFrames, frame};
use crate::failure::{Failure, JSON};
use crate::json_texts::JsonTexts;
use crate::method::Method;
use crate::{answer_json, metadata, request_json, timeout};

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
/// How much longer than its message a text may be: base64 takes four thirds, names and quotes the rest.
const TEXT_TO_MESSAGE: usize = 2;

/// What all calls have in common.
#[derive(Debug)]
pub(crate) struct Gateway {
    /// Serves gRPC.
    pub(crate) inner: Router,
    pub(crate) message_size_bytes_max: usize,
}

/// What the inner router answered, before its first message.
struct Answer {
    method: Arc<Method>,
    headers: HeaderMap,
    frames: AnswerFrames,
    deadline: Option<Instant>,
}

impl Gateway {
    /// Answers a request.
    pub(crate) async fn answer(&self, method: Arc<Method>, request: Request) -> Response {
        match self.call(method, request).await {
            Ok(answer) if answer.method.answers_many => answer.all().await,
            Ok(answer) => answer.only().await.unwrap_or_else(|failure| failure.refused()),
            Err(failure) => failure.refused(),
        }
    }

    async fn call(&self, method: Arc<Method>, request: Request) -> Result<Answer, Failure> {
        let (head, body) = request.into_parts();
        let timeout = timeout::of(&head.headers)?;
        // What does not fit into a clock is not waited for.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let texts = JsonTexts::of(body, self.message_size_bytes_max.saturating_mul(TEXT_TO_MESSAGE));
        let mut messages =
            Messages { texts, method: Arc::clone(&method), size_bytes_max: self.message_size_bytes_max };
        let asked = async {
            let first = messages.next().await?;
            let body = if method.takes_many { messages.after(first) } else { messages.only(first).await? };
            let called = self.inner.clone().oneshot(inner_request(&method, head, timeout, body)).await;
            Ok(called.unwrap_or_else(|never: Infallible| match never {}))
        };
        let (answer, body) = within(deadline, asked).await?.into_parts();
        let frames = AnswerFrames::of(&answer.headers, body);
        Ok(Answer { method, headers: metadata::of_answer(&answer.headers), frames, deadline })
    }
}

/// The messages of a request.
struct Messages {
    texts: JsonTexts,
    method: Arc<Method>,
    size_bytes_max: usize,
}

impl Messages {
    /// The next message, in its frame; none at the end of the body.
    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        let Some(text) = self.texts.next().await? else { return Ok(None) };
        let message = request_json::encode(&text, &self.method.request)?;
        if message.len() > self.size_bytes_max {
            return Err(Failure::too_large(message.len(), self.size_bytes_max));
        }
        frame(&message).map(Some)
    }

    /// The body of one message. An empty body is an empty message; what comes after a message is not looked at.
    async fn only(mut self, message: Option<Bytes>) -> Result<Body, Failure> {
        self.texts.finish().await?;
        message.map_or_else(|| frame(&[]), Ok).map(Body::from)
    }

    /// The body with all messages, of which the first was read.
    ///
    /// What cannot be read is its last, as in etcd, and what was asked before goes on. Where the client goes away in the
    /// middle, this body breaks off, too, so that whoever answers ends.
    fn after(self, first: Option<Bytes>) -> Body {
        let going_on = first.is_some().then_some(self);
        let rest = stream::unfold(going_on, |going_on| async move {
            let mut messages = going_on?;
            match messages.next_or_end().await {
                Ok(message) => Some((Ok(message?), Some(messages))),
                Err(_) => Some((Err(io::Error::from(ErrorKind::ConnectionReset)), None)),
            }
        });
        Body::from_stream(stream::iter(first.map(Ok)).chain(rest))
    }

    /// The next message; none where none can be read any longer, and the body has ended.
    async fn next_or_end(&mut self) -> Result<Option<Bytes>, Failure> {
        match self.next().await {
            Err(failure) if !failure.is_broken_off() => {
                tracing::debug!(?failure, "the messages of a stream end with one that cannot be read");
                self.texts.finish().await.map(|()| None)
            }
            read => read,
        }
    }
}

fn inner_request(method: &Method, head: request::Parts, timeout: Option<Duration>, body: Body) -> Request {
    let mut request = Request::new(body);
    *request.method_mut() = axum::http::Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = method.uri.clone();
    *request.headers_mut() = metadata::of_request(&head.headers);
    request.headers_mut().insert(CONTENT_TYPE, GRPC);
    request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
    if let Some(timeout) = timeout {
        request.headers_mut().insert(timeout::HEADER, timeout::header(timeout));
    }
    // Who is asking: the connection is the client's.
    *request.extensions_mut() = head.extensions;
    request
}

impl Answer {
    /// The answer of a call that has one.
    async fn only(mut self) -> Result<Response, Failure> {
        let Some(message) = self.next().await? else {
            return Err(Failure::garbled("the answer has no message"));
        };
        if self.next().await?.is_some() {
            return Err(Failure::garbled("the answer has a second message"));
        }
        let mut text = Vec::new();
        answer_json::write(&message, &self.method.answer, &mut text)?;
        Ok(self.told(text.into()))
    }

    /// The answers of a call that has many. It begins with the first, so that a call that has none is told by its
    /// status.
    async fn all(mut self) -> Response {
        let first = match self.next_text().await {
            Ok(Some(first)) => first,
            Ok(None) => return self.told(Body::empty()),
            Err(failure) => return failure.broken_at_once(),
        };
        let headers = std::mem::take(&mut self.headers);
        let rest = stream::unfold(Some(self), |going_on| async move {
            let mut answer = going_on?;
            match answer.next_text().await {
                Ok(text) => text.map(|text| (text, Some(answer))),
                Err(failure) => Some((failure.broken(), None)),
            }
        });
        told(headers, Body::from_stream(stream::iter([first]).chain(rest).map(Ok::<_, Infallible>)))
    }

    /// The next line of a stream.
    async fn next_text(&mut self) -> Result<Option<Bytes>, Failure> {
        let Some(message) = self.next().await? else { return Ok(None) };
        let mut text = br#"{"result":"#.to_vec();
        answer_json::write(&message, &self.method.answer, &mut text)?;
        text.extend_from_slice(b"}\n");
        Ok(Some(text.into()))
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        within(self.deadline, self.frames.next()).await
    }

    fn told(self, body: Body) -> Response {
        told(self.headers, body)
    }
}

fn told(mut headers: HeaderMap, body: Body) -> Response {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    (headers, body).into_response()
}

async fn within<T>(
    deadline: Option<Instant>,
    answered: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match deadline {
        Some(deadline) => timeout_at(deadline, answered).await.unwrap_or_else(|_| Err(Failure::late())),
        None => answered.await,
    }
}
