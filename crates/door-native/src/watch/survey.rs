//! Where all targets stand at one revision.

use conclave_core::config::{Read, newest_version};
use conclave_core::{NamespaceName, Rejection, Version};
use conclave_mvcc::{ReadMap, Revision, newest_revision};

use super::query::{Target, WatchQuery};

/// Where all targets of a watch stand at one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Survey {
    /// The store's newest revision.
    pub(super) revision: Revision,
    /// One for each target.
    pub(super) standings: Vec<Standing>,
}

/// Where a namespace stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) version: Version,
    pub(super) deleted: bool,
}

impl Survey {
    /// Looks at all targets. One that never was is refused.
    pub(super) fn of(view: &dyn ReadMap, targets: &[Target]) -> Read<Self> {
        let mut standings = Vec::with_capacity(targets.len());
        for target in targets {
            match newest_version(view, &target.namespace)? {
                Ok((version, _, deleted)) => standings.push(Standing { version, deleted }),
                Err(rejection) => return Ok(Err(rejection)),
            }
        }
        Ok(Ok(Self { revision: newest_revision(view)?, standings }))
    }

    /// Checks that the watch may begin.
    ///
    /// A watch that begins with a reset needs namespaces that exist. One that goes on from a revision takes
    /// a deleted one too: its reader was told of the namespace, and is to be told of the deletion. A
    /// revision beyond the next one was never seen by anybody.
    pub(super) fn admit(&self, query: &WatchQuery) -> Result<(), Rejection> {
        match query.start {
            None => {
                let mut deleted = query.targets.iter().zip(&self.standings).filter(|(_, it)| it.deleted);
                deleted.next().map_or(Ok(()), |(target, _)| Err(not_found(&target.namespace)))
            }
            Some(start) if start > self.revision.next() => {
                Err(Rejection::RevisionNotFound { revision: start.get(), newest: self.revision.get() })
            }
            Some(_) => Ok(()),
        }
    }
}

fn not_found(namespace: &NamespaceName) -> Rejection {
    Rejection::NamespaceNotFound { namespace: namespace.to_string() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config_wire::tests::Store;

    fn query(namespace: &str, start: Option<u64>) -> WatchQuery {
        let namespace = NamespaceName::parse(namespace).unwrap();
        WatchQuery {
            targets: [Target { namespace, key_prefix: String::new() }].into(),
            start: start.map(Revision::new),
            heartbeat_interval: Duration::from_secs(1),
        }
    }

    fn admitted(store: &Store, namespace: &str, start: Option<u64>) -> Result<Survey, Rejection> {
        let query = query(namespace, start);
        let survey = Survey::of(&store.map, &query.targets).unwrap()?;
        survey.admit(&query).map(|()| survey)
    }

    #[test]
    fn a_watch_begins_at_any_revision_up_to_the_next() {
        let mut store = Store::default();
        store.put("a", "k", "v");
        let newest = store.newest();
        for start in [None, Some(1), Some(newest), Some(newest + 1)] {
            let survey = admitted(&store, "a", start).unwrap();
            assert_eq!(survey.revision.get(), newest);
            assert_eq!(survey.standings, [Standing { version: Version::new(1), deleted: false }]);
        }
        for start in [newest + 2, u64::MAX] {
            let refused = admitted(&store, "a", Some(start)).unwrap_err();
            assert_eq!(refused, Rejection::RevisionNotFound { revision: start, newest });
        }
    }

    #[test]
    fn a_namespace_must_exist_to_begin_with_and_must_have_existed_to_go_on() {
        let mut store = Store::default();
        store.put("a", "k", "v");
        store.delete("a");
        let not_found = |name: &str| Rejection::NamespaceNotFound { namespace: name.into() };
        assert_eq!(admitted(&store, "a", None), Err(not_found("a")));
        assert!(admitted(&store, "a", Some(1)).unwrap().standings[0].deleted);
        assert_eq!(admitted(&store, "never", None), Err(not_found("never")));
        assert_eq!(admitted(&store, "never", Some(1)), Err(not_found("never")));
    }
}
