//! Single requests: what they may be, and what they mean.

use bytes::Bytes;
use conclave_core::LeaseId;
use conclave_core::kv::{self, PutLease, RangeQuery, RevisionBounds};
use conclave_mvcc::{KeyRange, Revision};
use conclave_proto::etcd::etcdserverpb as wire;
use wire::range_request::{SortOrder, SortTarget};

use crate::refusal::Rule;

/// A range's end that stands for all keys from the first on.
const ON: &[u8] = b"\0";

/// The keys that a request names: one key, all from it on, or those up to an end.
pub(crate) fn key_range(key: Bytes, range_end: Bytes) -> KeyRange {
    match range_end.as_ref() {
        b"" => KeyRange::single(key),
        ON => KeyRange::new(key, ""),
        // Nothing lies before the first key, and an end of ours that is empty is none.
        _ if range_end <= key => KeyRange::new(key.clone(), key),
        _ => KeyRange::new(key, range_end),
    }
}

fn required(key: &Bytes) -> Result<(), Rule> {
    if key.is_empty() { Err(Rule::EmptyKey) } else { Ok(()) }
}

/// Reads a range.
pub(crate) fn range(request: wire::RangeRequest) -> Result<RangeQuery, Rule> {
    required(&request.key)?;
    let order = SortOrder::try_from(request.sort_order).map_err(|_| Rule::SortOption)?;
    let target = SortTarget::try_from(request.sort_target).map_err(|_| Rule::SortOption)?;
    Ok(RangeQuery {
        range: key_range(request.key, request.range_end),
        revision: u64::try_from(request.revision).ok().filter(|it| *it > 0).map(Revision::new),
        limit: u64::try_from(request.limit).unwrap_or(0),
        sort: sort(order, target),
        bounds: RevisionBounds {
            mod_min: request.min_mod_revision,
            mod_max: request.max_mod_revision,
            create_min: request.min_create_revision,
            create_max: request.max_create_revision,
        },
        keys_only: request.keys_only,
        count_only: request.count_only,
    })
}

/// Keys come in their order by themselves. By anything else they are sorted even where no order is told; then the limit
/// cuts them before.
fn sort(order: SortOrder, target: SortTarget) -> Option<kv::Sort> {
    let by = match target {
        SortTarget::Key if order == SortOrder::None => return None,
        SortTarget::Key => kv::SortTarget::Key,
        SortTarget::Version => kv::SortTarget::Version,
        SortTarget::Create => kv::SortTarget::CreateRevision,
        SortTarget::Mod => kv::SortTarget::ModRevision,
        SortTarget::Value => kv::SortTarget::Value,
    };
    Some(kv::Sort { by, descending: order == SortOrder::Descend, cut_before: order == SortOrder::None })
}

/// Puts a key.
pub(crate) fn put(request: wire::PutRequest) -> Result<kv::Put, Rule> {
    required(&request.key)?;
    if request.ignore_value && !request.value.is_empty() {
        return Err(Rule::ValueProvided);
    }
    if request.ignore_lease && request.lease != 0 {
        return Err(Rule::LeaseProvided);
    }
    let lease = match LeaseId::new(request.lease.cast_unsigned()) {
        _ if request.ignore_lease => PutLease::Keep,
        None => PutLease::None,
        Some(id) => PutLease::On(id),
    };
    let value = (!request.ignore_value).then_some(request.value);
    Ok(kv::Put { key: request.key, value, lease, with_previous: request.prev_kv })
}

/// Deletes a range.
pub(crate) fn delete_range(request: wire::DeleteRangeRequest) -> Result<kv::DeleteRange, Rule> {
    required(&request.key)?;
    let range = key_range(request.key, request.range_end);
    Ok(kv::DeleteRange { range, with_previous: request.prev_kv })
}

/// Gives up the past; refused at a revision below zero, which is gone from the beginning.
pub(crate) fn compact(request: wire::CompactionRequest) -> Result<kv::Compact, Rule> {
    let revision = u64::try_from(request.revision).map_err(|_| Rule::Compacted)?;
    Ok(kv::Compact { revision: Revision::new(revision) })
}
