//! Java properties files, as `java.util.Properties` reads them, in UTF-8.
//!
//! A line that ends with a backslash goes on in the next one, without that one's leading blanks. The
//! key ends at the first blank, `=` or `:` that is not escaped. `\t`, `\n`, `\r`, `\f` and `\uXXXX`
//! (two of them for a character above U+FFFF) stand for characters; before any other character a
//! backslash only takes its meaning away. Unlike Java, a key that comes twice is an error.

use std::fmt::Write as _;

use crate::quote::prints;
use crate::source::Source;
use crate::{FileItem, Format, FormatError, lines};

/// Reads a file's items, in the file's order.
pub(crate) fn parse(source: &Source<'_>) -> Result<Vec<FileItem>, FormatError> {
    let mut lines = lines::Lines::new(source);
    let mut reader = Reader { source, at: 0 };
    while reader.find_entry() {
        let at = reader.at;
        let key = reader.key()?;
        reader.separator()?;
        let value = reader.value()?;
        lines.add(at, key, value)?;
    }
    Ok(lines.into_items())
}

/// Walks over the text; between two calls it stands before an entry, its separator or its value.
#[derive(Clone, Copy)]
struct Reader<'a> {
    source: &'a Source<'a>,
    /// Byte offset of what comes next.
    at: usize,
}

/// One character of a logical line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Plain(char),
    Escaped(char),
}

impl Piece {
    fn is_blank(self) -> bool {
        matches!(self, Self::Plain(character) if is_blank(character))
    }

    fn is_separator(self) -> bool {
        matches!(self, Self::Plain('=' | ':'))
    }

    fn character(self) -> char {
        match self {
            Self::Plain(character) | Self::Escaped(character) => character,
        }
    }
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.source.text()[self.at..]
    }

    /// Skips empty lines and comments. False at the end of the file.
    fn find_entry(&mut self) -> bool {
        loop {
            self.skip(|character| is_blank(character) || is_line_end(character));
            match self.rest().chars().next() {
                None => return false,
                Some('#' | '!') => self.skip(|character| !is_line_end(character)),
                Some(_) => return true,
            }
        }
    }

    fn skip(&mut self, skips: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|character| !skips(character)).unwrap_or(rest.len());
    }

    fn key(&mut self) -> Result<String, FormatError> {
        self.take_while(|piece| !piece.is_blank() && !piece.is_separator())
    }

    fn value(&mut self) -> Result<String, FormatError> {
        self.take_while(|_| true)
    }

    /// Skips blanks with at most one separator among them.
    fn separator(&mut self) -> Result<(), FormatError> {
        self.take_while(Piece::is_blank)?;
        let mut ahead = *self;
        if ahead.next()?.is_some_and(Piece::is_separator) {
            *self = ahead;
            self.take_while(Piece::is_blank)?;
        }
        Ok(())
    }

    /// The characters of this logical line up to the first that does not fit.
    fn take_while(&mut self, fits: impl Fn(Piece) -> bool) -> Result<String, FormatError> {
        let mut text = String::new();
        let mut ahead = *self;
        loop {
            let piece = ahead.next()?;
            if piece.is_some_and(|piece| !fits(piece)) {
                return Ok(text);
            }
            *self = ahead;
            let Some(piece) = piece else { return Ok(text) };
            text.push(piece.character());
        }
    }

    /// The next character of this logical line; nothing at its end.
    fn next(&mut self) -> Result<Option<Piece>, FormatError> {
        loop {
            match self.rest().chars().next().filter(|character| !is_line_end(*character)) {
                None => return Ok(None),
                Some('\\') if self.continues() => {}
                Some('\\') => return self.escape(),
                Some(character) => {
                    self.at += character.len_utf8();
                    return Ok(Some(Piece::Plain(character)));
                }
            }
        }
    }

    /// If this backslash ends its line, moves on to the text of the next one.
    fn continues(&mut self) -> bool {
        if !self.rest()[1..].starts_with(is_line_end) {
            return false;
        }
        self.at += 2;
        self.skip(is_blank);
        true
    }

    /// What the backslash here and what follows it stand for. At the end of the file: nothing.
    fn escape(&mut self) -> Result<Option<Piece>, FormatError> {
        let Some(escaped) = self.rest()[1..].chars().next() else {
            self.at += 1;
            return Ok(None);
        };
        let character = match escaped {
            'u' => return self.unicode().map(|character| Some(Piece::Escaped(character))),
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'f' => '\u{c}',
            other => other,
        };
        self.at += 1 + escaped.len_utf8();
        Ok(Some(Piece::Escaped(character)))
    }

    fn unicode(&mut self) -> Result<char, FormatError> {
        let start = self.at;
        let first = self.unit()?;
        let is_high = (0xD800..0xDC00).contains(&first);
        let second = if is_high && self.rest().starts_with("\\u") { Some(self.unit()?) } else { None };
        let mut characters = char::decode_utf16([first].into_iter().chain(second));
        match characters.next() {
            Some(Ok(character)) => Ok(character),
            _ => Err(self.source.error(start, format!("\\u{first:04x} is half of a surrogate pair"))),
        }
    }

    fn unit(&mut self) -> Result<u16, FormatError> {
        let digits =
            self.rest().get(2..6).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| self.source.error(self.at, "\\u needs four hexadecimal digits"))?;
        self.at += 6;
        Ok(unit)
    }
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\u{c}')
}

fn is_line_end(character: char) -> bool {
    matches!(character, '\n' | '\r')
}

/// Writes items, one a line.
pub(crate) fn render(items: &[FileItem]) -> Result<String, FormatError> {
    let mut out = String::new();
    for (key, text) in lines::texts(items, Format::Properties)? {
        write_key(&mut out, key);
        out.push('=');
        write_value(&mut out, &text);
        out.push('\n');
    }
    Ok(out)
}

fn write_key(out: &mut String, key: &str) {
    for (index, character) in key.chars().enumerate() {
        let ends_key = matches!(character, ' ' | '=' | ':');
        if ends_key || (index == 0 && matches!(character, '#' | '!')) {
            out.push('\\');
        }
        write_character(out, character);
    }
}

fn write_value(out: &mut String, value: &str) {
    if value.starts_with(' ') {
        out.push('\\');
    }
    value.chars().for_each(|character| write_character(out, character));
}

fn write_character(out: &mut String, character: char) {
    match character {
        '\\' => out.push_str("\\\\"),
        '\t' => out.push_str("\\t"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\u{c}' => out.push_str("\\f"),
        _ if prints(character) => out.push(character),
        _ => write!(out, "\\u{:04x}", u32::from(character)).expect("writing to a string does not fail"),
    }
}
