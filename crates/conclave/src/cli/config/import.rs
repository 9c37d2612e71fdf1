//! `conclave config import`: makes a namespace's items those of a file; of a folder, see [`super::tree`].
//!
//! Only what differs is committed, under the condition that the namespace is still at the version that
//! was compared: nobody's commit in between is overwritten unseen.

use std::path::{Path, PathBuf};

use conclave_client::config::{Edit, NamespaceEdits};
use conclave_formats::Format;
use serde::Serialize;

use super::commit::commit;
use super::commit_report::CommitReport;
use super::import_plan::{self, COMMIT, Wanted};
use super::present::Present;
use super::tree::TreeImport;
use super::views::ChangeView;
use super::{CommitArgs, change_text, input};
use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::exit::Exit;
use crate::cli::output::Report;
use crate::cli::session::Session;
use crate::cli::text::{self, counted};

/// Set the items of a namespace to those of a file, or those of many to a folder of files
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave config import payments/prod settings.yaml --dry-run
  conclave config import payments/prod settings.yaml -m \"as reviewed in #812\"
  conclave config import payments/prod settings.toml --prune
  conclave config import config/ --prune --dry-run
  render-settings | conclave config import shop/test - --format json --create-namespace

A structured file is flattened: `db: {pool: 8}` becomes the item db.pool. Only items that differ are \
committed, all in one commit, and only if nobody committed since they were compared.

Of a folder, config/payments/prod.yaml is the namespace payments/prod; those that do not exist are created. \
All of it is one commit if it fits, else as few as it takes, with each namespace in one of them if that \
fits. Files and folders that begin with a dot are passed over, as are files of no known format.")]
pub(in crate::cli) struct ImportArgs {
    /// The namespace; or a folder, as `conclave config export` writes it
    #[arg(value_name = "NAMESPACE|FOLDER")]
    namespace: String,
    /// The file, in YAML, JSON, TOML, properties, env or XML; - is standard input
    file: Option<String>,
    /// The file's format: yaml, json, toml, properties, env or xml [default: by the file's name]
    #[arg(long)]
    format: Option<Format>,
    /// Delete items that are not in the file
    #[arg(long)]
    prune: bool,
    /// Delete namespaces that have no file in the folder
    #[arg(long, requires = "prune", conflicts_with = "file")]
    prune_namespaces: bool,
    /// Do not ask before namespaces are deleted
    #[arg(long, short, requires = "prune_namespaces")]
    yes: bool,
    /// Create the namespace if it does not exist
    #[arg(long)]
    create_namespace: bool,
    /// Use several commits if one cannot take it all: each is atomic, the whole is not
    #[arg(long, conflicts_with = "request_id")]
    split: bool,
    #[command(flatten)]
    commit: CommitArgs,
}

