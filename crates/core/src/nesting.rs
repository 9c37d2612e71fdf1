//! How deep a value may lie within values of its own kind: a transaction in a transaction, a command in one that somebody
//! asks for. The stack that decoding takes is bounded so, whatever the bytes say.
//!
//! To be named where a value is decoded within its own kind: `#[serde(deserialize_with = "nesting::deserialize")]`.

use std::cell::Cell;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Deepest nesting that is decoded: twice as deep as the messages of clients can be.
pub(crate) const DEPTH_MAX: u32 = 100;

thread_local! {
    /// How many values are being decoded on this thread, each within the one before.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Decodes a value that lies within another one of its kind.
pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let _deeper = Deeper::go().ok_or_else(|| D::Error::custom("it is nested too deep"))?;
    T::deserialize(deserializer)
}

/// One level, until this is dropped.
struct Deeper;

impl Deeper {
    fn go() -> Option<Self> {
        let depth = DEPTH.get();
        (depth < DEPTH_MAX).then(|| {
            DEPTH.set(depth + 1);
            Self
        })
    }
}

impl Drop for Deeper {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::{KvCommand, Operation, Txn};
    use crate::{By, Command, decode_answer, decode_command, encode_command};

    fn txn_of(depth: u32) -> Command {
        let within = |txn, _| Txn {
            success: vec![Operation::Txn(txn), Operation::Txn(Txn::default())],
            ..Txn::default()
        };
        Command::Kv(KvCommand::Txn((0..depth).fold(Txn::default(), within)))
    }

    fn by_of(depth: u32) -> Command {
        let within = |command, _| Command::By(By { caller: None, command: Box::new(command) });
        (0..depth).fold(txn_of(0), within)
    }

    #[test]
    fn what_is_no_deeper_than_it_may_be_is_read_again_and_again() {
        for command in [txn_of(DEPTH_MAX), by_of(DEPTH_MAX), txn_of(1)] {
            assert_eq!(decode_command(&encode_command(&command)), Ok(command));
        }
    }

    #[test]
    fn what_is_deeper_is_refused_and_does_not_count_afterwards() {
        for command in [txn_of(DEPTH_MAX + 1), by_of(DEPTH_MAX + 1)] {
            assert!(decode_command(&encode_command(&command)).is_err());
        }
        let command = txn_of(DEPTH_MAX);
        assert_eq!(decode_command(&encode_command(&command)), Ok(command));
    }

    #[test]
    fn no_depth_ends_the_stack() {
        let deep = |begin: &[u8], level: &[u8]| [begin, &level.repeat(1_000_000)].concat();
        let of_callers = deep(b"\x01", b"\x07\x00");
        let of_transactions = deep(b"\x01\x05\x00\x00\x01", b"\x03\x00\x01");
        for bytes in [of_callers, of_transactions] {
            assert!(decode_command(&bytes.into()).is_err());
        }
        assert!(decode_answer(&deep(b"\x01\x00\x04\x00\x01\x01\x01", b"\x03\x01\x01")).is_err());
    }
}
