//! Writing YAML: block style, indented by two spaces, the way people write it.
//!
//! Text stands bare only where every reader takes it for text, YAML 1.1 readers included (`yes`,
//! `12:30` and `2024-01-31` are quoted). Text of several lines stays lines where it prints.

use crate::content::{Leaf, to_base64};
use crate::quote::{prints, quoted};
use crate::tree::Tree;

use super::scalar;

/// Longest key that may stand before its colon on one line; the standard's bound is 1024 characters.
const SIMPLE_KEY_SIZE_BYTES_MAX: usize = 512;

/// Longest line of base64.
const BASE64_LINE_SIZE_BYTES: usize = 76;

/// Writes a document.
pub(crate) fn render(tree: &Tree) -> String {
    let mut out = String::new();
    if tree.has_children() {
        write_block(&mut out, tree, 0)
    } else {
        write_single(&mut out, tree, 0)
    }
    out
}

/// Writes the entries of a map or list. The first one begins where the text ends now.
fn write_block(out: &mut String, tree: &Tree, indent: usize) {
    match tree {
        Tree::Leaf(_) => write_single(out, tree, indent),
        Tree::Map(entries) => {
            for (index, (key, child)) in entries.iter().enumerate() {
                start_line(out, index, indent);
                write_key(out, key, indent);
                write_value(out, child, indent);
            }
        }
        Tree::List(entries) => {
            for (index, child) in entries.iter().enumerate() {
                start_line(out, index, indent);
                out.push_str("- ");
                write_entry(out, child, indent);
            }
        }
    }
}

fn start_line(out: &mut String, index: usize, indent: usize) {
    if index > 0 {
        push_indent(out, indent);
    }
}

fn push_indent(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Writes a key with its colon.
fn write_key(out: &mut String, key: &str, indent: usize) {
    let word = if is_bare(key) { key.to_owned() } else { quoted(key) };
    if word.len() > SIMPLE_KEY_SIZE_BYTES_MAX {
        out.push_str("? ");
        out.push_str(&word);
        out.push('\n');
        push_indent(out, indent);
    } else {
        out.push_str(&word);
    }
    out.push(':');
}

/// Writes what stands behind a key's colon.
fn write_value(out: &mut String, tree: &Tree, indent: usize) {
    if tree.has_children() {
        out.push('\n');
        push_indent(out, indent + 2);
        write_block(out, tree, indent + 2);
    } else {
        out.push(' ');
        write_single(out, tree, indent);
    }
}

/// Writes what stands behind a list's dash.
fn write_entry(out: &mut String, tree: &Tree, indent: usize) {
    if tree.has_children() {
        write_block(out, tree, indent + 2);
    } else {
        write_single(out, tree, indent);
    }
}

/// Writes a value with nothing in it, and the end of its line.
fn write_single(out: &mut String, tree: &Tree, indent: usize) {
    match tree {
        Tree::Map(_) => out.push_str("{}"),
        Tree::List(_) => out.push_str("[]"),
        Tree::Leaf(Leaf::Text(text)) => write_text(out, text, indent),
        Tree::Leaf(Leaf::Json(word)) => out.push_str(word),
        Tree::Leaf(Leaf::Datetime(text)) => out.push_str(&quoted(text)),
        Tree::Leaf(Leaf::NotFinite(word)) => out.push_str(dotted(word)),
        Tree::Leaf(Leaf::Bytes(bytes)) => write_bytes(out, bytes, indent),
    }
    out.push('\n');
}

fn dotted(word: &str) -> &'static str {
    match word {
        "inf" => ".inf",
        "-inf" => "-.inf",
        _ => ".nan",
    }
}

fn write_text(out: &mut String, text: &str, indent: usize) {
    if is_bare(text) {
        out.push_str(text);
    } else if stays_lines(text) {
        write_lines(out, text, indent);
    } else {
        out.push_str(&quoted(text));
    }
}

/// Writes text of several lines as a literal block.
fn write_lines(out: &mut String, text: &str, indent: usize) {
    out.push('|');
    if text.starts_with([' ', '\n']) {
        out.push('2');
    }
    let body = text.strip_suffix('\n');
    match body {
        None => out.push('-'),
        Some(body) if body.ends_with('\n') => out.push('+'),
        Some(_) => {}
    }
    for line in body.unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            push_indent(out, indent + 2);
            out.push_str(line);
        }
    }
}

/// Whether text can be a literal block that every reader reads alike.
fn stays_lines(text: &str) -> bool {
    let is_printed = |character: char| prints(character) || matches!(character, '\n' | '\t');
    let is_clear = |line: &str| line.is_empty() || !line.trim_matches([' ', '\t']).is_empty();
    text.contains('\n')
        && text.chars().all(is_printed)
        && text.split('\n').all(is_clear)
        && !text.trim_start_matches('\n').starts_with('\t')
        && !text.trim_matches('\n').is_empty()
}

fn write_bytes(out: &mut String, bytes: &[u8], indent: usize) {
    let text = to_base64(bytes);
    if text.len() <= BASE64_LINE_SIZE_BYTES {
        out.push_str("!!binary ");
        return out.push_str(&quoted(&text));
    }
    out.push_str("!!binary |-");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(BASE64_LINE_SIZE_BYTES));
        out.push('\n');
        push_indent(out, indent + 2);
        out.push_str(line);
        rest = after;
    }
}

/// Whether text can stand without quotes, as a key or a value, and is text to every reader.
fn is_bare(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let begins = first.is_alphabetic() || matches!(first, '_' | '/') || looks_like_a_quantity(text);
    begins
        && text.chars().all(prints)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !is_word(text)
        && scalar::plain(text) == Ok(Leaf::Text(text.to_owned()))
}

/// Whether text begins with a digit, yet has a letter that no number has, and is no time: `30s`.
fn looks_like_a_quantity(text: &str) -> bool {
    let is_foreign =
        |byte: u8| byte.is_ascii_alphabetic() && !byte.is_ascii_hexdigit() && !b"xXoO".contains(&byte);
    text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().any(is_foreign)
        && !text.contains(':')
}

/// Words that YAML 1.1 takes for booleans; those of YAML 1.2 are known to `scalar::plain`.
fn is_word(text: &str) -> bool {
    matches!(
        text.to_ascii_lowercase().as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null"
    )
}
