//! What a sweep with a floor leaves of a range of keys, whether it was done already, is under way or is yet to come.

use bytes::Bytes;

use crate::range::leave_key;
use crate::{KeyRange, MapError, ReadMap, Record, Revision, history, record, rows};

/// What is visited.
#[derive(Clone, Debug)]
pub struct KeptQuery<'a> {
    /// The keys.
    pub range: &'a KeyRange,
    /// Of what lies at or below it only the newest record of each key is visited; and that not if it is a deletion
    /// before the floor.
    pub floor: Revision,
    /// Nothing later is visited.
    pub upto: Revision,
    /// Where to begin; none: at the beginning.
    pub place: Option<&'a KeptPlace>,
    /// At most so many rows are looked at.
    pub rows_max: usize,
    /// No further row is looked at once those that were take so much.
    pub size_bytes_max: usize,
}

/// Where a visit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptPlace {
    key: Bytes,
    /// The record to go on with.
    revision: Revision,
}

/// A change that is told for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept<'a> {
    /// The key.
    pub key: &'a [u8],
    /// When it was changed.
    pub revision: Revision,
    /// What it became; none: it was deleted.
    pub record: Option<Record>,
}

/// Calls `visit` for each change, in order of key, the newest first. Tells where to go on; none: the range was gone
/// through.
///
/// # Errors
/// The map cannot be read.
pub fn visit_kept(
    view: &dyn ReadMap,
    query: &KeptQuery<'_>,
    visit: &mut dyn FnMut(Kept<'_>),
) -> Result<Option<KeptPlace>, MapError> {
    let end = rows::versions_end(&query.range.end);
    let mut versions = view.cursor_before(&end);
    versions.seek(&match query.place {
        None => rows::version_prefix(&query.range.start),
        Some(place) => rows::version_row(&rows::version_prefix(&place.key), place.revision),
    })?;
    let (mut seen, mut size_bytes) = (0, 0);
    while let (Some(row), Some(value)) =
        (versions.key().filter(|row| *row < end.as_slice()), versions.value())
    {
        let Some((prefix, revision)) = rows::split_version_row(row)? else { break };
        let (prefix, key) = (prefix.to_vec(), rows::unescape(prefix)?);
        if seen >= query.rows_max.max(1) || size_bytes >= query.size_bytes_max.max(1) {
            return Ok(Some(KeptPlace { key: key.into(), revision }));
        }
        seen += 1;
        size_bytes += row.len() + value.len();
        if revision > query.upto {
            versions.seek(&rows::version_row(&prefix, query.upto))?;
            continue;
        }
        if revision >= query.floor || !record::is_tombstone(value) {
            visit(Kept { key: &key, revision, record: history::record_under(versions.as_ref(), revision)? });
        }
        if revision > query.floor {
            versions.advance()?;
        } else {
            leave_key(versions.as_mut(), &prefix)?;
        }
    }
    Ok(None)
}
