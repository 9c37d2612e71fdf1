//! The sweep: removes what a compaction gave up, a bounded step at a time.
//!
//! How far it has come is part of the state, so that any leader goes on with it. A sweep goes to the revision of the
//! compaction that it began with. What was given up since is left to the next one, which begins where this one ends: no
//! change is gone through twice, however the two come together.

use conclave_mvcc::{ChangePlace, MapError, ReadMap, SweepQuery, Transaction};

use super::command::SweepStep;
use super::compact::{Floor, Sweep, floor};
use super::outcome::Swept;
use super::plain;
use crate::stop::Stop;

/// About so many rows are looked at by one step, however many it may.
const ROWS_A_STEP_MAX: u32 = 1_000;

/// Whether something is to be removed.
///
/// # Errors
/// The map cannot be read.
pub fn is_sweep_due(view: &dyn ReadMap) -> Result<bool, MapError> {
    Ok(floor(view)?.next_sweep().is_some())
}

/// Does one step, if something is to be removed.
pub(super) fn sweep(transaction: &mut Transaction<'_>, step: SweepStep) -> Result<Swept, Stop> {
    let floor = floor(transaction.view())?;
    let Some(Sweep { to, place }) = floor.next_sweep() else { return Ok(Swept::default()) };
    let query = SweepQuery {
        ranges: &plain(),
        from: floor.swept,
        to,
        place,
        rows_max: step.rows_max.clamp(1, ROWS_A_STEP_MAX) as usize,
        size_bytes_max: usize::try_from(step.size_bytes_max).unwrap_or(usize::MAX),
    };
    let done = transaction.sweep(&query)?;
    let after = match done.next {
        Some(place) => Floor { sweep: Some(Sweep { to, place }), ..floor },
        None => Floor { swept: to, sweep: None, ..floor },
    };
    after.write(transaction);
    Ok(Swept { changes: done.records as u64, more: done.next.is_some() })
}

impl Floor {
    /// The sweep that is under way, or the next one; none if nothing is to be removed.
    fn next_sweep(&self) -> Option<Sweep> {
        let begins = ChangePlace { revision: self.swept, sequence: 0 };
        let next = (self.swept < self.compacted).then_some(Sweep { to: self.compacted, place: begins });
        self.sweep.or(next)
    }
}
