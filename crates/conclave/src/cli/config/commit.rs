//! How a command commits: the flags into the request, the answer into a report, and an error in terms of
//! keys, which people gave, in place of the places in the request, which they never saw.

use conclave_client::config::{CommitRequest, NamespaceEdits};

use super::CommitArgs;
use super::commit_report::CommitReport;
use crate::cli::errors::Failure;
use crate::cli::session::Session;

/// Commits edits of one namespace, or with `--dry-run` tells what would happen.
pub(super) async fn commit(
    session: &Session,
    args: &CommitArgs,
    edits: NamespaceEdits,
) -> Result<CommitReport, Failure> {
    let keys: Vec<String> = edits.edits.iter().map(|edit| edit.key.clone()).collect();
    let request = CommitRequest {
        namespaces: vec![edits],
        authorship: Some(session.authorship(&args.write)),
        dry_run: args.dry_run,
        held_locks: args.held.locks(),
    };
    match session.client.commit(request).await {
        Ok(answer) => Ok(CommitReport::of_commit(answer, args.dry_run)),
        Err(error) => Err(Failure::of_client(&error, |field| place(field, &keys))),
    }
}

/// The place of a field: `item "db.url": value` for `namespaces[0].edits[3].put.value`, and `namespace` for
/// `namespaces[0].namespace`: there is only the one.
fn place(field: &str, keys: &[String]) -> String {
    let Some((0, within)) = indexed(field, "namespaces[") else { return field.to_owned() };
    place_within(within, keys).unwrap_or_else(|| within.to_owned())
}

/// `item "db.url": value` for `edits[3].put.value`.
fn place_within(field: &str, keys: &[String]) -> Option<String> {
    let (number, rest) = indexed(field, "edits[")?;
    let key = keys.get(number)?;
    Some(match rest {
        "" => format!("item {key:?}"),
        rest => format!("item {key:?}: {}", rest.strip_prefix("put.").unwrap_or(rest)),
    })
}

/// Takes `name[3].` off a path.
fn indexed<'a>(field: &'a str, name: &str) -> Option<(usize, &'a str)> {
    let (number, rest) = field.strip_prefix(name)?.split_once(']')?;
    Some((number.parse().ok()?, rest.trim_start_matches('.')))
}

/// The places of a commit to several namespaces.
pub(super) struct Places(Vec<(String, Vec<String>)>);

impl Places {
    pub(super) fn of(namespaces: &[NamespaceEdits]) -> Self {
        let keys = |it: &NamespaceEdits| it.edits.iter().map(|edit| edit.key.clone()).collect();
        Self(namespaces.iter().map(|it| (it.namespace.clone(), keys(it))).collect())
    }

    /// `payments/prod: item "db.url": value` for `namespaces[2].edits[3].put.value`.
    pub(super) fn told(&self, field: &str) -> String {
        let place = || {
            let (number, within) = indexed(field, "namespaces[")?;
            let (namespace, keys) = self.0.get(number)?;
            Some(format!("{namespace}: {}", place_within(within, keys).unwrap_or_else(|| within.to_owned())))
        };
        place().unwrap_or_else(|| field.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_the_request_become_keys() {
        let keys = ["a".to_owned(), "db.url".to_owned()];
        for (field, told) in [
            ("namespaces[0].edits[1].put.value", "item \"db.url\": value"),
            ("namespaces[0].edits[1].key", "item \"db.url\": key"),
            ("namespaces[0].edits[0]", "item \"a\""),
            ("namespaces[0].edits[2].key", "edits[2].key"),
            ("namespaces[0].namespace", "namespace"),
            ("namespaces", "namespaces"),
            ("authorship.message", "authorship.message"),
        ] {
            assert_eq!(place(field, &keys), told);
        }
    }

    #[test]
    fn with_several_namespaces_theirs_is_told_too() {
        let edits = |namespace: &str, key: &str| NamespaceEdits {
            namespace: namespace.into(),
            edits: vec![conclave_client::edits::put(key, "1")],
            ..NamespaceEdits::default()
        };
        let places = Places::of(&[edits("a/b", "k"), edits("c", "l")]);
        for (field, told) in [
            ("namespaces[1].edits[0].put.value", "c: item \"l\": value"),
            ("namespaces[0].namespace", "a/b: namespace"),
            ("namespaces[2].namespace", "namespaces[2].namespace"),
            ("authorship.message", "authorship.message"),
        ] {
            assert_eq!(places.told(field), told);
        }
    }
}
