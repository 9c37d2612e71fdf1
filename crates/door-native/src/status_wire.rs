//! The state of the cluster on the wire.

use std::time::Duration;

use conclave_node::{AdmissionInfo, Agreement, ClusterStatus, Health, MemberStatus, NodeDisk, Role, Told};
use conclave_proto::cluster::v1 as wire;

pub(crate) fn response(status: ClusterStatus) -> wire::GetStatusResponse {
    wire::GetStatusResponse {
        cluster_id: format!("{:016x}", status.cluster_id),
        cluster_name: status.cluster_name,
        answered_by: status.answered_by,
        leader_id: status.leader_id.unwrap_or(0),
        term: status.term,
        members: status.members.into_iter().map(member).collect(),
        admissions: status.admissions.into_iter().map(admission).collect(),
    }
}

fn admission(waiting: AdmissionInfo) -> wire::Admission {
    let AdmissionInfo { id, name, peer_address, expires_ms } = waiting;
    wire::Admission { id, name, peer_address, expires_ms }
}

fn member(member: MemberStatus) -> wire::Member {
    let silent = wire::Member {
        id: member.id,
        peer_address: member.address.peer,
        client_address: member.address.client,
        name: member.address.name,
        voter: member.voter,
        health: health(member.health).into(),
        lag_entries: member.lag_entries,
        agreement: agreement(member.agreement).into(),
        ..Default::default()
    };
    let Some(Told { status: told, clock_offset_ms, round_trip }) = member.told else { return silent };
    wire::Member {
        alarms: told.alarms,
        clock_offset_ms,
        round_trip_us: micros(round_trip),
        disk: Some(disk(&told.disk)),
        role: role(told.role).into(),
        term: told.term,
        last_log_index: told.last_log_index,
        applied_index: told.applied_index,
        revision: told.revision,
        digest: told.digest,
        version: told.version,
        uptime_s: told.uptime_s,
        ..silent
    }
}

fn disk(disk: &NodeDisk) -> wire::Disk {
    wire::Disk {
        free_bytes: disk.free_bytes,
        total_bytes: disk.total_bytes,
        state_size_bytes: disk.state_size_bytes,
        log_size_bytes: disk.log_size_bytes,
        first_log_index: disk.first_log_index,
        fsync_p50_us: micros(disk.fsync_p50),
        fsync_p99_us: micros(disk.fsync_p99),
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn agreement(agreement: Agreement) -> wire::Agreement {
    match agreement {
        Agreement::Unknown => wire::Agreement::Unspecified,
        Agreement::Agrees => wire::Agreement::Agrees,
        Agreement::Differs => wire::Agreement::Differs,
    }
}

fn role(role: Role) -> wire::Role {
    match role {
        Role::Leader => wire::Role::Leader,
        Role::Follower => wire::Role::Follower,
        Role::Candidate => wire::Role::Candidate,
        Role::Learner => wire::Role::Learner,
    }
}

fn health(health: Health) -> wire::Health {
    match health {
        Health::Ok => wire::Health::Ok,
        Health::NoLeader => wire::Health::NoLeader,
        Health::Lagging => wire::Health::Lagging,
        Health::Unreachable => wire::Health::Unreachable,
        Health::Recovering => wire::Health::Recovering,
        Health::Corrupt => wire::Health::Corrupt,
    }
}

#[cfg(test)]
mod tests {
    use conclave_node::{NodeStatus, PeerAddress};

    use super::*;

    fn member_status(id: u64, health: Health, told: Option<NodeStatus>) -> MemberStatus {
        let address = PeerAddress {
            peer: format!("n{id}:4201"),
            client: format!("http://n{id}:4101"),
            name: format!("n{id}"),
        };
        let told =
            told.map(|status| Told { status, clock_offset_ms: -7, round_trip: Duration::from_micros(300) });
        let agreement = if id == 1 { Agreement::Agrees } else { Agreement::Unknown };
        MemberStatus { id, address, voter: id == 1, health, told, agreement, lag_entries: 3 }
    }

    #[test]
    fn what_a_member_told_is_passed_on_and_silence_is_told_as_such() {
        let told = NodeStatus {
            node_id: 1,
            role: Role::Leader,
            term: 4,
            leader_id: Some(1),
            last_log_index: 90,
            applied_index: 87,
            revision: 80,
            digest: "00ff".into(),
            version: "0.1.0".into(),
            uptime_s: 60,
            recovering: false,
            instance: 1,
            now_ms: 5,
            alarms: vec!["slow-disk".into()],
            disk: NodeDisk { fsync_p99: Duration::from_millis(2), total_bytes: 9, ..NodeDisk::default() },
            digests: Vec::new(),
        };
        let status = ClusterStatus {
            cluster_id: 0xabc,
            cluster_name: "shop".into(),
            answered_by: 2,
            leader_id: None,
            term: 4,
            members: vec![
                member_status(1, Health::Ok, Some(told)),
                member_status(2, Health::Unreachable, None),
            ],
            admissions: vec![AdmissionInfo {
                id: 3,
                name: "n3".into(),
                peer_address: "n3:4201".into(),
                expires_ms: 9,
            }],
        };
        let response = response(status);
        assert_eq!((response.cluster_id.as_str(), response.leader_id), ("0000000000000abc", 0));
        let [first, second] = response.members.as_slice() else { panic!("two members") };
        assert_eq!((first.role(), first.health()), (wire::Role::Leader, wire::Health::Ok));
        assert_eq!((first.applied_index, first.lag_entries, first.digest.as_str()), (87, 3, "00ff"));
        assert_eq!(
            (first.alarms.as_slice(), first.agreement()),
            (["slow-disk".to_owned()].as_slice(), wire::Agreement::Agrees)
        );
        assert_eq!((first.clock_offset_ms, first.round_trip_us), (-7, 300));
        let disk = first.disk.as_ref().expect("it told of its disk");
        assert_eq!((disk.fsync_p99_us, disk.total_bytes), (2_000, 9));
        assert_eq!((second.role(), second.health()), (wire::Role::Unspecified, wire::Health::Unreachable));
        assert_eq!((second.client_address.as_str(), second.name.as_str()), ("http://n2:4101", "n2"));
        assert!(first.voter && !second.voter);
        assert_eq!((response.admissions[0].id, response.admissions[0].expires_ms), (3, 9));
    }
}
