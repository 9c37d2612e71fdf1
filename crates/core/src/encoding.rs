//! How values become bytes that outlive this process: a format byte, then postcard.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Bytes that are not what they were taken for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// There are none.
    #[error("there are no bytes to read")]
    Empty,
    /// A newer version may have written them.
    #[error(
        "format {found} is unknown here, {known} is known: run the version that wrote it, or a newer one"
    )]
    Format {
        /// The format byte that was found.
        found: u8,
        /// The one that can be read.
        known: u8,
    },
    /// They do not hold what their format says.
    #[error("damaged bytes: {0}")]
    Damaged(String),
}

/// No store counts so far: a greater number was damaged, and nothing could be counted on from it.
const COUNT_MAX: u64 = u64::MAX / 2;

/// Whether a number that was read can have been counted.
pub(crate) fn is_count(number: u64) -> bool {
    number <= COUNT_MAX
}

pub(crate) fn encode<T: Serialize>(format: u8, value: &T) -> Bytes {
    encode_onto(vec![format], value).into()
}

/// Adds the postcard form of `value`.
pub(crate) fn encode_onto<T: Serialize>(bytes: Vec<u8>, value: &T) -> Vec<u8> {
    postcard::to_extend(value, bytes).expect("values of this crate have lengths and no failing part")
}

pub(crate) fn decode<'a, T: Deserialize<'a>>(format: u8, bytes: &'a [u8]) -> Result<T, DecodeError> {
    let (value, rest) = decode_first(after_format(format, bytes)?)?;
    match rest.len() {
        0 => Ok(value),
        left => Err(DecodeError::Damaged(format!("{left} bytes are left over"))),
    }
}

/// What follows the format byte.
pub(crate) fn after_format(format: u8, bytes: &[u8]) -> Result<&[u8], DecodeError> {
    match bytes.split_first() {
        None => Err(DecodeError::Empty),
        Some((&found, rest)) if found == format => Ok(rest),
        Some((&found, _)) => Err(DecodeError::Format { found, known: format }),
    }
}

/// A value at the beginning, and what follows it.
pub(crate) fn decode_first<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, &'a [u8]), DecodeError> {
    postcard::take_from_bytes(bytes).map_err(|error| DecodeError::Damaged(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_of_a_known_format_is_read() {
        let encoded = encode(1, &(7_u64, "text"));
        assert_eq!(encoded.as_ref(), b"\x01\x07\x04text");
        assert_eq!(decode(1, &encoded), Ok((7_u64, "text")));
        assert_eq!(decode::<(u64, &str)>(1, b""), Err(DecodeError::Empty));
        assert_eq!(decode::<(u64, &str)>(2, &encoded), Err(DecodeError::Format { found: 1, known: 2 }));
        assert!(decode::<(u64, &str)>(1, &encoded[..5]).is_err());
        assert!(decode::<(u64, &str)>(1, b"\x01\x07\x04text!").is_err());
    }
}
