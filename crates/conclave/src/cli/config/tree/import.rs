//! `conclave config import FOLDER`: makes the items of many namespaces those of their files.
//!
//! Only what differs is committed, each namespace under the condition that it is still at the version that was
//! compared. If all of it fits in one commit, all of it happens at one revision or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use conclave_client::config::{
    CommitRequest, DeleteNamespaceRequest, ItemChange, ListNamespacesRequest, Namespace, NamespaceEdits,
};

use super::files::{self, Tree, TreeFile};
use super::pack::{Work, pack};
use super::report::{NamespaceChanges, TreeReport};
use crate::cli::config::commit;
use crate::cli::config::commit_report::CommitReport;
use crate::cli::config::import_plan::{self, COMMIT, Wanted};
use crate::cli::config::present::Present;
use crate::cli::config::views::ChangeView;
use crate::cli::config::{HeldArgs, WriteArgs, delete, input};
use crate::cli::errors::Failure;
use crate::cli::progress::Progress;
use crate::cli::session::Session;
use crate::cli::text::counted;

/// An import of a tree, as the command line asks for it.
pub(in crate::cli::config) struct TreeImport {
    pub(in crate::cli::config) folder: PathBuf,
    /// Delete items that no file holds.
    pub(in crate::cli::config) prune: bool,
    /// Delete namespaces that have no file.
    pub(in crate::cli::config) prune_namespaces: bool,
    /// Do not ask before namespaces are deleted.
    pub(in crate::cli::config) yes: bool,
    pub(in crate::cli::config) dry_run: bool,
    pub(in crate::cli::config) held: HeldArgs,
    pub(in crate::cli::config) write: WriteArgs,
}

/// What one file changes.
struct Difference {
    work: Work,
    changes: Vec<ItemChange>,
}

