//! `conclave config delete`: items, or a whole namespace.

use std::io::{self, BufRead, IsTerminal as _, Write};

use conclave_client::config::{DeleteNamespaceRequest, NamespaceEdits};
use conclave_client::edits;

use super::CommitArgs;
use super::commit::commit;
use super::commit_report::CommitReport;
use crate::cli::errors::Failure;
use crate::cli::exit::Exit;
use crate::cli::session::Session;
use crate::cli::text;

/// Delete items of a namespace in one commit, or the whole namespace
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave config delete payments/prod db.old cache.old -m \"no longer read\"
  conclave config delete payments/test --namespace
  conclave config delete payments/test --namespace --yes

History stays: `conclave config rollback` brings items and namespaces back.")]
pub(in crate::cli) struct DeleteArgs {
    /// The namespace
    #[arg(value_name = "NAMESPACE", id = "name")]
    name: String,
    /// Items to delete; an unknown one is an error
    #[arg(value_name = "KEY", required_unless_present = "namespace", conflicts_with = "namespace")]
    keys: Vec<String>,
    /// Delete the whole namespace
    #[arg(long, conflicts_with = "dry_run")]
    namespace: bool,
    /// Do not ask before a namespace is deleted
    #[arg(long, short, conflicts_with = "keys")]
    yes: bool,
    #[command(flatten)]
    commit: CommitArgs,
}

impl DeleteArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        if self.namespace { self.delete_namespace(session).await } else { self.delete_items(session).await }
    }

    async fn delete_items(self, session: &mut Session) -> Result<(), Failure> {
        let edits = NamespaceEdits {
            namespace: self.name,
            edits: self.keys.into_iter().map(edits::delete).collect(),
            expected_version: self.commit.expect_version,
            create_if_missing: false,
        };
        let report = commit(session, &self.commit, edits).await?;
        session.output.show(&report)
    }

    async fn delete_namespace(self, session: &mut Session) -> Result<(), Failure> {
        if !self.yes {
            confirmed(&format!("Delete the namespace {} with all its items", self.name))?;
        }
        let request = DeleteNamespaceRequest {
            namespace: self.name,
            expected_version: self.commit.expect_version,
            authorship: Some(session.authorship(&self.commit.write)),
            held_locks: self.commit.held.locks(),
        };
        let answer = session.client.delete_namespace(request).await?;
        session.output.show(&CommitReport::of_deletion(answer))
    }
}

/// Asks at the terminal whether a deletion is meant; without one it is not.
pub(super) fn confirmed(question: &str) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("nobody can be asked here: --yes deletes without asking"));
    }
    confirm(question, &mut io::stdin().lock(), &mut io::stderr())
}

/// Asks whether it is meant; anything but yes is no.
fn confirm(question: &str, answers: &mut impl BufRead, questions: &mut impl Write) -> Result<(), Failure> {
    let unheard = |error: io::Error| Failure::new(Exit::Failed, format!("nobody can be asked: {error}"));
    write!(questions, "{}? [y/N] ", text::lines(question)).map_err(unheard)?;
    questions.flush().map_err(unheard)?;
    let mut answer = String::new();
    answers.read_line(&mut answer).map_err(unheard)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::new(Exit::Failed, "nothing was deleted")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Args as _;

    use super::*;

    fn parse(args: &[&str]) -> Result<clap::ArgMatches, clap::Error> {
        DeleteArgs::augment_args(clap::Command::new("delete"))
            .try_get_matches_from([&["delete"], args].concat())
    }

    #[test]
    fn keys_or_the_namespace_but_not_both() {
        parse(&["ns", "a", "b"]).expect("keys");
        parse(&["ns", "--namespace", "--yes"]).expect("the namespace");
        for wrong in [
            &["ns"][..],
            &["ns", "a", "--namespace"],
            &["ns", "a", "--yes"],
            &["ns", "--namespace", "--dry-run"],
        ] {
            parse(wrong).expect_err("it says too little or too much");
        }
    }

    #[test]
    fn only_yes_is_yes() {
        let mut asked = Vec::new();
        confirm("Delete it", &mut &b"Y\n"[..], &mut asked).expect("it is meant");
        assert_eq!(asked, b"Delete it? [y/N] ");
        for answer in ["", "\n", "n\n", "yep\n"] {
            let failure = confirm("Delete it", &mut answer.as_bytes(), &mut io::sink()).expect_err(answer);
            assert_eq!(failure.exit(), Exit::Failed);
        }
    }
}
