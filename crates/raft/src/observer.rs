//! Who is told of what was applied.

use conclave_mvcc::{MapError, ReadMap, Revised, Revision, newest_present, newest_revision};

/// Is told what the state machine did, after it was written and before anybody is answered. Called on the
/// path of every write: it must not block.
pub trait ApplyObserver: Send + Sync + 'static {
    /// These revisions were written, in this order. `present` are those of the keys of which only the present is
    /// kept; they have a clock of their own.
    fn applied(&self, revised: &[Revised], present: &[Revised]);

    /// The whole store was replaced by a snapshot: what came between is not told.
    fn replaced(&self, newest: Newest);
}

/// The newest revision of each clock of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newest {
    /// Of the keys that have a past.
    pub revision: Revision,
    /// Of those of which only the present is kept.
    pub present: Revision,
}

impl Newest {
    /// What a state is at.
    ///
    /// # Errors
    /// The state cannot be read.
    pub fn of(view: &dyn ReadMap) -> Result<Self, MapError> {
        Ok(Self { revision: newest_revision(view)?, present: newest_present(view)? })
    }
}
