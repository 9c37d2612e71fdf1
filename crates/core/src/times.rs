//! When something is done, as two clocks have it.

/// The time of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    /// The time that is told of what it does. It never goes back: once some clock was ahead it stands still until
    /// the others have come so far.
    pub(crate) told_ms: i64,
    /// The stamp of the leader that proposed it, by which is measured how much time has passed. It may go back.
    pub(crate) stamp_ms: i64,
}
