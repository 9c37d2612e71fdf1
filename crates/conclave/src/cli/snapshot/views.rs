//! Snapshots, as reports tell them.

use conclave_client::config::{ListSnapshotNamespacesRequest, Snapshot, SnapshotNamespace};
use serde::Serialize;

use crate::cli::colour::Paint;
use crate::cli::config::consistency;
use crate::cli::errors::Failure;
use crate::cli::output::Report;
use crate::cli::session::Session;
use crate::cli::text::{self, counted};

/// What is known of a snapshot.
#[derive(Debug, Clone, Serialize)]
pub(super) struct SnapshotView {
    pub(super) name: String,
    pub(super) revision: u64,
    pub(super) all_namespaces: bool,
    pub(super) namespaces: u64,
    pub(super) time: String,
    pub(super) author: String,
    pub(super) message: String,
}

impl From<Snapshot> for SnapshotView {
    fn from(snapshot: Snapshot) -> Self {
        let time = text::time(snapshot.time_ms);
        let Snapshot { name, revision, all_namespaces, namespaces, author, message, .. } = snapshot;
        Self { name, revision, all_namespaces, namespaces, time, author, message }
    }
}

impl SnapshotView {
    /// `12 namespaces (all)`.
    pub(super) fn extent(&self) -> String {
        let count = counted(usize::try_from(self.namespaces).unwrap_or(usize::MAX), "namespace");
        if self.all_namespaces { count + " (all)" } else { count }
    }
}

impl Report for SnapshotView {
    fn text(&self, paint: Paint) -> String {
        let heading = paint.heading(&text::one_line(&self.name, usize::MAX));
        format!("{heading}: {} at revision {}\n", self.extent(), self.revision)
    }
}

/// A snapshot that is no more.
#[derive(Debug, Serialize)]
pub(super) struct DeletedView {
    #[serde(flatten)]
    pub(super) snapshot: SnapshotView,
    pub(super) deleted: bool,
}

impl Report for DeletedView {
    fn text(&self, paint: Paint) -> String {
        let heading = paint.heading(&text::one_line(&self.snapshot.name, usize::MAX));
        let SnapshotView { revision, .. } = self.snapshot;
        format!("{heading}: deleted; it named {} at revision {revision}\n", self.snapshot.extent())
    }
}

/// All namespaces of a snapshot, in order of name.
pub(super) async fn namespaces(
    session: &Session,
    snapshot: &str,
    local: bool,
) -> Result<Vec<SnapshotNamespace>, Failure> {
    let mut request = ListSnapshotNamespacesRequest {
        snapshot: snapshot.into(),
        page_size: 1_000,
        consistency: consistency(local),
        ..ListSnapshotNamespacesRequest::default()
    };
    let mut namespaces = Vec::new();
    loop {
        let page = session.client.list_snapshot_namespaces(request.clone()).await?;
        namespaces.extend(page.namespaces);
        if page.next_page_token.is_empty() {
            return Ok(namespaces);
        }
        request.page_token = page.next_page_token;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_a_line() {
        let snapshot = Snapshot { name: "before".into(), revision: 17, namespaces: 1, ..Snapshot::default() };
        let view = SnapshotView::from(snapshot);
        assert_eq!(view.text(Paint::PLAIN), "before: 1 namespace at revision 17\n");
        let all = SnapshotView { all_namespaces: true, namespaces: 1_200, ..view };
        assert_eq!(all.text(Paint::PLAIN), "before: 1,200 namespaces (all) at revision 17\n");
        let json = serde_json::to_value(DeletedView { snapshot: all, deleted: true }).expect("plain data");
        assert_eq!((json["name"].as_str(), json["deleted"].as_bool()), (Some("before"), Some(true)));
    }
}
