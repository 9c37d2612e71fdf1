//! How locks are keyed.
//!
//! | key | value |
//! |---|---|
//! | `conclave/lock/<name>` | the [`Head`](super::head::Head): what kind it is, and how many hold it or wait |
//! | `conclave/lock-holder/<name>//<token, 20 digits>` | a granted [`Ticket`](super::ticket::Ticket) |
//! | `conclave/lock-queue/<name>//<number, 20 digits>` | a waiting one |
//!
//! So the first key of a queue is the next to be granted, and a holder is found by its token. Of all of them only the
//! present is kept.

use bytes::Bytes;
use conclave_mvcc::{KeyRange, MapError};

use crate::ids::{FencingToken, TicketId};
use crate::names::LockName;

const HEADS: &str = "conclave/lock/";
const HOLDERS: &str = "conclave/lock-holder/";
const QUEUES: &str = "conclave/lock-queue/";
/// Ends a lock's name: its segments are never empty, so it holds no such thing itself.
const END_OF_NAME: &str = "//";
/// All that is kept of locks.
const ALL: &str = "conclave/lock";

/// Where a key of a lock leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// To a head.
    Head,
    /// To a holder with this token.
    Holder(FencingToken),
    /// To a place in the queue.
    Queue(TicketId),
}

/// The heads of locks whose names begin with `prefix`.
pub(super) fn heads(prefix: &str) -> KeyRange {
    KeyRange::prefix([HEADS, prefix].concat())
}

pub(super) fn head(name: &LockName) -> Bytes {
    [HEADS, name.as_str()].concat().into()
}

pub(super) fn holders(name: &LockName) -> KeyRange {
    KeyRange::prefix([HOLDERS, name.as_str(), END_OF_NAME].concat())
}

pub(super) fn holder(name: &LockName, token: FencingToken) -> Bytes {
    numbered(HOLDERS, name, token.get())
}

pub(super) fn queue(name: &LockName) -> KeyRange {
    KeyRange::prefix([QUEUES, name.as_str(), END_OF_NAME].concat())
}

pub(super) fn waiter(name: &LockName, ticket: TicketId) -> Bytes {
    numbered(QUEUES, name, ticket.get())
}

/// The holders and the queues of locks whose names begin with `prefix`.
pub(super) fn tickets_of_all(prefix: &str) -> [KeyRange; 2] {
    [KeyRange::prefix([HOLDERS, prefix].concat()), KeyRange::prefix([QUEUES, prefix].concat())]
}

/// The lock that a key belongs to, and where it leads; none if it is of something else.
pub(super) fn parse(key: &[u8]) -> Result<Option<(LockName, Place)>, MapError> {
    let damaged = || MapError::damaged("a key of a lock without its name", key);
    let Some(text) = key.starts_with(ALL.as_bytes()).then(|| str::from_utf8(key)) else { return Ok(None) };
    let text = text.map_err(|_| damaged())?;
    let lock = |name: &str| LockName::parse(name).map_err(|_| damaged());
    let numbered = |rest: &str| {
        let (name, digits) = rest.rsplit_once(END_OF_NAME).ok_or_else(damaged)?;
        Ok((lock(name)?, digits.parse::<u64>().map_err(|_| damaged())?))
    };
    if let Some(name) = text.strip_prefix(HEADS) {
        return Ok(Some((lock(name)?, Place::Head)));
    }
    if let Some(rest) = text.strip_prefix(HOLDERS) {
        let (name, token) = numbered(rest)?;
        return Ok(Some((name, Place::Holder(FencingToken::new(token)))));
    }
    let (name, ticket) = numbered(text.strip_prefix(QUEUES).ok_or_else(damaged)?)?;
    Ok(Some((name, Place::Queue(TicketId::new(ticket)))))
}

fn numbered(kind: &str, name: &LockName, number: u64) -> Bytes {
    format!("{kind}{name}{END_OF_NAME}{number:020}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_keys_are_read_back() {
        let name = LockName::parse("orders/42").unwrap();
        for (key, golden, place) in [
            (head(&name), "conclave/lock/orders/42", Place::Head),
            (
                holder(&name, FencingToken::new(7)),
                "conclave/lock-holder/orders/42//00000000000000000007",
                Place::Holder(FencingToken::new(7)),
            ),
            (
                waiter(&name, TicketId::new(300)),
                "conclave/lock-queue/orders/42//00000000000000000300",
                Place::Queue(TicketId::new(300)),
            ),
        ] {
            assert_eq!(key, golden);
            assert_eq!(parse(&key), Ok(Some((name.clone(), place))));
        }
        assert_eq!(parse(b"conclave/lease/0000000000000001"), Ok(None));
        assert!(parse(b"conclave/lock-queue/a//x").is_err());
    }

    #[test]
    fn no_lock_has_tickets_of_another() {
        let queue = queue(&LockName::parse("a").unwrap());
        for other in ["a/b", "a-b", "ab"] {
            assert!(!queue.contains(&waiter(&LockName::parse(other).unwrap(), TicketId::new(1))), "{other}");
        }
    }
}
