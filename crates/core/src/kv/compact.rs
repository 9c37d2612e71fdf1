//! How far the past of plain keys was given up: the row of the side table [`COMPACTED`].

use conclave_mvcc::{MapError, ReadMap, Revision, Transaction};
use serde::{Deserialize, Serialize};

use super::command::Compact;
use super::outcome::KvOutcome;
use super::{KvRejection, refuse};
use crate::encoding::{decode, encode};
use crate::stop::Stop;
use crate::tables::COMPACTED;

const FORMAT: u8 = 1;

/// How far the past was given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Floor {
    /// The oldest revision that can be read. Zero: all can.
    pub(super) compacted: Revision,
}

/// Gives up what was before a revision.
pub(super) fn compact(transaction: &mut Transaction<'_>, compact: Compact) -> Result<KvOutcome, Stop> {
    let (asked, newest) = (compact.revision.get(), transaction.newest());
    let Floor { compacted } = floor(transaction.view())?;
    if compact.revision <= compacted {
        return Err(refuse(KvRejection::Compacted { asked, compacted: compacted.get() }));
    }
    if compact.revision > newest {
        return Err(refuse(KvRejection::FutureRevision { asked, newest: newest.get() }));
    }
    transaction.side_put(COMPACTED, b"", encode(FORMAT, &Floor { compacted: compact.revision }));
    Ok(KvOutcome::Compacted { revision: newest })
}

/// The oldest revision at which plain keys can be read. Zero: at all of them.
///
/// # Errors
/// The map cannot be read.
pub fn compacted(view: &dyn ReadMap) -> Result<Revision, MapError> {
    Ok(floor(view)?.compacted)
}

pub(super) fn floor(view: &dyn ReadMap) -> Result<Floor, MapError> {
    let Some(row) = COMPACTED.get(view, b"")? else { return Ok(Floor::default()) };
    decode(FORMAT, &row).map_err(|error| MapError::new(format_args!("how far keys were compacted: {error}")))
}
