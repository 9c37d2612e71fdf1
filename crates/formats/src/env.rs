//! Env files: `NAME=value` lines as shells and dotenv readers agree on them.
//!
//! A name has letters, digits, `_`, `.` and `-` and does not begin with a digit; `export` may stand
//! before it. A bare value ends with its line or before ` #`. Between single quotes everything is
//! literal, between double quotes `\n`, `\r`, `\t`, `\"`, `\\`, `\$` and `` \` `` stand for
//! characters; both may hold several lines. Nothing is expanded: `$HOME` stays `$HOME`.

use crate::source::Source;
use crate::{FileItem, Format, FormatError, lines};

/// Reads a file's items, in the file's order.
pub(crate) fn parse(source: &Source<'_>) -> Result<Vec<FileItem>, FormatError> {
    let mut lines = lines::Lines::new(source);
    let mut reader = Reader { source, at: 0 };
    while reader.find_entry() {
        let at = reader.at;
        let name = reader.name()?;
        let value = reader.value()?;
        lines.add(at, name, value)?;
    }
    Ok(lines.into_items())
}

/// Walks over the text; between two calls it stands before an entry or its value.
struct Reader<'a> {
    source: &'a Source<'a>,
    /// Byte offset of what comes next.
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.source.text()[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Takes all characters from here that fit.
    fn take(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|character| !fits(character)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// Skips empty lines and comments, and `export`. False at the end of the file.
    fn find_entry(&mut self) -> bool {
        loop {
            self.take(|character| is_blank(character) || is_line_end(character));
            match self.peek() {
                None => return false,
                Some('#') => drop(self.take(|character| !is_line_end(character))),
                Some(_) => break,
            }
        }
        if self.rest().strip_prefix("export").is_some_and(|rest| rest.starts_with(is_blank)) {
            self.at += "export".len();
            self.take(is_blank);
        }
        true
    }

    /// The name, with the `=` behind it.
    fn name(&mut self) -> Result<String, FormatError> {
        let start = self.at;
        let name = self.take(|character| !is_blank(character) && !is_line_end(character) && character != '=');
        if !is_name(name) {
            let message = format!("{name:?} is not a name: letters, digits, _ . - and no digit first");
            return Err(self.source.error(start, message));
        }
        self.take(is_blank);
        if self.peek() != Some('=') {
            return Err(self.source.error(self.at, "an = is expected here: a line is NAME=value"));
        }
        self.at += 1;
        Ok(name.to_owned())
    }

    fn value(&mut self) -> Result<String, FormatError> {
        // Blanks before a value do not count, but ` #` behind them begins a comment.
        let blanks = self.take(is_blank);
        match self.peek() {
            Some('\'') => self.quoted('\''),
            Some('"') => self.quoted('"'),
            Some('#') if !blanks.is_empty() => {
                self.take(|character| !is_line_end(character));
                Ok(String::new())
            }
            _ => Ok(self.bare()),
        }
    }

    fn bare(&mut self) -> String {
        let line = self.take(|character| !is_line_end(character));
        let comment = line.char_indices().zip(line.chars().skip(1));
        let comment = comment.filter(|((_, blank), next)| is_blank(*blank) && *next == '#');
        let end = comment.map(|((at, _), _)| at).next().unwrap_or(line.len());
        line[..end].trim_end_matches(is_blank).to_owned()
    }

    fn quoted(&mut self, quote: char) -> Result<String, FormatError> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let Some(character) = self.peek() else {
                let message = format!("the value begins with {quote} and never ends");
                return Err(self.source.error(start, message));
            };
            self.at += character.len_utf8();
            match character {
                _ if character == quote => break,
                '\\' if quote == '"' => self.escape(&mut text),
                '\r' => text.push('\n'),
                _ => text.push(character),
            }
        }
        self.end_of_line(quote)?;
        Ok(text)
    }

    /// What the character behind a backslash stands for. Before any other, the backslash stays.
    fn escape(&mut self, text: &mut String) {
        let Some(escaped) = self.peek() else { return };
        self.at += escaped.len_utf8();
        match escaped {
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            '"' | '\\' | '$' | '`' => text.push(escaped),
            '\n' | '\r' => {}
            other => text.extend(['\\', other]),
        }
    }

    fn end_of_line(&mut self, quote: char) -> Result<(), FormatError> {
        let blanks = self.take(is_blank);
        match self.peek() {
            None => Ok(()),
            Some(character) if is_line_end(character) => Ok(()),
            Some('#') if !blanks.is_empty() => Ok(()),
            Some(_) => Err(self
                .source
                .error(self.at, format!("nothing but a comment may follow the closing {quote}"))),
        }
    }
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

fn is_line_end(character: char) -> bool {
    matches!(character, '\n' | '\r')
}

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    name.bytes().all(fits) && !name.is_empty() && !name.starts_with(|first: char| first.is_ascii_digit())
}

/// Writes items, each so that a shell reads it alike.
pub(crate) fn render(items: &[FileItem]) -> Result<String, FormatError> {
    let mut out = String::new();
    for (key, text) in lines::texts(items, Format::Env)? {
        if !is_name(key) {
            let message = "the key is no name of an env file: letters, digits, _ . - and no digit first";
            return Err(FormatError::item(key, message));
        }
        out.push_str(key);
        out.push('=');
        write_value(&mut out, &text);
        out.push('\n');
    }
    Ok(out)
}

fn write_value(out: &mut String, text: &str) {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_./:@%+,-".contains(&byte);
    if text.bytes().all(is_bare) {
        out.push_str(text);
    } else if text.contains(['\'', '\r']) {
        out.push('"');
        text.chars().for_each(|character| write_escaped(out, character));
        out.push('"');
    } else {
        out.push('\'');
        out.push_str(text);
        out.push('\'');
    }
}

fn write_escaped(out: &mut String, character: char) {
    match character {
        '\r' => out.push_str("\\r"),
        '"' | '\\' | '$' | '`' => out.extend(['\\', character]),
        _ => out.push(character),
    }
}