impl ImportArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let Some(file) = self.file.clone() else { return self.tree()?.run(session).await };
        let wanted = self.read(&file)?;
        let present = Present::read(session, &self.namespace, self.create_namespace).await?;
        let expected_version = self.expected_version(&present)?;
        let changes = import_plan::changes(present.items, wanted, self.prune);
        let edits: Vec<Edit> = changes.iter().map(import_plan::edit).collect();
        let commits = if present.exists && edits.is_empty() {
            self.commit.held.require(session).await?;
            Vec::new()
        } else {
            self.commit(session, edits, expected_version).await?
        };
        let dry_run = self.commit.dry_run;
        let changes = dry_run.then(|| changes.into_iter().map(ChangeView::from).collect());
        let (namespace, version) = (self.namespace, present.version);
        session.output.show(&ImportReport { namespace, version, dry_run, changes, commits })
    }

    /// The file's items.
    fn read(&self, file: &str) -> Result<Wanted, Failure> {
        let format = self.format.or_else(|| Format::from_path(Path::new(file))).ok_or_else(|| {
            let message = format!("the format of {file:?} cannot be told from its name");
            Failure::usage(message).with_hint("say it: --format yaml, json, toml, properties, env or xml")
        })?;
        Ok(Wanted { items: input::items(file, format)?, format })
    }

    /// The import of a folder. What makes sense for one namespace only is refused.
    fn tree(self) -> Result<TreeImport, Failure> {
        let folder = PathBuf::from(&self.namespace);
        if !folder.is_dir() {
            let message =
                format!("{:?} is no folder: a folder, or a namespace and a file, are wanted", self.namespace);
            return Err(Failure::usage(message));
        }
        let single = [
            (self.format.is_some(), "--format: the names of the files tell theirs"),
            (self.commit.expect_version.is_some(), "--expect-version: each namespace has its own"),
            (self.commit.write.request_id.is_some(), "--request-id: one id cannot name several commits"),
        ];
        if let Some((_, flag)) = single.iter().find(|(is_given, _)| *is_given) {
            return Err(Failure::usage(format!("a folder does not go with {flag}")));
        }
        let Self { prune, prune_namespaces, yes, commit, .. } = self;
        let CommitArgs { write, held, dry_run, .. } = commit;
        Ok(TreeImport { folder, prune, prune_namespaces, yes, dry_run, held, write })
    }

    /// The version that the first commit expects: the one that the file was compared with. A repeated
    /// request is left to the node, which knows what it answered.
    fn expected_version(&self, present: &Present) -> Result<u64, Failure> {
        let (found, expected) = (present.version, self.commit.expect_version.unwrap_or(present.version));
        if expected != found && self.commit.write.request_id.is_none() {
            let name = &self.namespace;
            let message = format!("namespace {name:?} is at version {found}, not at {expected} as expected");
            let hint = format!("look at `conclave config history {name}`, then decide again");
            return Err(Failure::new(Exit::Conflict, message).with_hint(hint));
        }
        Ok(expected)
    }

    /// Commits the edits: in one commit, or with `--split` in as many as it takes.
    async fn commit(
        &self,
        session: &Session,
        edits: Vec<Edit>,
        expected_version_first: u64,
    ) -> Result<Vec<CommitReport>, Failure> {
        let (count, size_bytes) = (edits.len(), edits.iter().map(import_plan::size_bytes).sum::<usize>());
        let parts = if self.split && count > 0 { import_plan::split(edits, COMMIT) } else { vec![edits] };
        let all = parts.len();
        let mut commits: Vec<CommitReport> = Vec::with_capacity(all);
        for part in parts {
            let expected_version = match commits.last() {
                Some(before) => Some(before.version).filter(|_| !self.commit.dry_run),
                None => Some(expected_version_first),
            };
            let edits = NamespaceEdits {
                namespace: self.namespace.clone(),
                edits: part,
                expected_version,
                create_if_missing: self.create_namespace,
            };
            match commit(session, &self.commit, edits).await {
                Ok(report) => commits.push(report),
                Err(failure) if all == 1 => return Err(explained(failure, count, size_bytes)),
                Err(failure) => return Err(interrupted(failure, commits.len(), all)),
            }
        }
        Ok(commits)
    }
}

/// Says how far an import in several commits came.
fn interrupted(failure: Failure, made: usize, all: usize) -> Failure {
    let hint = "run it again when that is mended: only what still differs is committed";
    failure.during(&format!("{made} of {all} commits were made")).with_hint(hint)
}

/// Says why one commit may not have taken it all, if it was that much.
fn explained(failure: Failure, count: usize, size_bytes: usize) -> Failure {
    let too_much = count > COMMIT.edits_max || size_bytes > COMMIT.size_bytes_max;
    if !too_much || failure.exit() != Exit::Invalid {
        return failure;
    }
    failure.with_hint(format!(
        "the import makes {} of {}; by default a commit takes {} and {}. --split uses several commits: each \
         is atomic, the whole is not",
        counted(count, "edit"),
        counted(size_bytes, "byte"),
        counted(COMMIT.edits_max, "edit"),
        counted(COMMIT.size_bytes_max, "byte"),
    ))
}

#[derive(Debug, Serialize)]
struct ImportReport {
    namespace: String,
    /// The version that was compared. 0: there was none.
    version: u64,
    dry_run: bool,
    /// What would change, item by item.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Vec<ChangeView>>,
    /// Empty: there was nothing to change.
    commits: Vec<CommitReport>,
}

