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
    };
    match session.client.commit(request).await {
        Ok(answer) => Ok(CommitReport::of_commit(answer, args.dry_run)),
        Err(error) => Err(Failure::of_client(&error, |field| place(field, &keys))),
    }
}

/// The place of a field: `item "db.url": value` for `namespaces[0].edits[3].put.value`, and `namespace` for
/// `namespaces[0].namespace`: there is only the one.
fn place(field: &str, keys: &[String]) -> String {
    let within = field.strip_prefix("namespaces[0].edits[").and_then(|rest| rest.split_once(']'));
    let key = within.and_then(|(number, rest)| Some((keys.get(number.parse::<usize>().ok()?)?, rest)));
    match key {
        Some((key, "")) => format!("item {key:?}"),
        Some((key, rest)) => {
            let rest = rest.trim_start_matches('.');
            format!("item {key:?}: {}", rest.strip_prefix("put.").unwrap_or(rest))
        }
        None => field.strip_prefix("namespaces[0].").unwrap_or(field).to_owned(),
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
}
