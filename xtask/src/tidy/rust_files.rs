//! Rules for one Rust file: its name, its doc, its size, its functions, and words it must not use.

use super::borrows;
use super::masked::mask;

const LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;
const BANNED_NAMES: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc"];

/// The files that may make a `tonic::Status`: the doors' error table, and the peer service's own.
const STATUS_FILES: &[&str] =
    &["crates/door/src/status.rs", "crates/door-etcd/src/status.rs", "crates/raft/src/peer_status.rs"];

/// Folders whose code is a function of its arguments: no clock, no chance, no order of a hash map.
const PURE_FOLDERS: &[&str] = &["crates/mvcc/src/", "crates/core/src/"];
const IMPURE_WORDS: &[&str] =
    &["SystemTime", "Instant", "HashMap", "HashSet", "RandomState", "thread_rng", "thread", "async"];

/// What is wrong with a file.
pub(super) fn check(place: &str, text: &str) -> Vec<String> {
    let code = mask(text);
    let mut mistakes = Vec::new();
    mistakes.extend(check_name(place));
    mistakes.extend(check_doc(place, text));
    mistakes.extend(check_size(place, text));
    mistakes.extend(check_functions(place, &code));
    mistakes.extend(check_statuses(place, &code));
    mistakes.extend(check_purity(place, &code));
    mistakes.extend(check_borrows(place, &code));
    mistakes
}

fn check_name(place: &str) -> Option<String> {
    let banned = |part: &str| BANNED_NAMES.contains(&part.trim_end_matches(".rs"));
    let part = place.split('/').find(|part| banned(part))?;
    Some(format!("{place}: `{part}` says nothing about what is in it: name the subject"))
}

fn check_doc(place: &str, text: &str) -> Option<String> {
    let has_doc = text.lines().next().is_some_and(|line| line.starts_with("//!"));
    (!has_doc).then(|| format!("{place}:1: begins without a module doc (`//!`)"))
}

fn check_size(place: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > LINES_MAX).then(|| format!("{place}: {lines} lines, over {LINES_MAX}: split it by subject"))
}

fn check_functions(place: &str, code: &str) -> Vec<String> {
    let too_long = words(code).filter(|(_, word)| *word == "fn").filter_map(|(at, _)| {
        let end = body_end(code, at)?;
        let lines = code[at..=end].lines().count();
        let number = line_number(code, at);
        let name = words(&code[at..]).nth(1)?.1;
        (lines > FUNCTION_LINES_MAX)
            .then(|| format!("{place}:{number}: `{name}` has {lines} lines, over {FUNCTION_LINES_MAX}"))
    });
    too_long.collect()
}

