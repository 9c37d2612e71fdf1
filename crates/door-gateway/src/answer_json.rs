//! Answers: from the bytes of a message to JSON, without a message between them.
//!
//! The JSON is what etcd's gateway writes: fields by their own names in the order of their numbers, those left out that
//! have their default value and no presence of their own, bytes in base64, 64-bit numbers in quotes, enums by name.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use prost::bytes::Buf as _;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use crate::failure::Failure;

/// How deep messages lie in each other at most: as deep as their decoder goes.
const DEPTH_MAX: usize = 100;

/// Appends the JSON of a message.
///
/// # Errors
/// If the bytes are not such a message.
pub(crate) fn write(encoded: &[u8], message: &MessageDescriptor, out: &mut Vec<u8>) -> Result<(), Failure> {
    write_message(encoded, message, DEPTH_MAX, out).ok_or(Failure::garbled("the answer cannot be decoded"))
}

/// A field as it came over the wire.
#[derive(Debug, Clone, Copy)]
enum Raw<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn write_message(encoded: &[u8], message: &MessageDescriptor, depth: usize, out: &mut Vec<u8>) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    let mut fields = fields(encoded)?;
    // Stable: the values of a list stay as they are.
    fields.sort_by_key(|(number, _)| *number);
    out.push(b'{');
    let start = out.len();
    for group in fields.chunk_by(|one, other| one.0 == other.0) {
        let (number, last) = group.last()?;
        // Of a newer version, then.
        let Some(field) = message.get_field(*number) else { continue };
        if !field.is_list() && is_default(&field, last) {
            continue;
        }
        separate(start, out);
        write_text(field.name(), out);
        out.push(b':');
        if field.is_list() {
            write_list(group, &field, depth, out)?;
        } else {
            write_value(*last, &field.kind(), depth, out)?;
        }
    }
    out.push(b'}');
    Some(())
}

/// The fields of a message, as they come.
fn fields(mut encoded: &[u8]) -> Option<Vec<(u32, Raw<'_>)>> {
    let mut fields = Vec::new();
    while encoded.has_remaining() {
        let (number, wire_type) = decode_key(&mut encoded).ok()?;
        match wire_type {
            WireType::Varint => fields.push((number, Raw::Number(decode_varint(&mut encoded).ok()?))),
            WireType::LengthDelimited => {
                let size = usize::try_from(decode_varint(&mut encoded).ok()?).ok()?;
                let (bytes, rest) = encoded.split_at_checked(size)?;
                fields.push((number, Raw::Bytes(bytes)));
                encoded = rest;
            }
            // None of etcd's messages has fields of other wire types.
            _ => skip_field(wire_type, number, &mut encoded, DecodeContext::default()).ok()?,
        }
    }
    Some(fields)
}

fn is_default(field: &FieldDescriptor, value: &Raw<'_>) -> bool {
    let is_empty = match value {
        Raw::Number(number) => *number == 0,
        Raw::Bytes(bytes) => bytes.is_empty(),
    };
    is_empty && !field.supports_presence()
}

fn write_list(
    values: &[(u32, Raw<'_>)],
    field: &FieldDescriptor,
    depth: usize,
    out: &mut Vec<u8>,
) -> Option<()> {
    let kind = field.kind();
    out.push(b'[');
    let start = out.len();
    for (_, value) in values {
        match *value {
            Raw::Bytes(mut packed) if is_number(&kind) => {
                while packed.has_remaining() {
                    separate(start, out);
                    write_value(Raw::Number(decode_varint(&mut packed).ok()?), &kind, depth, out)?;
                }
            }
            value => {
                separate(start, out);
                write_value(value, &kind, depth, out)?;
            }
        }
    }
    out.push(b']');
    Some(())
}

fn is_number(kind: &Kind) -> bool {
    !matches!(kind, Kind::String | Kind::Bytes | Kind::Message(_))
}

fn write_value(value: Raw<'_>, kind: &Kind, depth: usize, out: &mut Vec<u8>) -> Option<()> {
    match (kind, value) {
        (Kind::Bool, Raw::Number(number)) => write_bare(number != 0, out),
        (Kind::Int64, Raw::Number(number)) => write_quoted(number.cast_signed(), out),
        (Kind::Uint64, Raw::Number(number)) => write_quoted(number, out),
        (Kind::Int32, Raw::Number(number)) => write_bare(narrow(number), out),
        (Kind::Uint32, Raw::Number(number)) => write_bare(narrow(number).cast_unsigned(), out),
        (Kind::Enum(kind), Raw::Number(number)) => write_enum(kind, narrow(number), out),
        (Kind::String, Raw::Bytes(bytes)) => write_text(std::str::from_utf8(bytes).ok()?, out),
        (Kind::Bytes, Raw::Bytes(bytes)) => write_text(&BASE64_STANDARD.encode(bytes), out),
        (Kind::Message(message), Raw::Bytes(bytes)) => write_message(bytes, message, depth, out)?,
        _ => return None,
    }
    Some(())
}

/// The lower half: 32-bit numbers that are negative come with their sign in the upper one.
#[allow(clippy::cast_possible_truncation)]
fn narrow(number: u64) -> i32 {
    number as i32
}

fn write_enum(kind: &EnumDescriptor, number: i32, out: &mut Vec<u8>) {
    match kind.get_value(number) {
        Some(value) => write_text(value.name(), out),
        None => write_bare(number, out),
    }
}

fn separate(start: usize, out: &mut Vec<u8>) {
    if out.len() > start {
        out.push(b',');
    }
}

fn write_bare(value: impl std::fmt::Display, out: &mut Vec<u8>) {
    out.extend_from_slice(value.to_string().as_bytes());
}

fn write_quoted(value: impl std::fmt::Display, out: &mut Vec<u8>) {
    out.push(b'"');
    write_bare(value, out);
    out.push(b'"');
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a text is always JSON, and memory takes it");
}

#[cfg(test)]
mod tests;
