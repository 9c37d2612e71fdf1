//! `conclave config put`: sets items in one commit.

use std::collections::BTreeSet;

use conclave_client::config::{Edit, NamespaceEdits, PutItem, edit::Action};

use super::CommitArgs;
use super::assignment::Assignment;
use super::commit::commit;
use super::input;
use super::kept::{Said, keep};
use crate::cli::errors::Failure;
use crate::cli::session::Session;

const TEXT: &str = "text/plain";
const BYTES: &str = "application/octet-stream";
/// The name that means standard input.
const STDIN: &str = "-";

/// Set items of a namespace, all in one commit
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave config put payments/prod db.pool=8 db.url=postgres://db-2/pay -m \"move to db-2\"
  conclave config put payments/prod tls.cert=- < cert.pem
  conclave config put payments/prod --from-file motd=motd.txt --label team=core
  conclave config put payments/prod db.pool=8 --content-type application/json
  conclave config put payments/prod db.pool=8 --expect-version 3 --dry-run
  conclave config put shop/test db.pool=1 --create-namespace
  conclave config put shop/prod batch=42 --held orders/42:1017")]
pub(in crate::cli) struct PutArgs {
    /// The namespace
    namespace: String,
    /// Items to set; the value - is read from standard input, as it comes
    #[arg(value_name = "KEY=VALUE", required_unless_present = "from_file")]
    items: Vec<Assignment>,
    /// Set an item to the content of a file; may be given several times
    #[arg(long, value_name = "KEY=PATH")]
    from_file: Vec<Assignment>,
    /// What the values are, as a media type [default: as it is, if the value fits; for new items text/plain,
    /// or application/octet-stream for bytes]
    #[arg(long, value_name = "MEDIA_TYPE")]
    content_type: Option<String>,
    /// A label for the items, in place of those they have; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    label: Vec<Assignment>,
    /// Create the namespace if it does not exist
    #[arg(long)]
    create_namespace: bool,
    #[command(flatten)]
    commit: CommitArgs,
}

impl PutArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        self.check()?;
        let mut edits = self.edits()?;
        let said = Said { content_type: self.content_type.is_some(), labels: !self.label.is_empty() };
        keep(session, &self.namespace, &mut edits, said).await?;
        let edits = NamespaceEdits {
            namespace: self.namespace.clone(),
            edits,
            expected_version: self.commit.expect_version,
            create_if_missing: self.create_namespace,
        };
        let report = commit(session, &self.commit, edits).await?;
        session.output.show(&report)
    }

    /// Finds what contradicts itself, before anything is read.
    fn check(&self) -> Result<(), Failure> {
        let assigned = || self.items.iter().chain(&self.from_file);
        twice("the key", assigned())?;
        twice("the label", self.label.iter())?;
        if assigned().filter(|it| it.value == STDIN).count() > 1 {
            return Err(Failure::usage("standard input can be the value of one item only"));
        }
        Ok(())
    }

    fn edits(&self) -> Result<Vec<Edit>, Failure> {
        let mut edits = Vec::with_capacity(self.items.len() + self.from_file.len());
        for item in &self.items {
            let value =
                if item.value == STDIN { input::read(STDIN)? } else { item.value.clone().into_bytes() };
            edits.push(self.edit(&item.key, value));
        }
        for item in &self.from_file {
            edits.push(self.edit(&item.key, input::read(&item.value)?));
        }
        Ok(edits)
    }

    fn edit(&self, key: &str, value: Vec<u8>) -> Edit {
        let found = if std::str::from_utf8(&value).is_ok() { TEXT } else { BYTES };
        let put = PutItem {
            content_type: self.content_type.clone().unwrap_or_else(|| found.into()),
            labels: self.label.iter().map(|label| (label.key.clone(), label.value.clone())).collect(),
            value: value.into(),
        };
        Edit { key: key.into(), action: Some(Action::Put(put)), expected_mod_revision: None }
    }
}

fn twice<'a>(what: &str, assignments: impl Iterator<Item = &'a Assignment>) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    for assignment in assignments {
        if !seen.insert(&assignment.key) {
            return Err(Failure::usage(format!("{what} {:?} is given twice", assignment.key)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    fn parse(args: &[&str]) -> Result<PutArgs, clap::Error> {
        let command = PutArgs::augment_args(clap::Command::new("put"));
        let matches = command.try_get_matches_from([&["put", "ns"], args].concat())?;
        PutArgs::from_arg_matches(&matches)
    }

    fn put_of(edit: &Edit) -> &PutItem {
        match &edit.action {
            Some(Action::Put(put)) => put,
            other => panic!("{other:?} is no put"),
        }
    }

    #[test]
    fn items_files_and_labels_become_edits() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("bytes");
        std::fs::write(&file, [0xff]).expect("a file");
        let from_file = format!("b={}", file.display());
        let args =
            parse(&["a=1", "--from-file", &from_file, "--label", "team=core"]).expect("they are right");
        let edits = args.edits().expect("the file is there");

        let (text, bytes) = (put_of(&edits[0]), put_of(&edits[1]));
        assert_eq!(
            (edits[0].key.as_str(), &text.value[..], text.content_type.as_str()),
            ("a", &b"1"[..], TEXT)
        );
        assert_eq!(
            (edits[1].key.as_str(), &bytes.value[..], bytes.content_type.as_str()),
            ("b", &[0xff][..], BYTES)
        );
        assert_eq!(text.labels.get("team").map(String::as_str), Some("core"));
    }

    #[test]
    fn a_content_type_holds_for_all_items() {
        let args = parse(&["a=1", "--content-type", "application/json"]).expect("they are right");
        let edits = args.edits().expect("nothing is read");
        assert_eq!(put_of(&edits[0]).content_type, "application/json");
    }

    #[test]
    fn what_contradicts_itself_is_told() {
        for (args, told) in [
            (&["a=1", "a=2"][..], "the key \"a\" is given twice"),
            (&["a=1", "--from-file", "a=x"], "the key \"a\" is given twice"),
            (&["a=1", "--label", "x=1", "--label", "x=2"], "the label \"x\" is given twice"),
            (&["a=-", "b=-"], "standard input can be the value of one item only"),
        ] {
            let failure = parse(args).expect("each is right alone").check().expect_err(told);
            assert_eq!(failure, Failure::usage(told));
        }
    }

    #[test]
    fn at_least_one_item_is_needed() {
        parse(&[]).expect_err("nothing to set");
        parse(&["novalue"]).expect_err("no =");
        parse(&["--from-file", "a=x"]).expect("a file is an item");
    }
}
