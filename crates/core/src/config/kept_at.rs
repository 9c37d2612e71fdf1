//! Whether what namespaces held at a revision can still be read.

use conclave_mvcc::{MapError, ReadMap, Revision, get_at};

use super::head::{Head, not_found};
use super::keys::head_key;
use super::snapshots::{self, Snapshot};
use super::versions;
use crate::names::NamespaceName;
use crate::rejection::Rejection;
use crate::stop::Stop;
use crate::version::Version;

/// One revision, about which many namespaces may be asked: the snapshots of it are read once.
pub(crate) struct KeptAt<'a> {
    view: &'a dyn ReadMap,
    at: Revision,
    /// Read when the first namespace needs them.
    snapshots: Option<Vec<Snapshot>>,
}

impl<'a> KeptAt<'a> {
    /// Nothing was asked yet.
    pub(crate) fn new(view: &'a dyn ReadMap, at: Revision) -> Self {
        Self { view, at, snapshots: None }
    }

    /// The revision.
    pub(crate) fn at(&self) -> Revision {
        self.at
    }

    /// Refuses if something was the newest of the namespace then that was dropped since.
    pub(crate) fn check(&mut self, namespace: &NamespaceName) -> Result<(), Stop> {
        let Self { view, at, .. } = *self;
        let record =
            get_at(view, &head_key(namespace), Revision::MAX)?.ok_or_else(|| not_found(namespace))?;
        let head = Head::decode(&record)?;
        let oldest = versions::oldest_kept(view, namespace, &head)?;
        if oldest <= Version::new(1) || at < record.create_revision {
            return Ok(());
        }
        let oldest_revision = versions::revision_of(view, namespace, &head, oldest)?;
        if at >= oldest_revision || self.is_named(namespace)? {
            return Ok(());
        }
        let (namespace, revision, oldest) = (namespace.to_string(), at.get(), oldest_revision.get());
        Err(Rejection::RevisionDropped { namespace, revision, oldest }.into())
    }

    /// Whether the revision, which lies below all that is kept anyway, can be read for what a tag or a snapshot
    /// names: a version is known to have been the newest when it was made, until its successor was, and at a
    /// snapshot.
    fn is_named(&mut self, namespace: &NamespaceName) -> Result<bool, MapError> {
        let Some(record) = get_at(self.view, &head_key(namespace), self.at)? else { return Ok(false) };
        let then = Head::decode(&record)?;
        if let Some(made) = versions::row_of(self.view, namespace, then.version)?
            && (made == self.at || versions::row_of(self.view, namespace, then.version.next())?.is_some())
        {
            return Ok(true);
        }
        Ok(self.snapshots()?.iter().any(|snapshot| snapshot.is_of(namespace)))
    }

    fn snapshots(&mut self) -> Result<&[Snapshot], MapError> {
        let snapshots = match self.snapshots.take() {
            Some(snapshots) => snapshots,
            None => snapshots::all_at(self.view, self.at)?,
        };
        Ok(self.snapshots.insert(snapshots))
    }
}
