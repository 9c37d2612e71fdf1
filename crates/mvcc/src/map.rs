//! The ordered map that everything is kept in, as seen by a reader.

use std::cell::RefCell;
use std::fmt;

use bytes::Bytes;

use crate::{Recent, rows};

/// A map that cannot be read, or holds what this crate never wrote. Fatal: nothing can be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MapError(String);

impl MapError {
    /// An error with this text.
    pub fn new(text: impl fmt::Display) -> Self {
        Self(text.to_string())
    }

    /// The row under `key` holds what was never written there.
    pub fn damaged(what: &str, key: &[u8]) -> Self {
        Self(format!("damaged row: {what} under the key \"{}\"", key.escape_ascii()))
    }
}

/// An ordered map of bytes as seen at one moment: what is read through it never changes.
pub trait ReadMap {
    /// The value under `key`.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, MapError>;

    /// A cursor, at no row until its first [`Cursor::seek`].
    fn cursor(&self) -> Box<dyn Cursor + '_>;

    /// The same for whoever looks at no row from `end` on: there may be none there for this cursor. A map on disk has
    /// rows that were removed in the way until it is compacted, and without an end it passes over all of them to find
    /// a row that nobody asks for.
    fn cursor_before(&self, end: &[u8]) -> Box<dyn Cursor + '_> {
        let _ = end;
        self.cursor()
    }

    /// The same for whoever looks for versions of single keys: of rows that are not of the key whose row was sought there
    /// may be none for this cursor ([`key_part`](crate::key_part) tells which they are). A map on disk then need not
    /// look where the key is not.
    fn key_cursor(&self) -> Box<dyn Cursor + '_> {
        self.cursor_before(rows::VERSIONS_END)
    }

    /// What is known of keys without a search, for whoever may add to it.
    fn recent(&self) -> Option<&RefCell<Recent>> {
        None
    }
}

/// A place in an ordered map that moves forward.
pub trait Cursor {
    /// Goes to the first row whose key is `key` or after it; also backward.
    fn seek(&mut self, key: &[u8]) -> Result<(), MapError>;

    /// Goes to the next row. Does nothing past the end.
    fn advance(&mut self) -> Result<(), MapError>;

    /// Key of the row; none past the end or before the first seek.
    fn key(&self) -> Option<&[u8]>;

    /// Value of the row; none past the end or before the first seek.
    fn value(&self) -> Option<&[u8]>;
}
