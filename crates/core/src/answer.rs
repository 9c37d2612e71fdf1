//! What a command led to: the same on every node.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::config::ConfigOutcome;
use crate::encoding::{DecodeError, decode, encode};
use crate::rejection::Rejection;

const FORMAT: u8 = 1;

/// What a command led to, or why it was refused.
pub type Answer = Result<Outcome, Rejection>;

/// What a command led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Of a command to the configuration.
    Config(ConfigOutcome),
}

/// An answer as bytes.
pub fn encode_answer(answer: &Answer) -> Bytes {
    encode(FORMAT, answer)
}

/// The answer that was encoded.
///
/// # Errors
/// If the bytes are none, damaged, or of a newer format.
pub fn decode_answer(bytes: &[u8]) -> Result<Answer, DecodeError> {
    decode(FORMAT, bytes)
}
