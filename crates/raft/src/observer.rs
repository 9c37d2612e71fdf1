//! Who is told of what was applied.

use conclave_mvcc::{Revised, Revision};

/// Is told what the state machine did, after it was written and before anybody is answered. Called on the
/// path of every write: it must not block.
pub trait ApplyObserver: Send + Sync + 'static {
    /// These revisions were written, in this order; the store's newest is now `newest`.
    fn applied(&self, revised: &[Revised], newest: Revision);

    /// The whole store was replaced by a snapshot: what came between is not told.
    fn replaced(&self, newest: Revision);
}
