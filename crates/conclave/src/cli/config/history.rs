//! `conclave config history`: the versions of a namespace, the newest first.

use std::fmt::Write as _;

use conclave_client::config::HistoryRequest;
use serde::Serialize;

use super::change_text::{painted, sign};
use super::views::VersionView;
use super::{consistency, item_history, version_text};
use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::output::{OutputFormat, Report};
use crate::cli::session::Session;
use crate::cli::table::Columns;
use crate::cli::text;

/// How much of a message a table shows.
const MESSAGE_CHARS_MAX: usize = 72;

/// List the versions of a namespace, or the changes of one item: who, what, when and why
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave config history payments/prod
  conclave config history payments/prod --limit 5 --changes
  conclave config history payments/prod db.pool
  conclave config history payments/prod --output json | jq '.versions[0].author'")]
pub(in crate::cli) struct HistoryArgs {
    /// The namespace; a deleted one still has its history
    namespace: String,
    /// The item whose changes are wanted; a deleted one still has its history
    key: Option<String>,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Also tell which keys each version changed
    #[arg(long, conflicts_with = "key")]
    changes: bool,
    /// Read what the node has, without asking the leader: fast, perhaps stale
    #[arg(long)]
    local: bool,
}

impl HistoryArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        if let Some(key) = self.key {
            return item_history::show(session, self.namespace, key, self.limit, self.local).await;
        }
        let request = HistoryRequest {
            namespace: self.namespace.clone(),
            with_changes: self.changes,
            consistency: consistency(self.local),
            ..HistoryRequest::default()
        };
        let versions = session.client.history_newest(request, self.limit as usize).await?;
        let versions: Vec<_> = versions.into_iter().map(|it| VersionView::of(it, self.changes)).collect();
        let goes_on =
            versions.len() == self.limit as usize && versions.last().is_some_and(|it| it.version > 1);
        let nothing = || format!("{}: nothing was committed yet", self.namespace);
        let empty = versions.is_empty().then(nothing);
        session.output.show_or_note(&HistoryReport { namespace: self.namespace, versions }, empty)?;
        if goes_on && session.output.format() == OutputFormat::Table {
            session.output.note(&format!("there may be older ones: --limit {}", u64::from(self.limit) * 10));
        }
        Ok(())
    }
}

#[derive(Debug, Serialize)]
struct HistoryReport {
    namespace: String,
    versions: Vec<VersionView>,
}

impl Report for HistoryReport {
    fn text(&self, paint: Paint) -> String {
        if self.versions.iter().any(|version| version.keys.is_some()) {
            return self.versions.iter().map(|version| paragraph(version, paint)).collect();
        }
        let mut columns = Columns::new(&[">VERSION", "TIME", "AUTHOR", "ITEMS", "MESSAGE"], paint);
        for version in &self.versions {
            columns.row([
                version.version.to_string(),
                version.time.clone(),
                version_text::author(&version.author),
                format!("+{} ~{} -{}", version.added, version.changed, version.deleted),
                version_text::message(version, MESSAGE_CHARS_MAX),
            ]);
        }
        columns.into_text()
    }
}

/// A version with the keys that it changed.
fn paragraph(version: &VersionView, paint: Paint) -> String {
    let heading = paint.heading(&format!("version {}", version.version));
    let author = version_text::author(&version.author);
    let message = version_text::message(version, usize::MAX);
    let mut text = format!("{heading}  {}  {author}  {message}", version.time).trim_end().to_owned() + "\n";
    let keys = version.keys.as_deref().unwrap_or_default();
    for change in keys {
        let line = format!("{} {}", sign(change.kind), text::one_line(&change.key, usize::MAX));
        let _ = writeln!(text, "  {}", painted(change.kind, &line, paint));
    }
    let all = u64::from(version.added) + u64::from(version.changed) + u64::from(version.deleted);
    let untold = all.saturating_sub(keys.len() as u64);
    if untold > 0 {
        let _ = writeln!(text, "  {}", paint.aside(&format!("... and {untold} more")));
    }
    text
}

#[cfg(test)]
mod tests {
    use conclave_client::config::{ChangeKind, KeyChange, Version};

    use super::*;

    fn version(number: u64) -> Version {
        Version {
            version: number,
            revision: number * 10,
            author: "ada".into(),
            message: "more connections".into(),
            time_ms: 1_000,
            added: 1,
            changed: 1,
            changes: vec![
                KeyChange { key: "a".into(), kind: ChangeKind::Added.into() },
                KeyChange { key: "b".into(), kind: ChangeKind::Changed.into() },
            ],
            ..Version::default()
        }
    }

    fn report(with_keys: bool) -> HistoryReport {
        let rollback =
            Version { rollback_of: 1, author: String::new(), message: String::new(), ..version(3) };
        let deletion = Version { deleted_namespace: true, deleted: 5, ..version(12) };
        let versions = [deletion, rollback, version(2)].map(|it| VersionView::of(it, with_keys));
        HistoryReport { namespace: "ns".into(), versions: versions.into() }
    }

    #[test]
    fn the_table_shows_who_and_why() {
        let expected = "\
VERSION  TIME                      AUTHOR  ITEMS     MESSAGE
     12  1970-01-01T00:00:01.000Z  ada     +1 ~1 -5  (namespace deleted) more connections
      3  1970-01-01T00:00:01.000Z  -       +1 ~1 -0  (rollback to version 1)
      2  1970-01-01T00:00:01.000Z  ada     +1 ~1 -0  more connections
";
        assert_eq!(report(false).text(Paint::PLAIN), expected);
    }

    #[test]
    fn with_changes_the_keys_come_below_each_version() {
        let expected = "\
version 12  1970-01-01T00:00:01.000Z  ada  (namespace deleted) more connections
  + a
  ~ b
  ... and 5 more
version 3  1970-01-01T00:00:01.000Z  -  (rollback to version 1)
  + a
  ~ b
version 2  1970-01-01T00:00:01.000Z  ada  more connections
  + a
  ~ b
";
        assert_eq!(report(true).text(Paint::PLAIN), expected);
    }
}
