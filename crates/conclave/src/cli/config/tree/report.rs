//! What an export or import of a tree did.

use std::path::{Path, PathBuf};

use conclave_formats::Format;
use serde::Serialize;

use crate::cli::colour::Paint;
use crate::cli::config::change_text;
use crate::cli::config::commit_report::CommitReport;
use crate::cli::config::views::ChangeView;
use crate::cli::errors::Failure;
use crate::cli::output::Report;
use crate::cli::text::{self, counted};

/// What an export did.
#[derive(Debug, Serialize)]
pub(super) struct ExportReport {
    folder: PathBuf,
    format: &'static str,
    /// How many namespaces were to be exported.
    namespaces: usize,
    /// The revision that was read. None: another moment was asked for.
    pub(super) revision: Option<u64>,
    pub(super) written: Vec<PathBuf>,
    /// How many files were the same already.
    pub(super) unchanged: usize,
    pub(super) removed: Vec<PathBuf>,
}

impl ExportReport {
    pub(super) fn new(folder: &Path, format: Format, namespaces: usize) -> Self {
        Self {
            folder: folder.to_owned(),
            format: format.name(),
            namespaces,
            revision: None,
            written: Vec::new(),
            unchanged: 0,
            removed: Vec::new(),
        }
    }

    /// Says how far an export came.
    pub(super) fn interrupted(&self, failure: Failure, namespace: &str) -> Failure {
        let done = self.written.len() + self.unchanged;
        failure.during(&format!("{namespace}, after {done} of {} files", self.namespaces))
    }
}

impl Report for ExportReport {
    fn text(&self, paint: Paint) -> String {
        let shown = |path: &PathBuf| text::one_line(&path.display().to_string(), usize::MAX);
        let written = self.written.iter().map(|path| format!("{}\n", paint.added(&shown(path))));
        let removed = self.removed.iter().map(|path| format!("{} removed\n", paint.deleted(&shown(path))));
        let lines: String = written.chain(removed).collect();
        let revision = self.revision.map(|revision| format!(" at revision {revision}")).unwrap_or_default();
        format!(
            "{lines}{}{revision}: {} written, {} as before\n",
            counted(self.namespaces, "namespace"),
            counted(self.written.len(), "file"),
            self.unchanged,
        )
    }
}

/// What an import of a tree did, or would do.
#[derive(Debug, Serialize)]
pub(super) struct TreeReport {
    pub(super) folder: PathBuf,
    pub(super) dry_run: bool,
    /// How many files there are.
    pub(super) namespaces: usize,
    /// How many of them say what is there already.
    pub(super) unchanged: usize,
    /// How many commits were made, or would be.
    pub(super) commits: usize,
    /// What was made of each namespace; those of one commit have the same revision.
    pub(super) versions: Vec<CommitReport>,
    /// What would change, item by item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) changes: Option<Vec<NamespaceChanges>>,
    /// Namespaces without a file that were deleted, or would be.
    pub(super) deleted_namespaces: Vec<String>,
    /// Files that are no configuration.
    pub(super) passed_over: Vec<PathBuf>,
}

/// What would change in one namespace.
#[derive(Debug, Serialize)]
pub(super) struct NamespaceChanges {
    pub(super) namespace: String,
    pub(super) changes: Vec<ChangeView>,
}

impl Report for TreeReport {
    fn text(&self, paint: Paint) -> String {
        let name = |namespace: &str| paint.heading(&text::one_line(namespace, usize::MAX));
        let mut text = String::new();
        for told in self.changes.iter().flatten() {
            text +=
                &format!("{}\n{}", name(&told.namespace), change_text::changes(&told.changes, paint, "  "));
        }
        text.extend(self.versions.iter().map(|version| version.text(paint)));
        let would = if self.dry_run { "would be " } else { "" };
        text.extend(self.deleted_namespaces.iter().map(|it| format!("{}: {would}deleted\n", name(it))));
        text + &self.summary()
    }
}

impl TreeReport {
    fn summary(&self) -> String {
        let changed = self.namespaces - self.unchanged;
        let commits = match self.commits {
            0 => String::new(),
            count => format!(" in {}", counted(count, "commit")),
        };
        let dry = if self.dry_run { "; nothing was changed (dry run)" } else { "" };
        let all = counted(self.namespaces, "file");
        format!("{all}: {changed} to change{commits}, {} as the namespaces are{dry}\n", self.unchanged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::config::views::samples::view;

    #[test]
    fn an_export_says_what_it_wrote() {
        let mut report = ExportReport::new(Path::new("c"), Format::Yaml, 3);
        (report.revision, report.unchanged) = (Some(17), 2);
        report.written.push("c/a.yaml".into());
        report.removed.push("c/b.yaml".into());
        let expected =
            "c/a.yaml\nc/b.yaml removed\n3 namespaces at revision 17: 1 file written, 2 as before\n";
        assert_eq!(report.text(Paint::PLAIN), expected);
    }

    #[test]
    fn a_dry_run_shows_what_would_change_by_namespace() {
        let changes =
            vec![NamespaceChanges { namespace: "a/b".into(), changes: vec![view("k", None, Some("1"))] }];
        let report = TreeReport {
            folder: "c".into(),
            dry_run: true,
            namespaces: 3,
            unchanged: 2,
            commits: 1,
            versions: Vec::new(),
            changes: Some(changes),
            deleted_namespaces: vec!["old".into()],
            passed_over: Vec::new(),
        };
        let expected = "a/b\n  + k: 1\nold: would be deleted\n3 files: 1 to change in 1 commit, \
                        2 as the namespaces are; nothing was changed (dry run)\n";
        assert_eq!(report.text(Paint::PLAIN), expected);
    }
}
