//! Commands, and the proposals that bring them into the log.
//!
//! A proposal, format 1: `01`, request id, time, and the encoded command to the end. The command's bytes
//! stand by themselves, so that a retry is known by them whatever its time stamp is.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::config::ConfigCommand;
use crate::encoding::{DecodeError, after_format, decode, decode_first, encode, encode_onto};
use crate::names::RequestId;

const COMMAND_FORMAT: u8 = 1;
const PROPOSAL_FORMAT: u8 = 1;

/// What is to be changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Something of the configuration.
    Config(ConfigCommand),
}

/// What a log entry carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The same for all retries of one request.
    pub request_id: RequestId,
    /// The leader's clock when it was proposed: milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// What is to be changed.
    pub command: Command,
}

/// A command as bytes.
pub fn encode_command(command: &Command) -> Bytes {
    encode(COMMAND_FORMAT, command)
}

/// The command that was encoded.
///
/// # Errors
/// If the bytes are none, damaged, or of a newer format.
pub fn decode_command(bytes: &Bytes) -> Result<Command, DecodeError> {
    decode(COMMAND_FORMAT, bytes)
}

/// A proposal as bytes.
pub fn encode_proposal(proposal: &Proposal) -> Bytes {
    let bytes = encode_onto(vec![PROPOSAL_FORMAT], &(&proposal.request_id, proposal.time_ms));
    let mut bytes = encode_onto(with_format(bytes), &proposal.command);
    bytes.shrink_to_fit();
    bytes.into()
}

/// The proposal that was encoded.
///
/// # Errors
/// If the bytes are none, damaged, or of a newer format.
pub fn decode_proposal(bytes: &Bytes) -> Result<Proposal, DecodeError> {
    split_proposal(bytes).map(|(proposal, _)| proposal)
}

/// The proposal and the bytes of its command.
pub(crate) fn split_proposal(bytes: &[u8]) -> Result<(Proposal, &[u8]), DecodeError> {
    let ((request_id, time_ms), command_bytes) = decode_first(after_format(PROPOSAL_FORMAT, bytes)?)?;
    let command = decode(COMMAND_FORMAT, command_bytes)?;
    Ok((Proposal { request_id, time_ms, command }, command_bytes))
}

fn with_format(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.push(COMMAND_FORMAT);
    bytes
}
