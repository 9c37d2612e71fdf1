//! A watched value is borrowed by a statement of its own.
//!
//! The borrowing lasts to the end of the statement. Whatever else the statement calls meanwhile may borrow the value
//! once more; if somebody wants to change it in between, he waits for the first borrowing, the second for him, and so
//! the first for ever.

const BORROWS: &[&str] = &[".borrow()", ".borrow_and_update()", ".borrow_watched()"];
/// Macros that only look at what they are given.
const LOOKING_MACROS: &[&str] = &["matches!", "assert!", "assert_eq!", "assert_ne!"];

/// Where a borrowed value is one of several arguments of a call, or of several parts of a value, in code without
/// comments and strings: byte offsets.
pub(super) fn among_others(code: &str) -> Vec<usize> {
    let places = BORROWS.iter().flat_map(|borrow| code.match_indices(borrow));
    let among = places.filter(|(at, borrow)| is_among_others(&code[..*at], &code[at + borrow.len()..]));
    let mut found: Vec<usize> = among.map(|(at, _)| at).collect();
    found.sort_unstable();
    found
}

/// Whether the expression that a borrowing belongs to is one of several: `before` and `after` are the code around it.
fn is_among_others(before: &str, after: &str) -> bool {
    let mut depth = 0_usize;
    for (at, byte) in before.bytes().enumerate().rev() {
        match byte {
            b')' | b']' | b'}' => depth += 1,
            b'(' | b'[' | b'{' if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            b'(' => return !is_looking_macro(&before[..at]) && has_more(after),
            b'[' => return has_more(after),
            b',' => return true,
            b'{' => return is_field(&before[at + 1..]),
            // A statement begins, or what is assigned, or the arm of a match.
            b';' | b'=' => return false,
            _ => {}
        }
    }
    false
}

fn is_looking_macro(before: &str) -> bool {
    LOOKING_MACROS.iter().any(|name| before.ends_with(name))
}

/// Whether another one comes after the expression that goes on here.
fn has_more(after: &str) -> bool {
    let mut depth = 0_usize;
    for (at, byte) in after.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            b',' => return !after[at + 1..].trim_start().starts_with([')', ']']),
            b')' | b']' | b'}' | b';' => return false,
            _ => {}
        }
    }
    false
}

/// Whether what follows an opening brace is the name of a field and the beginning of its value.
fn is_field(after: &str) -> bool {
    let name = after.trim_start().trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
    name.starts_with(':') && !name.starts_with("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_borrowing_that_is_one_part_of_several_is_told() {
        let field = "Status { id, alarms: shared.alarms.borrow().names(), disk: disk(shared) }";
        assert_eq!(among_others(field), [field.find(".borrow").unwrap()]);
        for code in [
            "Status { alarms: alarms.borrow().clone() }",
            "tell(*known.borrow(), more())",
            "let x = tell(more(), &known.borrow_and_update());",
            "let pair = (more(), *known.borrow());",
            "tell(known.borrow().get(a, b), more())",
            "[more(), *raft.metrics().borrow_watched()]",
        ] {
            assert_eq!(among_others(code).len(), 1, "{code}");
        }
    }

    #[test]
    fn a_statement_of_its_own_is_fine() {
        for code in [
            "let Alarms { raised, space } = shared.alarms.borrow().clone();",
            "fn f(&self, a: u64) -> u64 { *self.applied.borrow() }",
            "if is_full() || *shared.crowded.borrow() { refuse(); }",
            "match now { Some(x) => *known.borrow(), None => 1 }",
            "let term = { let metrics = metrics.borrow_watched(); metrics.term };",
            "matches!(*ended.borrow(), Some(Ended::Removed))",
            "let leader = hint.take().or(*leaders.borrow_and_update());",
            "tell(\n    &known.borrow(),\n)",
            "let known: Map<u64, Told> = (*known.borrow()).clone();",
        ] {
            assert_eq!(among_others(code), Vec::<usize>::new(), "{code}");
        }
    }
}