impl Report for ImportReport {
    fn text(&self, paint: Paint) -> String {
        if self.commits.is_empty() {
            let name = text::one_line(&self.namespace, usize::MAX);
            return format!("{name} version {} is as the file says: nothing to change\n", self.version);
        }
        let changes = self.changes.as_deref().unwrap_or_default();
        let commits: String = self.commits.iter().map(|commit| commit.text(paint)).collect();
        change_text::changes(changes, paint, "") + &commits
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    fn parse(args: &[&str]) -> Result<ImportArgs, clap::Error> {
        let command = ImportArgs::augment_args(clap::Command::new("import"));
        let matches = command.try_get_matches_from([&["import", "ns"], args].concat())?;
        ImportArgs::from_arg_matches(&matches)
    }

    #[test]
    fn a_file_is_read_in_the_format_of_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("settings.json");
        std::fs::write(&path, "{\"db\": {\"pool\": 8}}").expect("a file");
        let path = path.to_str().expect("the path is text");
        let items = parse(&[path]).expect("right").read(path).expect("it is JSON").items;
        assert_eq!((items[0].key.as_str(), &items[0].value[..]), ("db.pool", &b"8"[..]));
    }

    #[test]
    fn a_mistake_in_the_file_is_told_with_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("settings.json");
        std::fs::write(&path, "{\"a\": 1,\n \"a\": 2}").expect("a file");
        let path = path.to_str().expect("the path is text");
        let failure = parse(&[path]).expect("right").read(path).expect_err("a key comes twice");
        assert_eq!(failure.exit(), Exit::Invalid);
        assert!(
            failure.to_string().contains(&format!("{path}:2:2: the key \"a\" is set twice")),
            "{failure}"
        );
    }

    #[test]
    fn a_format_that_nothing_tells_must_be_said() {
        for file in ["-", "README"] {
            let failure = parse(&[file]).expect("right").read(file).expect_err("no format");
            assert_eq!(failure.exit(), Exit::Usage);
        }
        parse(&["a.ini", "--format", "ini"]).expect_err("no such format");
    }

    #[test]
    fn a_folder_takes_no_flags_of_one_namespace() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().to_str().expect("the path is text");
        let tree = |flags: &[&str]| {
            let command = ImportArgs::augment_args(clap::Command::new("import"));
            let matches = command.try_get_matches_from([&["import", path], flags].concat()).expect("right");
            ImportArgs::from_arg_matches(&matches).expect("right").tree()
        };
        let import = tree(&["--prune", "--prune-namespaces", "--dry-run"]).expect("right");
        assert!(import.prune && import.prune_namespaces && import.dry_run && !import.yes);
        for flags in [["--format", "json"], ["--expect-version", "3"], ["--request-id", "x"]] {
            assert!(tree(&flags).is_err(), "{flags:?}");
        }
        let failure = parse(&[]).expect("right").tree().err().expect("ns is no folder");
        assert!(failure.to_string().contains("is no folder"), "{failure}");
    }

    #[test]
    fn too_much_for_one_commit_offers_to_split() {
        let refused = || Failure::new(Exit::Invalid, "too many edits");
        assert!(explained(refused(), 1_400, 10).to_string().contains("1,400 edits of 10 bytes"));
        assert!(explained(refused(), 1, 5 << 20).to_string().contains("--split"));
        assert_eq!(explained(refused(), 1_000, 10), refused());
        let elsewhere = || Failure::new(Exit::Conflict, "another version");
        assert_eq!(explained(elsewhere(), 1_400, 10), elsewhere());
        parse(&["a.json", "--split", "--request-id", "x"]).expect_err("one id cannot name several commits");
    }

    #[test]
    fn another_version_than_expected_is_a_conflict_though_nothing_is_to_change() {
        let present = Present { items: Vec::new(), version: 4, exists: true };
        let expected = |args: &[&str]| parse(args).expect("right").expected_version(&present);
        assert_eq!((expected(&["a.json"]), expected(&["a.json", "--expect-version", "4"])), (Ok(4), Ok(4)));
        let failure = expected(&["a.json", "--expect-version", "3"]).expect_err("it is at another");
        assert_eq!(failure.exit(), Exit::Conflict);
        assert!(failure.to_string().contains("is at version 4, not at 3 as expected"), "{failure}");
        assert_eq!(expected(&["a.json", "--expect-version", "3", "--request-id", "x"]), Ok(3));
    }

    #[test]
    fn nothing_to_change_is_said() {
        let report = ImportReport {
            namespace: "ns".into(),
            version: 7,
            dry_run: false,
            changes: None,
            commits: Vec::new(),
        };
        assert_eq!(report.text(Paint::PLAIN), "ns version 7 is as the file says: nothing to change\n");
    }
}
