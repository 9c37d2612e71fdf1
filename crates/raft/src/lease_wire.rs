//! What followers ask the leader about leases, on the wire.

use conclave_core::LeaseId;
use conclave_proto::raft::v1 as proto;

use crate::local_node::{KeepLeases, KeptLeases};

pub(crate) fn request_to_wire(request: &KeepLeases, deadline_ms: u64) -> proto::KeepLeasesRequest {
    let ids = |leases: &[LeaseId]| leases.iter().map(|id| id.get()).collect();
    proto::KeepLeasesRequest { renew: ids(&request.renew), ask: ids(&request.ask), deadline_ms }
}

/// None if one of them is no id.
pub(crate) fn request_from_wire(request: &proto::KeepLeasesRequest) -> Option<KeepLeases> {
    let leases = |ids: &[u64]| ids.iter().map(|id| LeaseId::new(*id)).collect::<Option<_>>();
    Some(KeepLeases { renew: leases(&request.renew)?, ask: leases(&request.ask)? })
}

pub(crate) fn kept_to_wire(kept: Option<KeptLeases>) -> proto::KeepLeasesResponse {
    let kept = kept.map(|KeptLeases { ttl_ms, left_ms }| proto::KeptLeases {
        ttl_ms: ttl_ms.into_iter().map(Option::unwrap_or_default).collect(),
        left_ms_plus_1: left_ms
            .into_iter()
            .map(|left| left.map_or(0, |left| left.saturating_add(1)))
            .collect(),
    });
    proto::KeepLeasesResponse { kept }
}

/// What the leader knows; none if it does not lead, or answered something else than was asked.
pub(crate) fn kept_from_wire(response: proto::KeepLeasesResponse, asked: &KeepLeases) -> Option<KeptLeases> {
    let proto::KeptLeases { ttl_ms, left_ms_plus_1 } = response.kept?;
    let fits = ttl_ms.len() == asked.renew.len() && left_ms_plus_1.len() == asked.ask.len();
    fits.then(|| KeptLeases {
        ttl_ms: ttl_ms.into_iter().map(|ttl_ms| (ttl_ms > 0).then_some(ttl_ms)).collect(),
        left_ms: left_ms_plus_1.into_iter().map(|left| left.checked_sub(1)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_answers_are_read_back() {
        let id = |number| LeaseId::new(number).unwrap();
        let asked = KeepLeases { renew: vec![id(1), id(u64::MAX)], ask: vec![id(3), id(4)] };
        assert_eq!(request_from_wire(&request_to_wire(&asked, 5)), Some(asked.clone()));
        let none = proto::KeepLeasesRequest { renew: vec![0], ..proto::KeepLeasesRequest::default() };
        assert_eq!(request_from_wire(&none), None);
        let kept = KeptLeases { ttl_ms: vec![Some(7), None], left_ms: vec![Some(0), None] };
        assert_eq!(kept_from_wire(kept_to_wire(Some(kept.clone())), &asked), Some(kept.clone()));
        assert_eq!(kept_from_wire(kept_to_wire(Some(kept)), &KeepLeases::default()), None);
        assert_eq!(kept_from_wire(kept_to_wire(None), &asked), None);
    }
}
