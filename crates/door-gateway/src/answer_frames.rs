//! The messages of an answer of gRPC, and how it ends.

use axum::body::Body;
use axum::http::HeaderMap;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http_body_util::BodyExt as _;

use crate::failure::Failure;

/// What stands before a message: whether it is compressed, and its length.
const PREFIX_SIZE_BYTES: usize = 5;

/// Puts a message into a frame.
pub(crate) fn frame(message: &[u8]) -> Result<Bytes, Failure> {
    let size =
        u32::try_from(message.len()).map_err(|_| Failure::too_large(message.len(), u32::MAX as usize))?;
    let mut frame = BytesMut::with_capacity(PREFIX_SIZE_BYTES + message.len());
    frame.put_u8(0);
    frame.put_u32(size);
    frame.put_slice(message);
    Ok(frame.freeze())
}

/// Takes the frames of an answer apart. No more is held than one message and what came with its end.
#[derive(Debug)]
pub(crate) struct AnswerFrames {
    body: Body,
    unread: BytesMut,
    /// How it ended, where its headers said that already.
    ended: Option<Result<(), Failure>>,
}

impl AnswerFrames {
    /// The frames of an answer with these headers.
    pub(crate) fn of(headers: &HeaderMap, body: Body) -> Self {
        Self { body, unread: BytesMut::new(), ended: Failure::of(headers) }
    }

    /// The next message; none if all went well to the end.
    ///
    /// # Errors
    /// What the answer ended with.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            if let Some(ended) = self.ended.take() {
                return ended.map(|()| None);
            }
            if let Some(message) = self.read()? {
                return Ok(Some(message));
            }
            let Some(frame) = self.body.frame().await else {
                return Err(Failure::garbled("the answer has no status"));
            };
            match frame.map_err(|_| Failure::garbled("the answer broke off"))?.into_data() {
                Ok(data) => self.unread.extend_from_slice(&data),
                Err(frame) => self.ended = Failure::of(&frame.into_trailers().unwrap_or_default()),
            }
        }
    }

    /// The message that has come as a whole.
    fn read(&mut self) -> Result<Option<Bytes>, Failure> {
        let Some((prefix, rest)) = self.unread.split_at_checked(PREFIX_SIZE_BYTES) else { return Ok(None) };
        let (mut size, compressed) = (&prefix[1..], prefix[0] != 0);
        let size = size.get_u32() as usize;
        if compressed {
            return Err(Failure::garbled("the answer is compressed, which was not asked for"));
        }
        if rest.len() < size {
            return Ok(None);
        }
        self.unread.advance(PREFIX_SIZE_BYTES);
        Ok(Some(self.unread.split_to(size).freeze()))
    }
}
