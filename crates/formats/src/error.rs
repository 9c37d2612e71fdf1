//! What can be wrong with a file, or with items that are to become one.

use crate::Format;
use crate::limits::TEXT_SIZE_BYTES_MAX;

/// Why a file cannot be read, or why items cannot be written as one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The text is wrong at one place.
    #[error("line {line}, column {column}: {message}")]
    Text {
        /// Line, from 1. A line ends with a line feed, a carriage return, or both.
        line: usize,
        /// Column, from 1, in characters.
        column: usize,
        /// What is wrong there, and what would be right where that is known.
        message: String,
    },
    /// One item cannot be written in the format.
    #[error("item {key:?}: {message}")]
    Item {
        /// The item's key.
        key: String,
        /// Why not, and what to do.
        message: String,
    },
    /// The file is larger than is read at once.
    #[error("the file has {size_bytes} bytes, {max} are allowed", max = TEXT_SIZE_BYTES_MAX)]
    TooLarge {
        /// The file's size.
        size_bytes: usize,
    },
}

impl FormatError {
    /// Line and column, both from 1, of what is wrong in the text.
    pub fn position(&self) -> Option<(usize, usize)> {
        match self {
            Self::Text { line, column, .. } => Some((*line, *column)),
            Self::Item { .. } | Self::TooLarge { .. } => None,
        }
    }

    /// An error about one item that is to be written.
    pub(crate) fn item(key: &str, message: impl Into<String>) -> Self {
        Self::Item { key: key.to_owned(), message: message.into() }
    }

    /// The format has no way to write what the item holds.
    pub(crate) fn no_word(key: &str, format: Format, what: &str) -> Self {
        Self::item(key, format!("{format} cannot hold {what}"))
    }
}

/// A name that is none of the formats'.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown format {name:?}; known are yaml, json, toml, properties, env and xml")]
pub struct UnknownFormat {
    /// The name that was given.
    pub name: String,
}
