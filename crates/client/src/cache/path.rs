//! Keys as places: `servers[0].name` is the field `name` of the first entry of `servers`, and
//! `hosts["db.internal"]` the entry `db.internal` of `hosts`, as in all files that Conclave reads and writes.

/// Deepest place that a key names: as deep as files go. Places are walked through step by step within each other.
const STEPS_MAX: usize = 64;

/// One step into a map or a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyStep {
    /// To a list's entry, from 0.
    Index(usize),
    /// To a map's value.
    Name(String),
}

/// The steps to the place that a key names, at most 64. A key that names none is one step by itself.
///
/// ```
/// use conclave_client::{KeyStep, key_steps};
///
/// let steps = key_steps("servers[0].name");
/// assert_eq!(steps, [KeyStep::Name("servers".into()), KeyStep::Index(0), KeyStep::Name("name".into())]);
/// ```
pub fn key_steps(key: &str) -> Vec<KeyStep> {
    parse(key).unwrap_or_else(|| vec![KeyStep::Name(key.to_owned())])
}

/// A step as it stands in a key, after `before`.
pub(super) fn extended(before: &str, step: &KeyStep) -> String {
    match step {
        KeyStep::Index(index) => format!("{before}[{index}]"),
        // One that reads as something else stands in quotes there too.
        KeyStep::Name(name) if before.is_empty() && key_steps(name).as_slice() == [step.clone()] => {
            name.clone()
        }
        KeyStep::Name(name)
            if before.is_empty() || name.is_empty() || name.contains(['.', '[', ']', '"']) =>
        {
            format!("{before}[{}]", serde_json::Value::from(name.as_str()))
        }
        KeyStep::Name(name) => format!("{before}.{name}"),
    }
}

fn parse(key: &str) -> Option<Vec<KeyStep>> {
    let mut steps = Vec::new();
    let mut rest = key;
    while !rest.is_empty() {
        let (step, tail) = split(rest, steps.is_empty())?;
        if steps.len() == STEPS_MAX {
            return None;
        }
        steps.push(step);
        rest = tail;
    }
    Some(steps)
}

/// Takes the first step off.
fn split(rest: &str, is_first: bool) -> Option<(KeyStep, &str)> {
    if let Some(inner) = rest.strip_prefix('[') {
        return if inner.starts_with('"') { quoted(inner) } else { index(inner) };
    }
    let rest = if is_first { rest } else { rest.strip_prefix('.')? };
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    (end > 0).then(|| (KeyStep::Name(rest[..end].to_owned()), &rest[end..]))
}

fn quoted(inner: &str) -> Option<(KeyStep, &str)> {
    let mut texts = serde_json::Deserializer::from_str(inner).into_iter::<String>();
    let name = texts.next()?.ok()?;
    let tail = inner[texts.byte_offset()..].strip_prefix(']')?;
    Some((KeyStep::Name(name), tail))
}

fn index(inner: &str) -> Option<(KeyStep, &str)> {
    let (digits, tail) = inner.split_once(']')?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(())?;
    Some((KeyStep::Index(digits.parse().ok()?), tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> KeyStep {
        KeyStep::Name(text.to_owned())
    }

    #[test]
    fn keys_name_places() {
        let table = [
            ("a", vec![name("a")]),
            ("a.b", vec![name("a"), name("b")]),
            ("a[0].b", vec![name("a"), KeyStep::Index(0), name("b")]),
            ("a[\"x.y\"].z", vec![name("a"), name("x.y"), name("z")]),
            ("log level", vec![name("log level")]),
            ("[\"x.y\"].z", vec![name("x.y"), name("z")]),
            ("a[\"\\u0001.\"]", vec![name("a"), name("\u{1}.")]),
        ];
        for (key, expected) in table {
            assert_eq!(key_steps(key), expected, "{key}");
            let written = expected.iter().fold(String::new(), |before, step| extended(&before, step));
            assert_eq!(written, key);
        }
    }

    #[test]
    fn a_key_of_more_steps_than_files_have_stands_for_itself() {
        let deep = |steps: usize| vec!["a"; steps].join(".");
        assert_eq!(key_steps(&deep(STEPS_MAX)).len(), STEPS_MAX);
        for key in [deep(STEPS_MAX + 1), deep(100_000), "[0]".repeat(100_000)] {
            assert_eq!(key_steps(&key), [name(&key)]);
        }
    }

    /// Whatever the key is, it has steps, and written they lead to the same place.
    #[test]
    fn fuzz_keys() {
        let seeds = ["servers[0].name", "hosts[\"db.internal\"].port", "a.b[\"\\u00e9\\n\"][12]"];
        conclave_fuzz::inputs_of!(seeds).for_each(|input| {
            let key = String::from_utf8_lossy(input);
            let steps = key_steps(&key);
            assert!(key.is_empty() || !steps.is_empty());
            // A name at the beginning that is no place by itself is told as it is: it may be the whole key.
            let is_told_whole = matches!(steps.first(), Some(KeyStep::Name(name)) if parse(name).is_none());
            if parse(&key).is_some() && !is_told_whole {
                let written = steps.iter().fold(String::new(), |before, step| extended(&before, step));
                assert_eq!(key_steps(&written), steps, "{written}");
            }
        });
    }

    #[test]
    fn a_key_that_names_no_place_stands_for_itself() {
        for key in [
            ".",
            "a.",
            ".a",
            "a..b",
            "a[",
            "a[x]",
            "a[-1]",
            "a[0",
            "a[\"x]",
            "a[0]b",
            "a[99999999999999999999]",
        ] {
            assert_eq!(key_steps(key), [name(key)], "{key}");
        }
    }
}
