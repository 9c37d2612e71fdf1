//! A file's text, and where in it something is.
//!
//! Parsers speak in byte offsets; a [`Source`] turns an offset into the line and column that a
//! person looks for. It holds only text that is UTF-8 and not too large. A carriage return before a
//! line feed is no part of it: a file means the same whichever editor saved it.

use std::borrow::Cow;

use crate::FormatError;
use crate::limits::TEXT_SIZE_BYTES_MAX;

/// The text of one file, without a byte order mark and without carriage returns before line feeds.
pub(crate) struct Source<'a> {
    text: Cow<'a, str>,
}

impl<'a> Source<'a> {
    /// Checks size and encoding.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, FormatError> {
        if bytes.len() > TEXT_SIZE_BYTES_MAX {
            return Err(FormatError::TooLarge { size_bytes: bytes.len() });
        }
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Self { text: with_line_feeds(text) }),
            Err(broken) => Err(Self::not_utf8(bytes, broken.valid_up_to())),
        }
    }

    fn not_utf8(bytes: &[u8], at: usize) -> FormatError {
        let text = std::str::from_utf8(&bytes[..at]).expect("valid_up_to is where the valid text ends");
        let message = format!("the byte 0x{:02X} is not part of UTF-8 text", bytes[at]);
        Source { text: Cow::Borrowed(text) }.error(at, message)
    }

    /// All of it.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// An error at a byte offset.
    pub(crate) fn error(&self, at: usize, message: impl Into<String>) -> FormatError {
        let (line, column) = self.position(at);
        FormatError::Text { line, column, message: message.into() }
    }

    /// The error for a key that is set a second time.
    pub(crate) fn duplicate(&self, key: &str, at: usize, first_at: usize) -> FormatError {
        let first_line = self.position(first_at).0;
        self.error(at, format!("the key {key:?} is set twice, first in line {first_line}"))
    }

    /// Line and column, from 1, of a byte offset; past the end counts as the end.
    pub(crate) fn position(&self, at: usize) -> (usize, usize) {
        let mut line = 1;
        let mut line_start = 0;
        let bytes = self.text.as_bytes();
        let at = at.min(bytes.len());
        for (offset, byte) in bytes[..at].iter().enumerate() {
            if matches!(byte, b'\n' | b'\r') {
                line += 1;
                line_start = offset + 1;
            }
        }
        let is_character_start = |byte: &&u8| **byte & 0xC0 != 0x80;
        (line, 1 + bytes[line_start..at].iter().filter(is_character_start).count())
    }
}

fn with_line_feeds(text: &str) -> Cow<'_, str> {
    if text.contains("\r\n") { Cow::Owned(text.replace("\r\n", "\n")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_editors_end_them() {
        let source = Source::read("a\nb\r\nü\rxy".as_bytes()).unwrap();
        assert_eq!(source.text(), "a\nb\nü\rxy");
        assert_eq!(source.position(0), (1, 1));
        assert_eq!(source.position(2), (2, 1));
        assert_eq!(source.position(4), (3, 1));
        assert_eq!(source.position(6), (3, 2), "a letter of two bytes is one column");
        assert_eq!(source.position(7), (4, 1));
        assert_eq!(source.position(8), (4, 2));
        assert_eq!(source.position(99), (4, 3), "past the end is the end");
    }

    #[test]
    fn broken_text_is_located() {
        let error = Source::read(b"ok\n\xC3\xBC\xFF").err().unwrap();
        assert_eq!(error.to_string(), "line 2, column 2: the byte 0xFF is not part of UTF-8 text");
    }

    #[test]
    fn a_byte_order_mark_is_no_text() {
        assert_eq!(Source::read(b"\xEF\xBB\xBFa").unwrap().text(), "a");
    }

    #[test]
    fn the_size_is_bounded() {
        let error = Source::read(&vec![b' '; TEXT_SIZE_BYTES_MAX + 1]).err().unwrap();
        assert_eq!(error, FormatError::TooLarge { size_bytes: TEXT_SIZE_BYTES_MAX + 1 });
    }
}
