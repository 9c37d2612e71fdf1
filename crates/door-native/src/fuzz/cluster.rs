//! The requests of `conclave.cluster.v1`.

use super::{Checks, accepted, decoded};
use crate::cluster_wire;

macro_rules! members {
    ($($name:literal by $read:ident),* $(,)?) => {
        &[$(($name, |bytes| {
            if let Some(request) = decoded(bytes) {
                accepted(cluster_wire::$read(request));
            }
        })),*]
    };
}

pub(super) const MEMBERS: Checks = members!(
    "AddMemberRequest" by admit,
    "PromoteMemberRequest" by promote,
    "DemoteMemberRequest" by demote,
    "RemoveMemberRequest" by remove,
    "ReplaceMemberRequest" by replace,
    "TransferLeaderRequest" by transfer,
);