impl TreeImport {
    pub(in crate::cli::config) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let tree = files::walk(&self.folder)?;
        let by_namespace = tree.by_namespace()?;
        if by_namespace.is_empty() {
            let message = format!("{}: there is no file of a known format", self.folder.display());
            return Err(Failure::usage(message)
                .with_hint("the names of files tell: payments/prod.yaml, shop/test.toml"));
        }
        let differences = self.differences(session, by_namespace.values().copied()).await?;
        let kept = by_namespace.keys().copied().collect();
        let surplus = if self.prune_namespaces { surplus(session, &kept).await? } else { Vec::new() };
        self.confirm(&surplus)?;
        self.apply(session, &tree, differences, surplus).await
    }

    /// What each file changes; files that say what is there are left out.
    async fn differences(
        &self,
        session: &Session,
        files: impl ExactSizeIterator<Item = &TreeFile>,
    ) -> Result<Vec<Difference>, Failure> {
        let progress = Progress::of("comparing", files.len());
        let mut differences = Vec::new();
        for file in files {
            let items = input::items(&file.path.display().to_string(), file.format)?;
            let wanted = Wanted { items, format: file.format };
            let told = |failure: Failure| failure.during(&file.path.display().to_string());
            let present = Present::read(session, &file.namespace, true).await.map_err(told)?;
            let changes = import_plan::changes(present.items, wanted, self.prune);
            if !present.exists || !changes.is_empty() {
                let edits = changes.iter().map(import_plan::edit).collect();
                let (namespace, creates) = (file.namespace.clone(), !present.exists);
                let work = Work { namespace, version: present.version, creates, edits };
                differences.push(Difference { work, changes });
            }
            progress.step();
        }
        Ok(differences)
    }

    fn confirm(&self, surplus: &[Namespace]) -> Result<(), Failure> {
        if surplus.is_empty() || self.yes || self.dry_run {
            return Ok(());
        }
        let names: Vec<&str> = surplus.iter().map(|it| it.name.as_str()).collect();
        delete::confirmed(&format!(
            "Delete {} that have no file ({})",
            counted(names.len(), "namespace"),
            names.join(", ")
        ))
    }

    async fn apply(
        self,
        session: &mut Session,
        tree: &Tree,
        differences: Vec<Difference>,
        surplus: Vec<Namespace>,
    ) -> Result<(), Failure> {
        let unchanged = tree.files.len() - differences.len();
        let (work, changes): (Vec<_>, Vec<_>) = differences.into_iter().map(told_apart).unzip();
        let commits = pack(work, COMMIT);
        if commits.is_empty() && (self.dry_run || surplus.is_empty()) {
            self.held.require(session).await?;
        }
        if commits.len() > 1 {
            session.output.note(&format!(
                "note: it takes {}: each is atomic, the whole is not",
                counted(commits.len(), "commit")
            ));
        }
        let mut report = TreeReport {
            dry_run: self.dry_run,
            namespaces: tree.files.len(),
            unchanged,
            commits: commits.len(),
            versions: self.commit(session, commits).await?,
            changes: self.dry_run.then_some(changes),
            deleted_namespaces: surplus.iter().map(|it| it.name.clone()).collect(),
            passed_over: tree.passed_over.clone(),
            folder: self.folder.clone(),
        };
        if !self.dry_run {
            report.versions.extend(self.delete(session, surplus).await?);
        }
        if let Some(note) = passed_over(&tree.passed_over) {
            session.output.note(&note);
        }
        session.output.show(&report)
    }

    /// Makes the commits one after the other; what goes on in a later one expects the version that the earlier made.
    async fn commit(
        &self,
        session: &Session,
        commits: Vec<Vec<NamespaceEdits>>,
    ) -> Result<Vec<CommitReport>, Failure> {
        let (all, progress) = (commits.len(), Progress::of("committing", commits.len()));
        let mut newest: BTreeMap<String, u64> = BTreeMap::new();
        let mut versions = Vec::new();
        for (made, mut namespaces) in commits.into_iter().enumerate() {
            for edits in namespaces.iter_mut().filter(|_| !self.dry_run) {
                edits.expected_version = edits.expected_version.or(newest.get(&edits.namespace).copied());
            }
            let places = commit::Places::of(&namespaces);
            let request = CommitRequest {
                namespaces,
                authorship: Some(session.authorship(&self.write)),
                dry_run: self.dry_run,
                held_locks: self.held.locks(),
            };
            let answer = session.client.commit(request).await.map_err(|error| {
                let failure = Failure::of_client(&error, |field| places.told(field));
                if all == 1 { failure } else { interrupted(failure, made, all) }
            })?;
            newest.extend(answer.versions.iter().map(|it| (it.namespace.clone(), it.version)));
            versions.extend(CommitReport::of_commits(answer, self.dry_run));
            progress.step();
        }
        Ok(versions)
    }

    async fn delete(&self, session: &Session, surplus: Vec<Namespace>) -> Result<Vec<CommitReport>, Failure> {
        let mut versions = Vec::with_capacity(surplus.len());
        for namespace in surplus {
            let request = DeleteNamespaceRequest {
                namespace: namespace.name,
                expected_version: Some(namespace.version),
                authorship: Some(session.authorship(&self.write)),
                held_locks: self.held.locks(),
            };
            versions.push(CommitReport::of_deletion(session.client.delete_namespace(request).await?));
        }
        Ok(versions)
    }
}

fn told_apart(difference: Difference) -> (Work, NamespaceChanges) {
    let Difference { work, changes } = difference;
    let changes = changes.into_iter().map(ChangeView::from).collect();
    let told = NamespaceChanges { namespace: work.namespace.clone(), changes };
    (work, told)
}

/// Namespaces that have no file.
async fn surplus(session: &Session, kept: &BTreeSet<&str>) -> Result<Vec<Namespace>, Failure> {
    let all = session.client.list_all_namespaces(ListNamespacesRequest::default()).await?;
    Ok(all.into_iter().filter(|namespace| !kept.contains(namespace.name.as_str())).collect())
}

fn passed_over(files: &[PathBuf]) -> Option<String> {
    let first = files.first()?;
    let more = match files.len() - 1 {
        0 => String::new(),
        more => format!(" and {} more", counted(more, "file")),
    };
    Some(format!("note: passed over, of no known format: {}{more}", first.display()))
}

/// Says how far an import in several commits came.
fn interrupted(failure: Failure, made: usize, all: usize) -> Failure {
    let hint = "run it again when that is mended: only what still differs is committed";
    failure.during(&format!("{made} of {all} commits were made")).with_hint(hint)
}
