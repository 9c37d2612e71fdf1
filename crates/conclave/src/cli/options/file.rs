//! The client config file: TOML, every mistake with its line.
//!
//! ```toml
//! endpoints = ["db1.internal:4101", "db2.internal:4101"]
//! timeout_ms = 10000
//! output = "table"
//! author = "ada"
//! ```

use toml::de::{DeTable, DeValue};

use super::Given;
use crate::cli::text::nearest;

const KEYS: [&str; 4] = ["endpoints", "timeout_ms", "output", "author"];
/// How alike two names must be (0 to 1) for one to be taken as a slip of the other.
const LIKENESS_MIN: f64 = 0.7;

/// What the file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) endpoints: Option<Given>,
    pub(super) timeout_ms: Option<Given>,
    pub(super) output: Option<Given>,
    pub(super) author: Option<Given>,
}

/// Reads the file's text: its settings, and what is wrong with it. The values are judged later.
pub(super) fn read(name: &str, text: &str) -> (Settings, Vec<String>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let line = |offset: usize| text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
    if !errors.is_empty() {
        let told = errors.iter().map(|error| {
            let at = error.span().map_or(1, |span| line(span.start));
            format!("{name}:{at}: {}", error.message())
        });
        return (Settings::default(), told.collect());
    }
    let mut settings = Settings::default();
    let mut mistakes = Vec::new();
    for (key, value) in table.get_ref() {
        let place = format!("{name}:{}: {}", line(key.span().start), key.get_ref());
        match take(&mut settings, key.get_ref(), value.get_ref(), &place) {
            Ok(()) => {}
            Err(what) => mistakes.push(format!("{place} {what}")),
        }
    }
    (settings, mistakes)
}

fn take(settings: &mut Settings, key: &str, value: &DeValue<'_>, place: &str) -> Result<(), String> {
    let (slot, text, kind) = match key {
        "endpoints" => (&mut settings.endpoints, list(value).or_else(|| string(value)), "a list of strings"),
        "timeout_ms" => (&mut settings.timeout_ms, number(value), "a whole number"),
        "output" => (&mut settings.output, string(value), "a string"),
        "author" => (&mut settings.author, string(value), "a string"),
        _ => {
            let meant = nearest(key, &KEYS, LIKENESS_MIN);
            return Err(meant.map_or_else(
                || format!("is not a setting: known are {}", KEYS.join(", ")),
                |meant| format!("is not a setting: did you mean {meant}?"),
            ));
        }
    };
    let text = text.ok_or_else(|| format!("is not {kind} but of type {}", value.type_str()))?;
    *slot = Some(Given { text, place: place.into() });
    Ok(())
}

fn string(value: &DeValue<'_>) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn number(value: &DeValue<'_>) -> Option<String> {
    let number = value.as_integer().filter(|number| number.radix() == 10)?;
    Some(number.as_str().replace('_', ""))
}

/// The strings of a list, in the form that the flag has.
fn list(value: &DeValue<'_>) -> Option<String> {
    let entries: Option<Vec<String>> =
        value.as_array()?.iter().map(|entry| string(entry.get_ref())).collect();
    Some(entries?.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_with_their_place() {
        let text = "# nodes\nendpoints = [\"a:1\", \"b:2\"]\n\ntimeout_ms = 10_000\nauthor = \"ada\"\n";
        let (settings, mistakes) = read("c.toml", text);
        assert_eq!(mistakes, Vec::<String>::new());
        let given = |text: &str, place: &str| Some(Given { text: text.into(), place: place.into() });
        assert_eq!(settings.endpoints, given("a:1,b:2", "c.toml:2: endpoints"));
        assert_eq!(settings.timeout_ms, given("10000", "c.toml:4: timeout_ms"));
        assert_eq!(settings.author, given("ada", "c.toml:5: author"));
        assert_eq!(settings.output, None);
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        let text = "endpoint = \"a:1\"\ntimeout_ms = \"10\"\noutput = 7\nzzz = 1\n";
        let (_, mistakes) = read("c.toml", text);
        assert_eq!(
            mistakes,
            [
                "c.toml:1: endpoint is not a setting: did you mean endpoints?",
                "c.toml:3: output is not a string but of type integer",
                "c.toml:2: timeout_ms is not a whole number but of type string",
                "c.toml:4: zzz is not a setting: known are endpoints, timeout_ms, output, author",
            ]
        );
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_line() {
        let (settings, mistakes) = read("c.toml", "endpoints = [\"a:1\"]\ntimeout_ms == 1\n");
        assert_eq!(settings, Settings::default());
        assert!(mistakes[0].starts_with("c.toml:2: "), "{mistakes:?}");
    }
}
