//! Which characters XML can hold, and how they are written and read.

use std::fmt::Write as _;

use quick_xml::escape::resolve_predefined_entity;

use crate::quote::prints;

/// The first character that XML 1.0 cannot hold, not even as a reference, with its place in bytes.
pub(super) fn foreign(text: &str) -> Option<(usize, char)> {
    text.char_indices().find(|(_, character)| !is_allowed(*character))
}

fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// Writes text between tags. Blanks and line feeds stand as they are.
pub(super) fn write_text(out: &mut String, text: &str) {
    text.chars().for_each(|character| match character {
        '\t' | '\n' => out.push(character),
        _ => write_character(out, character),
    });
}

/// Writes the text of an attribute, without the quotes around it.
pub(super) fn write_attribute(out: &mut String, text: &str) {
    text.chars().for_each(|character| match character {
        '"' => out.push_str("&quot;"),
        _ => write_character(out, character),
    });
}

fn write_character(out: &mut String, character: char) {
    match character {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        _ if prints(character) => out.push(character),
        _ => write!(out, "&#x{:X};", u32::from(character)).expect("writing to a string does not fail"),
    }
}

/// The character that a reference means: what stands between `&` and `;`.
pub(super) fn referred(name: &str) -> Result<char, String> {
    let character = match name.strip_prefix('#') {
        Some(number) => numbered(number),
        None => resolve_predefined_entity(name).and_then(|text| text.chars().next()),
    };
    character.filter(|it| is_allowed(*it)).ok_or_else(|| {
        format!("&{name}; is no reference that is known: &lt; &gt; &amp; &quot; &apos; and numbers of characters are")
    })
}

fn numbered(number: &str) -> Option<char> {
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
    let is_number = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    let code = u32::from_str_radix(digits, radix).ok().filter(|_| is_number)?;
    char::from_u32(code)
}

/// The text that an attribute means: references resolved, line breaks and tabs as blanks.
pub(super) fn read_attribute(raw: &str) -> Result<String, String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('&') {
        let (name, tail) = after.split_once(';').ok_or("a & must be written as &amp;")?;
        push_blanked(&mut text, before);
        text.push(referred(name)?);
        rest = tail;
    }
    push_blanked(&mut text, rest);
    Ok(text)
}

fn push_blanked(text: &mut String, raw: &str) {
    text.extend(
        raw.chars().map(|character| if matches!(character, '\t' | '\n' | '\r') { ' ' } else { character }),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_mean_characters() {
        for (name, character) in [("lt", '<'), ("amp", '&'), ("#65", 'A'), ("#x1F980", '🦀'), ("#xd", '\r')]
        {
            assert_eq!(referred(name), Ok(character), "{name}");
        }
        for name in
            ["", "nbsp", "#", "#x", "#0", "#1", "#xD800", "#xFFFE", "#x110000", "#+65", "#-1", "#6_5", "LT"]
        {
            referred(name).expect_err(name);
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let text = "a & b < c > \"d\" 'e'\t\n\r\u{85}\u{2028}\u{FEFF} größe 🦀 &amp; ]]>";
        let mut written = String::new();
        write_attribute(&mut written, text);
        assert!(!written.contains(['<', '>', '"', '\t', '\n', '\r']), "{written}");
        assert_eq!(read_attribute(&written).as_deref(), Ok(text));
    }

    #[test]
    fn an_attribute_has_blanks_for_line_breaks() {
        assert_eq!(read_attribute("a\tb\nc"), Ok("a b c".to_owned()));
        read_attribute("a & b").expect_err("a bare ampersand");
        read_attribute("a &copy; b").expect_err("an entity that nothing declares");
    }

    #[test]
    fn some_characters_are_foreign() {
        assert_eq!(foreign("größe\t\n\r"), None);
        assert_eq!(foreign("ab\u{0}"), Some((2, '\u{0}')));
        assert_eq!(foreign("\u{FFFF}"), Some((0, '\u{FFFF}')));
    }
}
