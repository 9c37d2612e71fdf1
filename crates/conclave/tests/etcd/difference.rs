//! How a difference between two answers is told.

use std::fmt::Debug;

use similar::TextDiff;

/// All lines are shown, so that both answers are seen whole.
const CONTEXT_LINES: usize = 10_000;
/// Of a long script the last requests are told.
const REQUESTS_MAX: usize = 60;

/// What was asked, and both answers as one text: lines of the first alone begin with `-`, of the second with `+`.
pub(crate) fn tell(asked: &[String], [first, second]: [(&String, &impl Debug); 2]) -> String {
    let skipped = asked.len().saturating_sub(REQUESTS_MAX);
    let numbered = (1..).zip(asked).skip(skipped);
    let script: String = numbered.map(|(number, request)| format!("{number:>4}. {request}\n")).collect();
    let (left, right) = (format!("{:#?}\n", first.1), format!("{:#?}\n", second.1));
    let diff = TextDiff::from_lines(&left, &right);
    let diff = diff.unified_diff().context_radius(CONTEXT_LINES).header(first.0, second.0).to_string();
    format!("the answers to the last of these requests differ:\n{script}{diff}")
}

#[test]
fn both_answers_are_told_whole_after_what_was_asked() {
    let names = ["etcd".to_owned(), "ours".to_owned()];
    let asked = ["put".to_owned(), "get".to_owned()];
    let told = tell(&asked, [(&names[0], &["same", "old"]), (&names[1], &["same", "new"])]);
    let expected = "the answers to the last of these requests differ:\n   1. put\n   2. get\n\
                    --- etcd\n+++ ours\n@@ -1,4 +1,4 @@\n [\n     \"same\",\n-    \"old\",\n+    \"new\",\n ]\n";
    assert_eq!(told, expected);
}
