//! Quoted text that JSON, YAML, TOML and key paths all read alike.

use std::fmt::Write as _;

/// The text in double quotes. Quotes, backslashes and everything that does not print are escaped
/// in the way that the formats have in common: `\n`, `\u0085`.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        push_escaped(&mut out, character);
    }
    out.push('"');
    out
}

/// One character, escaped if it must be.
pub(crate) fn push_escaped(out: &mut String, character: char) {
    match character {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        _ if prints(character) => out.push(character),
        _ => {
            write!(out, "\\u{:04x}", u32::from(character)).expect("writing to a string does not fail");
        }
    }
}

/// Whether a character may stand in a file as it is. All that may not lie below U+10000, so that
/// four hexadecimal digits name them.
pub(crate) fn prints(character: char) -> bool {
    let breaks_lines = matches!(character, '\u{2028}' | '\u{2029}');
    let is_no_text = matches!(character, '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}');
    !(character.is_control() || breaks_lines || is_no_text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_reads_what_was_quoted() {
        for text in ["", "plain", "a \"b\" \\ c", "\u{0}\n\r\t\u{7f}\u{85}\u{2028}\u{feff}", "żółć 🦀"]
        {
            assert_eq!(serde_json::from_str::<String>(&quoted(text)).unwrap(), text);
        }
        assert_eq!(quoted("a\u{85}\n"), "\"a\\u0085\\n\"");
    }
}
