//! How a member is, and its alarms, on the wire.

use std::collections::BTreeSet;

use conclave_node::{ClusterStatus, MemberStatus, NodeDisk, NodeStatus};
use conclave_proto::etcd::etcdserverpb as wire;

use crate::refusal::MemberRule;
use crate::version::ETCD_VERSION;

/// Names of the node's alarms that etcd has too.
const NO_SPACE: &str = "no-space";
const CORRUPT: &str = "corrupt";

/// How a member is; `by_hand` are the members of which somebody raised the alarm of space.
pub(crate) fn status(told: &NodeStatus, by_hand: &BTreeSet<u64>, is_learner: bool) -> wire::StatusResponse {
    let NodeDisk { state_size_bytes, log_size_bytes, .. } = told.disk;
    wire::StatusResponse {
        version: ETCD_VERSION.to_owned(),
        db_size: size(state_size_bytes.saturating_add(log_size_bytes)),
        db_size_in_use: size(state_size_bytes),
        leader: told.leader_id.unwrap_or(0),
        raft_index: told.last_log_index,
        raft_term: told.term,
        raft_applied_index: told.applied_index,
        errors: errors(told, by_hand),
        is_learner,
        // What came with 3.6.
        ..wire::StatusResponse::default()
    }
}

/// A leader that is missing, and what is raised on the member that was asked, or by hand.
fn errors(told: &NodeStatus, by_hand: &BTreeSet<u64>) -> Vec<String> {
    let leaderless = told.leader_id.is_none().then(|| "etcdserver: no leader".to_owned());
    let own = kinds(&told.alarms).map(|kind| (told.node_id, kind));
    let raised: BTreeSet<_> = own.chain(by_hand.iter().map(|id| (*id, wire::AlarmType::Nospace))).collect();
    leaderless.into_iter().chain(raised.into_iter().map(|(id, kind)| alarm_text(id, kind))).collect()
}

fn alarm_text(member_id: u64, kind: wire::AlarmType) -> String {
    // With the blank at its end: so etcd writes messages.
    format!("memberID:{member_id} alarm:{} ", kind.as_str_name())
}

/// The alarms of all members that have told theirs, and those that somebody raised.
pub(crate) fn alarms(status: &ClusterStatus, by_hand: &BTreeSet<u64>) -> Vec<wire::AlarmMember> {
    let own = status.members.iter().flat_map(alarms_of);
    let raised: BTreeSet<_> = own.chain(by_hand.iter().map(|id| (*id, wire::AlarmType::Nospace))).collect();
    raised.into_iter().map(|(member_id, kind)| wire::AlarmMember { member_id, alarm: kind.into() }).collect()
}

fn alarms_of(member: &MemberStatus) -> impl Iterator<Item = (u64, wire::AlarmType)> {
    let raised = member.told.as_ref().map_or(&[][..], |told| &told.status.alarms);
    kinds(raised).map(|kind| (member.id, kind))
}

/// The alarm that is to be raised by hand, or taken back. None: it is none that stands by hand.
pub(crate) fn alarm_by_hand(
    asked: &wire::AlarmRequest,
    raised: bool,
) -> Result<Option<wire::AlarmMember>, MemberRule> {
    match wire::AlarmType::try_from(asked.alarm) {
        Ok(wire::AlarmType::Nospace) => {
            Ok(Some(wire::AlarmMember { member_id: asked.member_id, alarm: asked.alarm }))
        }
        _ if raised => Err(MemberRule::AlarmByHand),
        _ => Ok(None),
    }
}

/// Only what etcd has too: its clients know no other.
fn kinds(raised: &[String]) -> impl Iterator<Item = wire::AlarmType> {
    raised.iter().filter_map(|name| match name.as_str() {
        NO_SPACE => Some(wire::AlarmType::Nospace),
        CORRUPT => Some(wire::AlarmType::Corrupt),
        _ => None,
    })
}

/// Whether an alarm was asked for.
pub(crate) fn is_asked_for(asked: &wire::AlarmRequest, alarm: &wire::AlarmMember) -> bool {
    let any_member = asked.member_id == 0 || asked.member_id == alarm.member_id;
    any_member && (asked.alarm == i32::from(wire::AlarmType::None) || asked.alarm == alarm.alarm)
}

fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Why no step down to an older version is made: Conclave has its own way back, and no version of etcd reads its files.
pub(crate) fn downgrade_refusal(asked: &wire::DowngradeRequest) -> MemberRule {
    use wire::downgrade_request::DowngradeAction;
    match DowngradeAction::try_from(asked.action) {
        Ok(DowngradeAction::Cancel) => MemberRule::NoDowngradeUnderWay,
        Ok(DowngradeAction::Validate | DowngradeAction::Enable) if is_version(&asked.version) => {
            MemberRule::NoDowngrade
        }
        Ok(DowngradeAction::Validate | DowngradeAction::Enable) => MemberRule::BadVersion,
        Err(_) => MemberRule::UnknownMethod,
    }
}

/// `3.4` or `3.4.1`.
fn is_version(text: &str) -> bool {
    let parts: Vec<_> = text.split('.').collect();
    matches!(parts.len(), 2 | 3) && parts.iter().all(|part| part.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use wire::AlarmType::{Corrupt, Nospace};
    use wire::downgrade_request::DowngradeAction;

    use super::*;

    fn asked(member_id: u64, alarm: wire::AlarmType) -> wire::AlarmRequest {
        wire::AlarmRequest { member_id, alarm: alarm.into(), ..wire::AlarmRequest::default() }
    }

    #[test]
    fn alarms_are_asked_for_by_member_and_kind() {
        let alarm = wire::AlarmMember { member_id: 2, alarm: Nospace.into() };
        let all = wire::AlarmType::None;
        let seen = [asked(0, all), asked(2, all), asked(0, Nospace), asked(3, all), asked(2, Corrupt)];
        assert_eq!(seen.map(|asked| is_asked_for(&asked, &alarm)), [true, true, true, false, false]);
    }

    #[test]
    fn only_alarms_that_etcd_has_are_told() {
        let raised = ["clock-ahead", "corrupt", "no-space", "slow-disk"].map(str::to_owned);
        assert_eq!(kinds(&raised).collect::<Vec<_>>(), [Corrupt, Nospace]);
        assert_eq!(alarm_text(7, Nospace), "memberID:7 alarm:NOSPACE ");
    }

    #[test]
    fn no_version_can_be_stepped_down_to() {
        let told = |action: DowngradeAction, version: &str| {
            downgrade_refusal(&wire::DowngradeRequest { action: action.into(), version: version.into() })
        };
        assert_eq!(told(DowngradeAction::Validate, "3.4"), MemberRule::NoDowngrade);
        assert_eq!(told(DowngradeAction::Enable, "3.4.0"), MemberRule::NoDowngrade);
        assert_eq!(told(DowngradeAction::Enable, "3.x"), MemberRule::BadVersion);
        assert_eq!(told(DowngradeAction::Cancel, ""), MemberRule::NoDowngradeUnderWay);
    }
}
