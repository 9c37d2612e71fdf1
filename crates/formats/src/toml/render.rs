//! Writing TOML: single values first, then sections, the way people lay it out.

use std::collections::BTreeMap;

use crate::content::Leaf;
use crate::quote::{push_escaped, quoted};
use crate::tree::Tree;
use crate::{Format, FormatError};

type Table = BTreeMap<String, Tree<String>>;

/// Writes a document. Its root must be a map.
pub(crate) fn render(tree: Tree) -> Result<String, FormatError> {
    match tree.map_leaves(Format::Toml, &word)? {
        Tree::Map(table) => {
            let mut out = String::new();
            write_table(&mut out, "", &table);
            Ok(out)
        }
        Tree::List(_) | Tree::Leaf(_) => Err(FormatError::no_word("[0]", Format::Toml, "a list at its root")),
    }
}

/// A single value as TOML, or what it is that TOML cannot hold.
fn word(leaf: &Leaf) -> Result<String, &'static str> {
    match leaf {
        Leaf::Text(text) if text.contains('\n') => Ok(quoted_lines(text)),
        Leaf::Text(text) => Ok(quoted(text)),
        Leaf::Json(text) if text == "null" => Err("null"),
        Leaf::Json(text) => Ok(text.clone()),
        Leaf::NotFinite(word) => Ok((*word).to_owned()),
        Leaf::Datetime(text) => Ok(text.clone()),
        Leaf::Bytes(_) => Err("bytes"),
    }
}

/// Text of several lines, which stay lines.
fn quoted_lines(text: &str) -> String {
    let mut out = String::from("\"\"\"\n");
    for character in text.chars() {
        match character {
            '\n' => out.push('\n'),
            _ => push_escaped(&mut out, character),
        }
    }
    out.push_str("\"\"\"");
    out
}

/// Writes a table's content: what stands on one line, then what has a section of its own.
fn write_table(out: &mut String, path: &str, table: &Table) {
    for (key, tree) in table {
        if section(tree).is_none() {
            out.push_str(&name(key));
            out.push_str(" = ");
            write_inline(out, tree);
            out.push('\n');
        }
    }
    for (key, tree) in table {
        if let Some(section) = section(tree) {
            write_section(out, &join(path, key), section);
        }
    }
}

/// A value that is written as a section.
enum Section<'a> {
    Table(&'a Table),
    Tables(Vec<&'a Table>),
}

/// A map with content is a section, and so is a list of such maps.
fn section(tree: &Tree<String>) -> Option<Section<'_>> {
    match tree {
        Tree::Map(table) if !table.is_empty() => Some(Section::Table(table)),
        Tree::List(entries) if !entries.is_empty() => {
            let tables = entries.iter().map(|entry| match entry {
                Tree::Map(table) if !table.is_empty() => Some(table),
                _ => None,
            });
            tables.collect::<Option<_>>().map(Section::Tables)
        }
        _ => None,
    }
}

fn write_section(out: &mut String, path: &str, section: Section<'_>) {
    match section {
        Section::Table(table) => {
            // A table of nothing but sections needs no header: theirs imply it.
            if table.values().any(|tree| self::section(tree).is_none()) {
                write_header(out, &format!("[{path}]"));
            }
            write_table(out, path, table);
        }
        Section::Tables(tables) => {
            for table in tables {
                write_header(out, &format!("[[{path}]]"));
                write_table(out, path, table);
            }
        }
    }
}

fn write_header(out: &mut String, header: &str) {
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(header);
    out.push('\n');
}

fn write_inline(out: &mut String, tree: &Tree<String>) {
    match tree {
        Tree::Leaf(word) => out.push_str(word),
        Tree::List(entries) => {
            write_separated(out, ["[", "]"], entries, write_inline);
        }
        Tree::Map(entries) if entries.is_empty() => out.push_str("{}"),
        Tree::Map(entries) => write_separated(out, ["{ ", " }"], entries, |out, (key, child)| {
            out.push_str(&name(key));
            out.push_str(" = ");
            write_inline(out, child);
        }),
    }
}

fn write_separated<T>(
    out: &mut String,
    brackets: [&str; 2],
    entries: impl IntoIterator<Item = T>,
    write_entry: impl Fn(&mut String, T),
) {
    out.push_str(brackets[0]);
    for (index, entry) in entries.into_iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_entry(out, entry);
    }
    out.push_str(brackets[1]);
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { name(key) } else { format!("{path}.{}", name(key)) }
}

fn name(key: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !key.is_empty() && key.bytes().all(is_bare) { key.to_owned() } else { quoted(key) }
}
