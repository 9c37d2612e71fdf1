//! What changed, as text: one line for a short value, a line diff for a long one.
//!
//! ```text
//! + db.pool: 8
//! - db.old: 5
//! ~ motd
//!       hello
//!     - old line
//!     + new line
//! ```

use std::fmt::Write as _;
use std::time::Duration;

use conclave_client::config::Item;
use similar::{ChangeTag, TextDiff};

use super::views::{ChangeView, Kind};
use crate::cli::colour::Paint;
use crate::cli::text;

/// Unchanged lines that are shown around changed ones.
const CONTEXT_LINES: usize = 3;
/// How long the search for the smallest line diff may take.
const DIFF_TIME_MAX: Duration = Duration::from_secs(1);
/// How far lines of a value stand to the right of their key.
const INDENT: &str = "    ";

/// The text of all changes, each with `margin` before its lines.
pub(in crate::cli) fn changes(changes: &[ChangeView], paint: Paint, margin: &str) -> String {
    let mut lines = Lines { text: String::new(), margin, paint };
    for change in changes {
        lines.change(change);
    }
    lines.text
}

/// The sign that stands before a key.
pub(in crate::cli) fn sign(kind: Kind) -> char {
    match kind {
        Kind::Added => '+',
        Kind::Changed => '~',
        Kind::Deleted => '-',
    }
}

/// A text in the colour of a change.
pub(in crate::cli) fn painted(kind: Kind, text: &str, paint: Paint) -> String {
    match kind {
        Kind::Added => paint.added(text),
        Kind::Changed => paint.changed(text),
        Kind::Deleted => paint.deleted(text),
    }
}

struct Lines<'a> {
    text: String,
    margin: &'a str,
    paint: Paint,
}

impl Lines<'_> {
    fn change(&mut self, change: &ChangeView) {
        let head = format!("{} {}", sign(change.kind), text::one_line(&change.key, usize::MAX));
        match (&change.before, &change.after) {
            (Some(before), Some(after)) => {
                self.line(change.kind, &head);
                self.value(&before.0.value, &after.0.value);
                self.content_type(&before.0, &after.0);
                self.labels(&before.0, &after.0);
            }
            (Some(only), None) | (None, Some(only)) => self.whole(change.kind, &head, &only.0.value),
            (None, None) => self.line(change.kind, &head),
        }
    }

    fn line(&mut self, kind: Kind, line: &str) {
        let margin = self.margin;
        let _ = writeln!(self.text, "{margin}{}", painted(kind, line, self.paint));
    }

    /// An item that is there on one side only.
    fn whole(&mut self, kind: Kind, head: &str, value: &[u8]) {
        match std::str::from_utf8(value) {
            Ok(value) if !value.contains('\n') => self.line(kind, &format!("{head}: {}", text::lines(value))),
            Ok(value) => {
                self.line(kind, head);
                for line in value.split_inclusive('\n') {
                    self.value_line(kind, line);
                    self.end_of(line);
                }
            }
            Err(_) => self.line(kind, &format!("{head}: {}", text::binary(value))),
        }
    }

    fn value(&mut self, before: &[u8], after: &[u8]) {
        if before == after {
            return;
        }
        match (std::str::from_utf8(before), std::str::from_utf8(after)) {
            (Ok(before), Ok(after)) if before.contains('\n') || after.contains('\n') => {
                self.line_diff(before, after);
            }
            _ => {
                self.value_line(Kind::Deleted, &text_or_size(before));
                self.value_line(Kind::Added, &text_or_size(after));
            }
        }
    }

    fn value_line(&mut self, kind: Kind, line: &str) {
        let line = format!("{INDENT}{} {}", sign(kind), text::lines(line.trim_end_matches('\n')));
        self.line(kind, &line);
    }

    fn line_diff(&mut self, before: &str, after: &str) {
        let diff = TextDiff::configure().timeout(DIFF_TIME_MAX).diff_lines(before, after);
        for (at, group) in diff.grouped_ops(CONTEXT_LINES).iter().enumerate() {
            if at > 0 {
                self.aside("...");
            }
            for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                match change.tag() {
                    ChangeTag::Delete => self.value_line(Kind::Deleted, change.value()),
                    ChangeTag::Insert => self.value_line(Kind::Added, change.value()),
                    ChangeTag::Equal => self.same_line(change.value()),
                }
                self.end_of(change.value());
            }
        }
    }

    fn same_line(&mut self, line: &str) {
        let margin = self.margin;
        let _ = writeln!(self.text, "{margin}{INDENT}  {}", text::lines(line.trim_end_matches('\n')));
    }

    /// Says so if a line of a text with lines does not end.
    fn end_of(&mut self, line: &str) {
        if !line.ends_with('\n') {
            self.aside("\\ no line break at the end");
        }
    }

    fn content_type(&mut self, before: &Item, after: &Item) {
        if before.content_type != after.content_type {
            let [before, after] = [before, after].map(|item| text::one_line(&item.content_type, 80));
            self.aside(&format!("content type: {before} -> {after}"));
        }
    }

    fn labels(&mut self, before: &Item, after: &Item) {
        let mut names: Vec<&String> = before.labels.keys().chain(after.labels.keys()).collect();
        names.sort();
        names.dedup();
        for name in names.into_iter().filter(|name| before.labels.get(*name) != after.labels.get(*name)) {
            let [before, after] = [before, after].map(|item| {
                item.labels.get(name).map_or_else(|| "(none)".into(), |value| text::one_line(value, 128))
            });
            self.aside(&format!("label {}: {before} -> {after}", text::one_line(name, 128)));
        }
    }

    fn aside(&mut self, line: &str) {
        let margin = self.margin;
        let _ = writeln!(self.text, "{margin}{INDENT}{}", self.paint.aside(line));
    }
}

