//! `conclave config history NAMESPACE KEY`: the changes of one item, the newest first.

use conclave_client::config::{ItemHistoryRequest, ItemRevision};
use serde::Serialize;

use super::change_text::painted;
use super::views::{ItemView, Kind, VersionView};
use super::{consistency, version_text};
use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::output::{OutputFormat, Report};
use crate::cli::session::Session;
use crate::cli::table::Columns;
use crate::cli::text;

/// How much of a value and of a message a table shows.
const VALUE_CHARS_MAX: usize = 40;
const MESSAGE_CHARS_MAX: usize = 60;

/// Shows the newest changes of an item, `limit` at most.
pub(super) async fn show(
    session: &mut Session,
    namespace: String,
    key: String,
    limit: u32,
    local: bool,
) -> Result<(), Failure> {
    let mut request = ItemHistoryRequest {
        namespace: namespace.clone(),
        key: key.clone(),
        page_size: limit.min(1_000),
        consistency: consistency(local),
        ..ItemHistoryRequest::default()
    };
    let mut changes: Vec<RevisionView> = Vec::new();
    let mut more = true;
    while more && changes.len() < limit as usize {
        let page = session.client.item_history(request.clone()).await?;
        changes.extend(page.revisions.into_iter().map(RevisionView::from));
        more = !page.next_page_token.is_empty();
        request.page_token = page.next_page_token;
    }
    more |= changes.len() > limit as usize;
    changes.truncate(limit as usize);
    let empty = changes.is_empty().then(|| format!("{namespace}: item {key:?} has no history"));
    session.output.show_or_note(&ItemHistoryReport { namespace, key, changes }, empty)?;
    if more && session.output.format() == OutputFormat::Table {
        session.output.note(&format!("there are older ones: --limit {}", u64::from(limit) * 2));
    }
    Ok(())
}

/// One change of an item.
#[derive(Debug, Serialize)]
struct RevisionView {
    revision: u64,
    kind: Kind,
    /// None: the version was dropped since.
    version: Option<VersionView>,
    /// None: it was deleted.
    item: Option<ItemView>,
}

impl From<ItemRevision> for RevisionView {
    fn from(told: ItemRevision) -> Self {
        let kind = told.kind().into();
        let version = told.version.unwrap_or_default();
        let revision = version.revision;
        let version = (version.version != 0).then(|| VersionView::of(version, false));
        Self { revision, kind, version, item: told.item.map(ItemView) }
    }
}

#[derive(Debug, Serialize)]
struct ItemHistoryReport {
    namespace: String,
    key: String,
    changes: Vec<RevisionView>,
}

impl Report for ItemHistoryReport {
    fn text(&self, paint: Paint) -> String {
        let names = [">VERSION", "TIME", "AUTHOR", "CHANGE", "VALUE", "MESSAGE"];
        let mut columns = Columns::new(&names, paint);
        for change in &self.changes {
            columns.row(change.cells(paint));
        }
        columns.into_text()
    }
}

impl RevisionView {
    fn cells(&self, paint: Paint) -> [String; 6] {
        let word = match self.kind {
            Kind::Added => "added",
            Kind::Changed => "changed",
            Kind::Deleted => "deleted",
        };
        let value = self.item.as_ref().map(|item| text::value_preview(&item.0.value, VALUE_CHARS_MAX));
        let (word, value) = (painted(self.kind, word, paint), value.unwrap_or_default());
        match &self.version {
            Some(version) => [
                version.version.to_string(),
                version.time.clone(),
                version_text::author(&version.author),
                word,
                value,
                version_text::message(version, MESSAGE_CHARS_MAX),
            ],
            None => ["-".into(), "-".into(), "-".into(), word, value, "(version no longer kept)".into()],
        }
    }
}

#[cfg(test)]
mod tests {
    use conclave_client::config::{ChangeKind, Version};

    use super::super::views::samples::item;
    use super::*;

    fn revision(version: u64, kind: ChangeKind, value: Option<&str>) -> ItemRevision {
        let version = Version { version, revision: 40, author: "ada".into(), ..Version::default() };
        ItemRevision { version: Some(version), kind: kind.into(), item: value.map(|value| item("k", value)) }
    }

    #[test]
    fn the_table_shows_every_change_also_of_versions_that_were_dropped() {
        let changes = [
            revision(12, ChangeKind::Deleted, None),
            revision(3, ChangeKind::Changed, Some("a\nb")),
            revision(0, ChangeKind::Added, Some("1")),
        ];
        let changes = changes.map(RevisionView::from).into();
        let report = ItemHistoryReport { namespace: "ns".into(), key: "k".into(), changes };
        let expected = "\
VERSION  TIME                      AUTHOR  CHANGE   VALUE  MESSAGE
     12  1970-01-01T00:00:00.000Z  ada     deleted
      3  1970-01-01T00:00:00.000Z  ada     changed  a\\nb
      -  -                         -       added    1      (version no longer kept)
";
        assert_eq!(report.text(Paint::PLAIN), expected);
        let json = serde_json::to_value(&report).expect("plain data");
        assert_eq!(
            (json["changes"][0]["item"].is_null(), json["changes"][2]["version"].is_null()),
            (true, true)
        );
        assert_eq!(json["changes"][2]["revision"].as_u64(), Some(40));
    }
}
