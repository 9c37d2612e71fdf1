//! Leases on the wire: seconds, and ids that may be left to the server.

use std::collections::BTreeMap;

use conclave_core::LeaseId;
use conclave_core::lease::GrantLease;
use conclave_proto::etcd::etcdserverpb as wire;

use crate::refusal::{Refusal, Rule};

/// The shortest time that a lease is given, in seconds: an election may take that long.
const TTL_S_MIN: i64 = 2;
/// The longest that can be asked for, in seconds: etcd's.
const TTL_S_MAX: i64 = 9_000_000_000;
const MS_A_SECOND: u64 = 1_000;

/// Makes a lease; `chosen` is the id of one that may have any.
pub(crate) fn grant(request: wire::LeaseGrantRequest, chosen: u64) -> Result<GrantLease, Refusal> {
    if request.ttl > TTL_S_MAX {
        return Err(Rule::TtlTooLarge.into());
    }
    let ttl_s = request.ttl.max(TTL_S_MIN).unsigned_abs();
    let id = if request.id == 0 { positive(chosen) } else { request.id.cast_unsigned() };
    Ok(GrantLease {
        id: LeaseId::new(id).expect("it is not 0"),
        ttl_ms: ttl_s * MS_A_SECOND,
        owner: String::new(),
        metadata: BTreeMap::new(),
    })
}

/// A positive id: clients take the others for errors.
fn positive(chosen: u64) -> u64 {
    (chosen >> 1).max(1)
}

/// An id as it was asked for; none: there cannot be such a lease.
pub(crate) fn lease_id(id: i64) -> Option<LeaseId> {
    LeaseId::new(id.cast_unsigned())
}

/// An id as the wire has it.
pub(crate) fn told_id(id: LeaseId) -> i64 {
    id.get().cast_signed()
}

/// How long a lease lives without being renewed, in seconds. 0 would tell that there is none.
pub(crate) fn ttl_s(ttl_ms: u64) -> i64 {
    (ttl_ms / MS_A_SECOND).max(1).cast_signed()
}

/// What is left of its time, in whole seconds.
pub(crate) fn left_s(left_ms: u64) -> i64 {
    (left_ms / MS_A_SECOND).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_is_chosen_is_positive() {
        for chosen in [0, 1, 2, u64::MAX, 1 << 63] {
            let grant = grant(wire::LeaseGrantRequest { ttl: 1, id: 0 }, chosen).unwrap();
            assert!(told_id(grant.id) > 0);
            assert_eq!(grant.ttl_ms, 2_000);
        }
    }

    #[test]
    fn a_session_of_less_than_a_second_is_told_as_alive() {
        assert_eq!([0, 999, 1_000, 2_999].map(ttl_s), [1, 1, 1, 2]);
        assert_eq!([0, 999, 1_000, 2_999].map(left_s), [0, 0, 1, 2]);
    }
}
