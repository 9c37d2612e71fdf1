//! How far the past of plain keys was given up: the row of the side table [`COMPACTED`].

use conclave_mvcc::{ChangePlace, MapError, ReadMap, Revision, Transaction, newest_revision};
use serde::{Deserialize, Serialize};

use super::command::Compact;
use super::outcome::KvOutcome;
use super::{KvRejection, plain, refuse};
use crate::encoding::{decode, encode};
use crate::stop::Stop;
use crate::tables::COMPACTED;

const FORMAT: u8 = 1;

/// How far the past was given up, and how far what only it needed was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Floor {
    /// The oldest revision that can be read. Zero: all can.
    pub(super) compacted: Revision,
    /// What was given up by a compaction to this revision was removed. Zero: nothing was yet.
    pub(super) swept: Revision,
    /// The sweep that is under way.
    pub(super) sweep: Option<Sweep>,
}

/// A sweep that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sweep {
    /// What was given up by a compaction to this revision is removed.
    pub(super) to: Revision,
    /// The change to go on with.
    pub(super) place: ChangePlace,
}

impl Floor {
    pub(super) fn write(&self, transaction: &mut Transaction<'_>) {
        transaction.side_put(COMPACTED, b"", encode(FORMAT, self));
    }
}

/// Gives up what was before a revision. From here on nobody replays it: what is removed later was given up before.
pub(super) fn compact(transaction: &mut Transaction<'_>, compact: Compact) -> Result<KvOutcome, Stop> {
    let (asked, newest) = (compact.revision.get(), transaction.newest());
    let found = found(transaction.view())?;
    // The first one may name revision 0, as of etcd.
    if let Some(floor) = found.filter(|floor| compact.revision <= floor.compacted) {
        return Err(refuse(KvRejection::Compacted { asked, compacted: floor.compacted.get() }));
    }
    if compact.revision > newest {
        return Err(refuse(KvRejection::FutureRevision { asked, newest: newest.get() }));
    }
    for range in plain() {
        // What changed at the revision itself is still told.
        transaction.raise_floor(&range, compact.revision.previous())?;
    }
    Floor { compacted: compact.revision, ..found.unwrap_or_default() }.write(transaction);
    Ok(KvOutcome::Compacted { revision: newest })
}

/// The oldest revision at which plain keys can be read, and from which on they can be watched. Zero: all of them.
///
/// # Errors
/// The map cannot be read.
pub fn compacted(view: &dyn ReadMap) -> Result<Revision, MapError> {
    Ok(floor(view)?.compacted)
}

/// What was given up by a compaction to this revision, or to an earlier one, was removed. Zero: nothing was yet.
///
/// # Errors
/// The map cannot be read.
pub fn swept(view: &dyn ReadMap) -> Result<Revision, MapError> {
    Ok(floor(view)?.swept)
}

/// Refuses a revision at which plain keys cannot be read.
pub(super) fn check_readable(view: &dyn ReadMap, revision: Revision) -> Result<(), Stop> {
    let (asked, newest) = (revision.get(), newest_revision(view)?.get());
    if asked > newest {
        return Err(refuse(KvRejection::FutureRevision { asked, newest }));
    }
    let compacted = compacted(view)?;
    if revision < compacted {
        return Err(refuse(KvRejection::Compacted { asked, compacted: compacted.get() }));
    }
    Ok(())
}

pub(super) fn floor(view: &dyn ReadMap) -> Result<Floor, MapError> {
    Ok(found(view)?.unwrap_or_default())
}

fn found(view: &dyn ReadMap) -> Result<Option<Floor>, MapError> {
    let Some(row) = COMPACTED.get(view, b"")? else { return Ok(None) };
    let floor = decode(FORMAT, &row);
    floor.map(Some).map_err(|error| MapError::new(format_args!("how far keys were compacted: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        let floor = Floor { compacted: Revision::new(300), swept: Revision::new(5), sweep: None };
        assert_eq!(encode(FORMAT, &floor).as_ref(), b"\x01\xac\x02\x05\x00");
        let place = ChangePlace { revision: Revision::new(6), sequence: 301 };
        let sweep = Some(Sweep { to: Revision::new(7), place });
        assert_eq!(
            encode(FORMAT, &Floor { sweep, ..floor }).as_ref(),
            b"\x01\xac\x02\x05\x01\x07\x06\xad\x02"
        );
    }
}