fn text_or_size(value: &[u8]) -> String {
    std::str::from_utf8(value).map_or_else(|_| text::binary(value), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::views::ItemView;
    use super::super::views::samples::{item, view};
    use super::*;

    fn plain(change: ChangeView) -> String {
        changes(&[change], Paint::PLAIN, "")
    }

    #[test]
    fn short_values_take_a_line_each() {
        let text = changes(
            &[view("a", None, Some("1")), view("b", Some("x"), Some("y")), view("c", Some("2"), None)],
            Paint::PLAIN,
            "",
        );
        assert_eq!(text, "+ a: 1\n~ b\n    - x\n    + y\n- c: 2\n");
    }

    #[test]
    fn long_values_are_compared_line_by_line() {
        let before: String = (1..=20).map(|number| format!("line {number}\n")).collect();
        let after =
            before.replace("line 2\n", "line two\n").replace("line 19\n", "").replace("line 20\n", "line 20");
        let expected = r"~ motd
      line 1
    - line 2
    + line two
      line 3
      line 4
      line 5
    ...
      line 16
      line 17
      line 18
    - line 19
    - line 20
    + line 20
    \ no line break at the end
";
        assert_eq!(plain(view("motd", Some(&before), Some(&after))), expected);
    }

    #[test]
    fn a_line_break_at_the_end_is_a_change_that_shows() {
        let expected = "~ k\n    - v\n    \\ no line break at the end\n    + v\n";
        assert_eq!(plain(view("k", Some("v"), Some("v\n"))), expected);
        assert_eq!(
            plain(view("k", None, Some("a\nb"))),
            "+ k\n    + a\n    + b\n    \\ no line break at the end\n"
        );
    }

    #[test]
    fn bytes_and_control_characters_never_reach_the_terminal() {
        let mut change = view("k", Some(""), Some("\u{1b}[2J"));
        change.before = Some(ItemView(item("k", [0xff, 0xfe])));
        assert_eq!(plain(change), "~ k\n    - (binary, 2 bytes)\n    + \\u{1b}[2J\n");
    }

    #[test]
    fn content_type_and_labels_are_told_too() {
        let mut change = view("k", Some("1"), Some("1"));
        let after = change.after.as_mut().map(|view| &mut view.0).expect("it has an after");
        after.content_type = "application/json".into();
        after.labels.insert("team".into(), "core".into());
        let expected =
            "~ k\n    content type: text/plain -> application/json\n    label team: (none) -> core\n";
        assert_eq!(plain(change), expected);
    }

    #[test]
    fn colour_and_margin_go_around_each_line() {
        let text = changes(&[view("a", None, Some("1"))], Paint::FULL, "  ");
        assert_eq!(text, "  \u{1b}[32m+ a: 1\u{1b}[0m\n");
    }
}
