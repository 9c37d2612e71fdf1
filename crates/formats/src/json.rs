//! JSON files.
//!
//! Read in slices: the text of each value is found first and taken apart level by level, so that
//! numbers keep their digits and every key its place. That reads nested text once a level, which
//! the bound on depth bounds.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::content::Leaf;
use crate::node::{Entry, Node, NodeCount, SeenKeys, Value};
use crate::quote::quoted;
use crate::source::Source;
use crate::tree::Tree;
use crate::{Format, FormatError};

/// Reads one JSON text.
pub(crate) fn parse(text: &[u8]) -> Result<Tree, FormatError> {
    compose(&Source::read(text)?).map(Tree::from)
}

/// Reads one JSON text, with the place of everything.
pub(crate) fn compose(source: &Source<'_>) -> Result<Node, FormatError> {
    let raw = read(source, 0, source.text())?;
    Composer { source, count: NodeCount::default() }.node(raw, 0)
}

struct Composer<'a> {
    source: &'a Source<'a>,
    count: NodeCount,
}

impl<'a> Composer<'a> {
    fn node(&mut self, raw: &'a RawValue, depth: usize) -> Result<Node, FormatError> {
        let text = raw.get();
        let at = self.offset_of(raw);
        let opens = text.starts_with(['{', '[']);
        self.count.add(self.source, at, 1, depth + usize::from(opens))?;
        let value = match text.as_bytes().first() {
            Some(b'{') => Value::Map(self.map(at, text, depth)?),
            Some(b'[') => Value::List(self.list(at, text, depth)?),
            Some(b'"') => Value::Leaf(Leaf::Text(read(self.source, at, text)?)),
            _ => Value::Leaf(Leaf::Json(text.to_owned())),
        };
        Ok(Node { at, value })
    }

    fn map(&mut self, at: usize, text: &'a str, depth: usize) -> Result<Vec<Entry>, FormatError> {
        let Pairs(pairs) = read(self.source, at, text)?;
        let mut seen = SeenKeys::default();
        let mut entries = Vec::with_capacity(pairs.len());
        for (raw_key, raw) in pairs {
            let at = self.offset_of(raw_key);
            let key: String = read(self.source, at, raw_key.get())?;
            seen.add(self.source, &key, at)?;
            entries.push(Entry { key, node: self.node(raw, depth + 1)? });
        }
        Ok(entries)
    }

    fn list(&mut self, at: usize, text: &'a str, depth: usize) -> Result<Vec<Node>, FormatError> {
        let raws: Vec<&RawValue> = read(self.source, at, text)?;
        raws.into_iter().map(|raw| self.node(raw, depth + 1)).collect()
    }

    /// A raw value borrows from the text: where it lies there is its offset.
    fn offset_of(&self, raw: &RawValue) -> usize {
        raw.get().as_ptr().addr() - self.source.text().as_ptr().addr()
    }
}

/// A map's raw keys and values in order, duplicates included.
struct Pairs<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor).map(Pairs)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Vec<(&'de RawValue, &'de RawValue)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(pairs)
    }
}

/// Reads a part of the text that begins at a byte offset.
fn read<'a, T: Deserialize<'a>>(source: &Source<'_>, at: usize, text: &'a str) -> Result<T, FormatError> {
    serde_json::from_str(text).map_err(|error| locate(source, at, text, &error))
}

/// Places an error in the whole text. The reader counts lines by line feeds and columns in bytes.
fn locate(source: &Source<'_>, at: usize, text: &str, error: &serde_json::Error) -> FormatError {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = error.to_string();
    let message = message.strip_suffix(&place).unwrap_or(&message);
    let within = if error.is_eof() { text.len() } else { offset(text, error.line(), error.column()) };
    source.error(at + within, message)
}

fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    before + column.saturating_sub(1)
}

/// Writes a document, indented by two spaces.
pub(crate) fn render(tree: Tree) -> Result<String, FormatError> {
    let words = tree.map_leaves(Format::Json, &word)?;
    let mut out = String::new();
    write(&mut out, &words, 0);
    out.push('\n');
    Ok(out)
}

/// A single value as JSON, or what it is that JSON cannot hold.
fn word(leaf: &Leaf) -> Result<String, &'static str> {
    match leaf {
        Leaf::Text(text) | Leaf::Datetime(text) => Ok(quoted(text)),
        Leaf::Json(text) => Ok(text.clone()),
        Leaf::NotFinite(_) => Err("a float that is not finite"),
        Leaf::Bytes(_) => Err("bytes"),
    }
}

fn write(out: &mut String, tree: &Tree<String>, indent: usize) {
    match tree {
        Tree::Leaf(word) => out.push_str(word),
        Tree::Map(entries) => {
            write_block(out, ['{', '}'], indent, entries, |out, (key, child)| {
                out.push_str(&quoted(key));
                out.push_str(": ");
                write(out, child, indent + 2);
            });
        }
        Tree::List(entries) => {
            write_block(out, ['[', ']'], indent, entries, |out, child| write(out, child, indent + 2));
        }
    }
}

fn write_block<T>(
    out: &mut String,
    brackets: [char; 2],
    indent: usize,
    entries: impl IntoIterator<Item = T>,
    write_entry: impl Fn(&mut String, T),
) {
    out.push(brackets[0]);
    let mut is_empty = true;
    for entry in entries {
        out.push_str(if is_empty { "\n" } else { ",\n" });
        out.extend(std::iter::repeat_n(' ', indent + 2));
        write_entry(out, entry);
        is_empty = false;
    }
    if !is_empty {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', indent));
    }
    out.push(brackets[1]);
}
