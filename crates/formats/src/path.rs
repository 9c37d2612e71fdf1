//! How a place in nested maps and lists is written as one flat key, and read back.
//!
//! `server.ports[0]` is the first entry of the list `ports` in the map `server`. A map key that is
//! empty, does not print, or contains a dot, a bracket or a quote is quoted in brackets:
//! `hosts["db.internal"].port`. Every place has exactly one key, and [`parse`] takes only that one:
//! flat keys and places correspond one to one.

use std::fmt::Write as _;

use crate::limits::DEPTH_MAX;
use crate::quote::{prints, quoted};

/// One step into a map or a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Segment {
    /// To a map's value.
    Name(String),
    /// To a list's entry, from 0.
    Index(usize),
}

/// Extends a flat key by a map key.
pub(crate) fn push_name(path: &mut String, name: &str) {
    if !is_plain(name) {
        path.push('[');
        path.push_str(&quoted(name));
        path.push(']');
        return;
    }
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

/// Extends a flat key by a list's index.
pub(crate) fn push_index(path: &mut String, index: usize) {
    write!(path, "[{index}]").expect("writing to a string does not fail");
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| prints(c) && !matches!(c, '.' | '[' | ']' | '"' | '\''))
}

/// Reads a flat key. The error says what is wrong with it.
pub(crate) fn parse(key: &str) -> Result<Vec<Segment>, String> {
    let mut segments = Vec::new();
    let mut rest = key;
    while !rest.is_empty() {
        let (segment, tail) = split(rest, segments.is_empty()).ok_or_else(|| not_a_path(None))?;
        segments.push(segment);
        rest = tail;
    }
    let canonical = write(&segments);
    if segments.is_empty() || canonical != key {
        return Err(not_a_path((!canonical.is_empty()).then_some(&canonical)));
    }
    if segments.len() > DEPTH_MAX {
        return Err(format!("its path has {} steps, {DEPTH_MAX} are allowed", segments.len()));
    }
    Ok(segments)
}

fn not_a_path(canonical: Option<&String>) -> String {
    let hint = canonical.map(|path| format!("; it would be read back as {path:?}")).unwrap_or_default();
    format!(
        "the key is not a path such as servers[0].name or hosts[\"db.internal\"]{hint}; \
         the properties format takes any key"
    )
}

fn write(segments: &[Segment]) -> String {
    let mut path = String::new();
    for segment in segments {
        match segment {
            Segment::Name(name) => push_name(&mut path, name),
            Segment::Index(index) => push_index(&mut path, *index),
        }
    }
    path
}

/// Takes the first segment off. Lenient: what is not canonical shows when it is written again.
fn split(rest: &str, first: bool) -> Option<(Segment, &str)> {
    if let Some(inner) = rest.strip_prefix('[') {
        return if inner.starts_with('"') { split_quoted(inner) } else { split_index(inner) };
    }
    let rest = if first { rest } else { rest.strip_prefix('.')? };
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    Some((Segment::Name(rest[..end].to_owned()), &rest[end..]))
}

fn split_quoted(inner: &str) -> Option<(Segment, &str)> {
    let mut strings = serde_json::Deserializer::from_str(inner).into_iter::<String>();
    let name = strings.next()?.ok()?;
    let tail = inner[strings.byte_offset()..].strip_prefix(']')?;
    Some((Segment::Name(name), tail))
}

fn split_index(inner: &str) -> Option<(Segment, &str)> {
    let (digits, tail) = inner.split_once(']')?;
    Some((Segment::Index(digits.parse().ok()?), tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Segment {
        Segment::Name(text.to_owned())
    }

    #[test]
    fn places_and_keys_correspond() {
        let table = [
            ("a", vec![name("a")]),
            ("a.b", vec![name("a"), name("b")]),
            ("a[0]", vec![name("a"), Segment::Index(0)]),
            ("[3][4].x", vec![Segment::Index(3), Segment::Index(4), name("x")]),
            (r#"a["x.y"].z"#, vec![name("a"), name("x.y"), name("z")]),
            (r#"["a[0]"]"#, vec![name("a[0]")]),
            (r#"[""]"#, vec![name("")]),
            (r#"a["it's"]["say \"hi\""]"#, vec![name("a"), name("it's"), name("say \"hi\"")]),
            (r#"["tab\there"]"#, vec![name("tab\there")]),
            ("größe.日本", vec![name("größe"), name("日本")]),
            ("with space.x/y", vec![name("with space"), name("x/y")]),
        ];
        for (key, segments) in table {
            assert_eq!(write(&segments), key);
            assert_eq!(parse(key), Ok(segments), "{key}");
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        let wrong = [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "a[",
            "a[]",
            "a[01]",
            "a[-1]",
            "a[+1]",
            "a[x]",
            "a[0]b",
            "a]",
            "a'b",
            "a\"b",
            r#"["plain"]"#,
            r#"["x.y"#,
            r#"["x.y"]z"#,
            r#"["\u0041.b"]"#,
            "a[99999999999999999999999]",
        ];
        for key in wrong {
            assert!(parse(key).is_err(), "{key:?} was taken");
        }
        let hint = parse(r#"["plain"]"#).unwrap_err();
        assert!(hint.contains("read back as \"plain\""), "{hint}");
    }

    #[test]
    fn depth_is_bounded() {
        let deep = |steps: usize| vec!["a"; steps].join(".");
        assert!(parse(&deep(DEPTH_MAX)).is_ok());
        assert_eq!(parse(&deep(DEPTH_MAX + 1)).unwrap_err(), "its path has 65 steps, 64 are allowed");
    }
}
