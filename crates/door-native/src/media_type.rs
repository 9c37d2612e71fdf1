//! Media types (RFC 9110, section 8.3.1): `type/subtype`, perhaps with parameters.

/// Whether the text is a media type, as `text/plain; charset=utf-8` is one.
pub(crate) fn is_media_type(text: &str) -> bool {
    let (essence, parameters) = text.split_once(';').map_or((text, None), |(it, rest)| (it, Some(rest)));
    let essence = essence.trim_end_matches(BLANK);
    let is_essence =
        essence.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    is_essence && parameters.is_none_or(are_parameters)
}

const BLANK: [char; 2] = [' ', '\t'];

/// `name=value`, joined by `;`. A value in quotes may hold any of the separators.
fn are_parameters(text: &str) -> bool {
    let mut rest = text;
    loop {
        let Some((name, value)) = rest.split_once('=') else { return false };
        if !is_token(name.trim_start_matches(BLANK)) {
            return false;
        }
        let Some(after) = after_value(value) else { return false };
        match after.trim_matches(BLANK).strip_prefix(';') {
            Some(more) => rest = more,
            None => return after.trim_matches(BLANK).is_empty(),
        }
    }
}

/// What follows the value at the beginning; none if there is no value.
fn after_value(text: &str) -> Option<&str> {
    match text.strip_prefix('"') {
        Some(quoted) => after_quoted(quoted),
        None => {
            let size = text.find(|c| !is_token_character(c)).unwrap_or(text.len());
            (size > 0).then(|| &text[size..])
        }
    }
}

fn after_quoted(text: &str) -> Option<&str> {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(&text[at + 1..]),
            c if c.is_control() && c != '\t' => return None,
            _ => {}
        }
    }
    None
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_token_character)
}

fn is_token_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_told_from_other_text() {
        for text in [
            "text/plain",
            "application/json",
            "application/vnd.acme+json",
            "text/plain; charset=utf-8",
            "text/plain;charset=\"utf-8; \\\" = odd\" ; a=b",
        ] {
            assert!(is_media_type(text), "{text:?}");
        }
        for text in [
            "",
            "json",
            "/",
            "text/",
            "/plain",
            "text/plain/more",
            "text /plain",
            " text/plain",
            "tex\u{0}t/plain",
            "text/plain;",
            "text/plain; charset",
            "text/plain; charset=",
            "text/plain; =utf-8",
            "text/plain; a=\"open",
            "text/plain; a=b c",
            "text/plain; a=b;",
            "ä/b",
            "text/plain\n",
        ] {
            assert!(!is_media_type(text), "{text:?}");
        }
    }
}
