//! Rust source with comments, strings and characters blanked out, so that what is left is code.
//!
//! It knows as much of the language as that needs: nested comments, raw strings, and the difference
//! between a character and a lifetime. Lines and columns stay where they are.

/// Blanks out all that is not code; line breaks stay.
pub(super) fn mask(text: &str) -> String {
    let mut scanner = Scanner { rest: text, code: String::with_capacity(text.len()) };
    while !scanner.rest.is_empty() {
        scanner.step();
    }
    scanner.code
}

struct Scanner<'a> {
    rest: &'a str,
    code: String,
}

impl Scanner<'_> {
    fn step(&mut self) {
        match literal_length(self.rest, self.code.chars().next_back()) {
            Some(length) => self.blank(length),
            None => self.keep(),
        }
    }

    fn keep(&mut self) {
        if let Some(first) = self.rest.chars().next() {
            self.code.push(first);
            self.rest = &self.rest[first.len_utf8()..];
        }
    }

    fn blank(&mut self, length: usize) {
        let (gone, rest) = self.rest.split_at(length);
        self.code.extend(gone.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        self.rest = rest;
    }
}

/// How many bytes the comment, string or character that begins here takes, if one does.
fn literal_length(rest: &str, before: Option<char>) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block_comment_length(rest));
    }
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if !in_word && let Some(length) = raw_string_length(rest) {
        return Some(length);
    }
    match rest.chars().next()? {
        '"' => Some(string_length(rest)),
        '\'' => char_length(rest),
        _ => None,
    }
}

fn block_comment_length(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest.as_bytes()[at..].starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.as_bytes()[at..].starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn raw_string_length(rest: &str) -> Option<usize> {
    let after_prefix = ["br", "cr", "r"].iter().find_map(|prefix| rest.strip_prefix(prefix))?;
    let body = after_prefix.trim_start_matches('#');
    let hashes = after_prefix.len() - body.len();
    let end = format!("\"{}", "#".repeat(hashes));
    let content = body.strip_prefix('"')?;
    let open = rest.len() - content.len();
    Some(content.find(&end).map_or(rest.len(), |close| open + close + end.len()))
}

fn string_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// None: it is a lifetime.
fn char_length(rest: &str) -> Option<usize> {
    let mut chars = rest.char_indices().skip(1);
    let (_, first) = chars.next()?;
    if first == '\\' {
        // The escaped character itself may be a quote.
        let close = rest.get(3..)?.find('\'')?;
        return Some(3 + close + 1);
    }
    chars.next().filter(|(_, c)| *c == '\'').map(|(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_strings_and_characters_are_blanked() {
        assert_eq!(mask("a // b\nc"), "a     \nc");
        assert_eq!(mask("a /* b /* c */ d */ e"), "a                   e");
        assert_eq!(mask(r#"f("{\"") }"#), r"f(     ) }");
        assert_eq!(mask("x = '{'; y = '\\''; z = '\\u{7b}';"), "x =    ; y =     ; z =         ;");
        assert_eq!(mask("r#\"{ \" \"#; b\"{\""), "         ; b   ");
    }

    #[test]
    fn lifetimes_and_words_that_end_in_r_stay() {
        assert_eq!(mask("fn f<'a>(x: &'a str)"), "fn f<'a>(x: &'a str)");
        assert_eq!(mask("for\"{\""), "for   ");
    }

    #[test]
    fn lines_stay_where_they_are() {
        let text = "\"one\ntwo\"\n/* three\nfour */ five";
        assert_eq!(mask(text).lines().count(), text.lines().count());
        assert!(mask(text).ends_with(" five"));
    }
}
