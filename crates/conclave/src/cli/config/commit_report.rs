//! What a commit did, or would do.

use conclave_client::config::{
    CommitResponse, CommittedVersion, DeleteNamespaceResponse, RollbackResponse, RollbackSnapshotResponse,
};
use serde::Serialize;

use super::change_text;
use super::views::ChangeView;
use crate::cli::colour::Paint;
use crate::cli::output::Report;
use crate::cli::text;

/// The version that a commit made of a namespace.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(in crate::cli) struct CommitReport {
    pub(in crate::cli) namespace: String,
    pub(in crate::cli) version: u64,
    pub(in crate::cli) added: u32,
    pub(in crate::cli) changed: u32,
    pub(in crate::cli) deleted: u32,
    /// None: nothing was changed.
    pub(in crate::cli) revision: Option<u64>,
    /// None: nothing was changed.
    pub(in crate::cli) time: Option<String>,
    pub(in crate::cli) request_id: String,
    pub(in crate::cli) dry_run: bool,
    /// What would change, item by item, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) changes: Option<Vec<ChangeView>>,
}

impl CommitReport {
    /// Of a commit to one namespace.
    pub(in crate::cli) fn of_commit(answer: CommitResponse, dry_run: bool) -> Self {
        let committed = answer.versions.into_iter().next().unwrap_or_default();
        Self::of(committed, answer.request_id, dry_run).at(answer.revision, answer.time_ms)
    }

    /// Of a commit to several namespaces, each on its own.
    pub(in crate::cli) fn of_commits(answer: CommitResponse, dry_run: bool) -> Vec<Self> {
        let CommitResponse { versions, revision, time_ms, request_id } = answer;
        let report = |committed| Self::of(committed, request_id.clone(), dry_run).at(revision, time_ms);
        versions.into_iter().map(report).collect()
    }

    /// Of a rollback to a snapshot, namespace by namespace.
    pub(in crate::cli) fn of_snapshot(answer: &RollbackSnapshotResponse, dry_run: bool) -> Vec<Self> {
        let report = |committed: &CommittedVersion| {
            Self::of(committed.clone(), answer.request_id.clone(), dry_run)
                .at(answer.revision, answer.time_ms)
        };
        answer.versions.iter().map(report).collect()
    }

    /// Of a rollback.
    pub(in crate::cli) fn of_rollback(answer: RollbackResponse, dry_run: bool) -> Self {
        let committed = answer.committed.unwrap_or_default();
        Self::of(committed, answer.request_id, dry_run).at(answer.revision, answer.time_ms)
    }

    /// Of the deletion of a namespace.
    pub(in crate::cli) fn of_deletion(answer: DeleteNamespaceResponse) -> Self {
        let committed = answer.committed.unwrap_or_default();
        Self::of(committed, answer.request_id, false).at(answer.revision, answer.time_ms)
    }

    fn of(committed: CommittedVersion, request_id: String, dry_run: bool) -> Self {
        Self {
            namespace: committed.namespace,
            version: committed.version,
            added: committed.added,
            changed: committed.changed,
            deleted: committed.deleted,
            revision: None,
            time: None,
            request_id,
            dry_run,
            changes: None,
        }
    }

    fn at(self, revision: u64, time_ms: i64) -> Self {
        let known = !self.dry_run && revision != 0;
        Self { revision: known.then_some(revision), time: known.then(|| text::time(time_ms)), ..self }
    }

    /// One line that says it all.
    fn summary(&self, paint: Paint) -> String {
        let counts = counts(self.added, self.changed, self.deleted);
        let name = text::one_line(&self.namespace, usize::MAX);
        if self.dry_run {
            let version = paint.heading(&format!("{name} would become version {}", self.version));
            return format!("{version}: {counts}; nothing was changed (dry run)\n");
        }
        let version = paint.heading(&format!("{name} version {}", self.version));
        let revision = self.revision.map(|revision| format!(" (revision {revision})")).unwrap_or_default();
        format!("{version}: {counts}{revision}\n")
    }
}

impl Report for CommitReport {
    fn text(&self, paint: Paint) -> String {
        let changes = self.changes.as_deref().unwrap_or_default();
        change_text::changes(changes, paint, "") + &self.summary(paint)
    }
}

/// `2 added, 1 deleted`.
pub(in crate::cli) fn counts(added: u32, changed: u32, deleted: u32) -> String {
    let parts = [(added, "added"), (changed, "changed"), (deleted, "deleted")];
    let told: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if told.is_empty() { "no item changed".into() } else { told.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::super::views::samples::view;
    use super::*;

    fn answer(revision: u64) -> CommitResponse {
        let committed = CommittedVersion {
            namespace: "payments/prod".into(),
            version: 4,
            added: 2,
            changed: 0,
            deleted: 1,
        };
        CommitResponse { versions: vec![committed], revision, time_ms: 0, request_id: "id-1".into() }
    }

    #[test]
    fn a_commit_says_what_it_made() {
        let report = CommitReport::of_commit(answer(17), false);
        assert_eq!(report.text(Paint::PLAIN), "payments/prod version 4: 2 added, 1 deleted (revision 17)\n");
        let json = serde_json::to_value(&report).expect("plain data");
        assert_eq!((json["revision"].as_u64(), json["request_id"].as_str()), (Some(17), Some("id-1")));
        assert_eq!(json["time"], "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_dry_run_shows_changes_and_says_that_nothing_was_changed() {
        let mut report = CommitReport::of_commit(answer(0), true);
        report.changes = Some(vec![view("a", None, Some("1"))]);
        let expected = "+ a: 1\npayments/prod would become version 4: 2 added, 1 deleted; nothing was changed (dry run)\n";
        assert_eq!(report.text(Paint::PLAIN), expected);
        let json = serde_json::to_value(&report).expect("plain data");
        assert!(json["revision"].is_null() && json["time"].is_null());
    }

    #[test]
    fn a_commit_without_effect_says_so() {
        assert_eq!(counts(0, 0, 0), "no item changed");
        assert_eq!(counts(1, 2, 3), "1 added, 2 changed, 3 deleted");
    }
}