/// Where the body of the function that begins at `start` ends. None: it has no body.
fn body_end(code: &str, start: usize) -> Option<usize> {
    let (mut braces, mut brackets) = (0_usize, 0_usize);
    for (offset, byte) in code.bytes().enumerate().skip(start) {
        match byte {
            b'(' | b'[' => brackets += 1,
            b')' | b']' => brackets = brackets.saturating_sub(1),
            b';' if braces == 0 && brackets == 0 => return None,
            b'{' => braces += 1,
            b'}' if braces == 1 => return Some(offset),
            b'}' => braces = braces.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

/// Tests may make statuses: they play the node that a client talks to.
fn check_statuses(place: &str, code: &str) -> Vec<String> {
    if STATUS_FILES.contains(&place) || is_test(place) {
        return Vec::new();
    }
    let code = &code[..code.find("#[cfg(test)]\nmod tests {").unwrap_or(code.len())];
    let makes_one = |at: &usize| {
        let path = code[*at..].strip_prefix("Status::").unwrap_or_default();
        let name = path.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        name.starts_with(|c: char| c.is_lowercase()) && path[name.len()..].starts_with('(')
    };
    let statuses = words(code).filter(|(_, word)| *word == "Status").map(|(at, _)| at).filter(makes_one);
    let tell = |at| format!("{place}:{}: makes a status outside {}", line_number(code, at), STATUS_FILES[0]);
    statuses.map(tell).collect()
}

fn is_test(place: &str) -> bool {
    place.contains("/tests/") || place.ends_with("/tests.rs") || place.starts_with("crates/sim/")
}

fn check_purity(place: &str, code: &str) -> Vec<String> {
    if !PURE_FOLDERS.iter().any(|folder| place.starts_with(folder)) {
        return Vec::new();
    }
    let impure = words(code).filter(|(_, word)| IMPURE_WORDS.contains(word));
    let tell = |(at, word)| format!("{place}:{}: `{word}` in code that must be pure", line_number(code, at));
    impure.map(tell).collect()
}

fn check_borrows(place: &str, code: &str) -> Vec<String> {
    let tell = |at| {
        let number = line_number(code, at);
        format!("{place}:{number}: borrows a watched value among others: give it a statement of its own")
    };
    borrows::among_others(code).into_iter().map(tell).collect()
}

/// The words of the code, each with where it begins.
fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    code.split(move |c: char| !in_word(c))
        .filter(|word| !word.is_empty())
        .map(|word| (word.as_ptr().addr() - code.as_ptr().addr(), word))
}

fn line_number(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: &str = "//! A subject.\n\nfn f() {}\n";

    fn function_of(lines: usize) -> String {
        format!("//! Doc.\nfn long(a: [u8; 3]) {{\n{}}}\n", "    // \"}}\"\n".repeat(lines - 2))
    }

    #[test]
    fn a_clean_file_passes() {
        assert_eq!(check("crates/core/src/apply.rs", CLEAN), Vec::<String>::new());
    }

    #[test]
    fn dumping_grounds_are_told_by_name_of_file_or_folder() {
        assert_eq!(check("crates/door/src/utils.rs", CLEAN).len(), 1);
        assert_eq!(check("tests/common/mod.rs", CLEAN).len(), 1);
        assert_eq!(check("crates/door/src/utility_bill.rs", CLEAN).len(), 0);
    }

    #[test]
    fn a_file_without_doc_is_told() {
        let mistakes = check("crates/door/src/limits.rs", "// Not a doc.\nfn f() {}\n");
        assert_eq!(mistakes, ["crates/door/src/limits.rs:1: begins without a module doc (`//!`)"]);
    }

    #[test]
    fn a_file_over_the_limit_is_told() {
        let file = |lines: usize| format!("//! Doc.\n{}", "\n".repeat(lines - 1));
        assert_eq!(check("a.rs", &file(LINES_MAX)).len(), 0);
        assert_eq!(check("a.rs", &file(LINES_MAX + 1)).len(), 1);
    }

    #[test]
    fn a_function_over_the_limit_is_told_whatever_its_text_contains() {
        assert_eq!(check("a.rs", &function_of(FUNCTION_LINES_MAX)), Vec::<String>::new());
        let told = check("a.rs", &function_of(FUNCTION_LINES_MAX + 1));
        assert_eq!(told, ["a.rs:2: `long` has 71 lines, over 70"]);
    }

    #[test]
    fn a_function_without_body_ends_at_its_semicolon() {
        let text = format!("//! Doc.\ntrait T {{ fn f(&self);\n{}}}\n", "\n".repeat(100));
        assert_eq!(check("a.rs", &text), Vec::<String>::new());
    }

    #[test]
    fn a_status_made_outside_its_file_is_told() {
        let text = "//! Doc.\nfn f() -> Status { tonic::Status::not_found(\"x\") }\n";
        assert_eq!(check("crates/door-native/src/a.rs", text).len(), 1);
        assert_eq!(check("crates/door/src/status.rs", text).len(), 0);
        let reads = "//! Doc.\nfn f(s: Status) { ExitStatus::new(s); Status::Serving; // Status::new()\n}\n";
        assert_eq!(check("crates/door-native/src/a.rs", reads), Vec::<String>::new());
    }

    #[test]
    fn tests_may_make_statuses() {
        let made = "fn f() -> Status { Status::ok(\"x\") }\n";
        let below = format!("//! Doc.\n#[cfg(test)]\nmod tests {{\n{made}}}\n");
        assert_eq!(check("crates/client/src/error.rs", &below), Vec::<String>::new());
        let above = format!("//! Doc.\n{made}#[cfg(test)]\nmod tests {{}}\n");
        assert_eq!(check("crates/client/src/error.rs", &above).len(), 1);
        for place in ["crates/client/tests/watch.rs", "crates/door/src/status/tests.rs"] {
            assert_eq!(check(place, &format!("//! Doc.\n{made}")), Vec::<String>::new());
        }
    }

    #[test]
    fn clocks_and_hash_maps_are_told_where_code_must_be_pure() {
        let text = "//! Doc.\nuse std::collections::HashMap;\nfn f() { Instant::now(); }\n";
        assert_eq!(check("crates/core/src/apply.rs", text).len(), 2);
        assert_eq!(check("crates/node/src/propose.rs", text), Vec::<String>::new());
    }
}
