//! What differs between two versions, whichever of them is the older.

use conclave_client::config::{ChangeKind, DiffRequest, ItemChange};
use conclave_client::{Client, Differences};

use crate::cli::errors::Failure;

/// Asks for all that turns version `from_version` into `to_version`; 0 as the latter is the newest.
/// The store compares an older version with a newer one: the other way round is turned around here.
pub(super) async fn between(client: &Client, mut request: DiffRequest) -> Result<Differences, Failure> {
    let backwards = request.to_version != 0 && request.from_version > request.to_version;
    if backwards {
        (request.from_version, request.to_version) = (request.to_version, request.from_version);
    }
    let differences = client.diff_all(request).await?;
    Ok(if backwards { turned(differences) } else { differences })
}

fn turned(differences: Differences) -> Differences {
    Differences {
        changes: differences.changes.into_iter().map(turned_change).collect(),
        from_version: differences.to_version,
        to_version: differences.from_version,
    }
}

fn turned_change(change: ItemChange) -> ItemChange {
    let kind = match change.kind() {
        ChangeKind::Added => ChangeKind::Deleted,
        ChangeKind::Deleted => ChangeKind::Added,
        same => same,
    };
    ItemChange { key: change.key, kind: kind.into(), before: change.after, after: change.before }
}

#[cfg(test)]
mod tests {
    use super::super::views::samples::change;
    use super::*;

    #[test]
    fn turned_around_twice_is_as_before() {
        let differences = Differences {
            changes: vec![
                change("a", None, Some("1")),
                change("b", Some("1"), Some("2")),
                change("c", Some("3"), None),
            ],
            from_version: 1,
            to_version: 2,
        };
        let back = turned(differences.clone());
        assert_eq!((back.from_version, back.to_version), (2, 1));
        let expected =
            [change("a", Some("1"), None), change("b", Some("2"), Some("1")), change("c", None, Some("3"))];
        assert_eq!(back.changes, expected);
        assert_eq!(turned(back), differences);
    }
}
