//! What is known of a version, in words.

use super::views::VersionView;
use crate::cli::text;

/// How much of an author's name is shown.
const AUTHOR_CHARS_MAX: usize = 40;

/// An author's name, or a dash.
pub(in crate::cli) fn author(name: &str) -> String {
    if name.is_empty() { "-".into() } else { text::one_line(name, AUTHOR_CHARS_MAX) }
}

/// What the version is beside a commit, then its message.
pub(super) fn message(version: &VersionView, chars_max: usize) -> String {
    let rollback = version.rollback_of.map(|number| format!("(rollback to version {number})"));
    let deletion = version.deleted_namespace.then(|| "(namespace deleted)".to_owned());
    let message = Some(text::one_line(&version.message, chars_max)).filter(|message| !message.is_empty());
    [deletion, rollback, message].into_iter().flatten().collect::<Vec<_>>().join(" ")
}
