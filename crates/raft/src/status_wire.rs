//! A node's own state on the wire between nodes.

use std::time::Duration;

use conclave_proto::raft::v1 as proto;

use crate::local_node::{DigestPoint, NodeDisk, NodeStatus, Role};
use crate::peer_wire::{WireError, known};

pub(crate) fn status_to_wire(status: NodeStatus) -> proto::GetNodeStatusResponse {
    proto::GetNodeStatusResponse {
        node_id: status.node_id,
        role: status.role.as_str().to_owned(),
        term: status.term,
        leader_id: status.leader_id.unwrap_or(0),
        last_log_index: status.last_log_index,
        applied_index: status.applied_index,
        revision: status.revision,
        digest: status.digest,
        version: status.version,
        uptime_s: status.uptime_s,
        recovering: status.recovering,
        instance: status.instance,
        now_ms: status.now_ms,
        alarms: status.alarms,
        disk: Some(disk_to_wire(&status.disk)),
        digests: status.digests.into_iter().map(digest_to_wire).collect(),
    }
}

pub(crate) fn status_from_wire(wire: proto::GetNodeStatusResponse) -> Result<NodeStatus, WireError> {
    let Some(role) = Role::parse(&wire.role) else { return Err(WireError::Role(wire.role)) };
    Ok(NodeStatus {
        node_id: wire.node_id,
        role,
        term: wire.term,
        leader_id: known(wire.leader_id),
        last_log_index: wire.last_log_index,
        applied_index: wire.applied_index,
        revision: wire.revision,
        digest: wire.digest,
        version: wire.version,
        uptime_s: wire.uptime_s,
        recovering: wire.recovering,
        instance: wire.instance,
        now_ms: wire.now_ms,
        alarms: wire.alarms,
        disk: disk_from_wire(wire.disk.unwrap_or_default()),
        digests: wire.digests.into_iter().map(digest_from_wire).collect(),
    })
}

fn disk_to_wire(disk: &NodeDisk) -> proto::NodeDisk {
    proto::NodeDisk {
        free_bytes: disk.free_bytes,
        total_bytes: disk.total_bytes,
        state_size_bytes: disk.state_size_bytes,
        log_size_bytes: disk.log_size_bytes,
        first_log_index: disk.first_log_index,
        fsync_p50_us: micros(disk.fsync_p50),
        fsync_p99_us: micros(disk.fsync_p99),
    }
}

fn disk_from_wire(wire: proto::NodeDisk) -> NodeDisk {
    NodeDisk {
        free_bytes: wire.free_bytes,
        total_bytes: wire.total_bytes,
        state_size_bytes: wire.state_size_bytes,
        log_size_bytes: wire.log_size_bytes,
        first_log_index: wire.first_log_index,
        fsync_p50: Duration::from_micros(wire.fsync_p50_us),
        fsync_p99: Duration::from_micros(wire.fsync_p99_us),
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn digest_to_wire(point: DigestPoint) -> proto::DigestPoint {
    let DigestPoint { index, digest } = point;
    proto::DigestPoint { index, digest }
}

fn digest_from_wire(wire: proto::DigestPoint) -> DigestPoint {
    let proto::DigestPoint { index, digest } = wire;
    DigestPoint { index, digest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_travels_unchanged() {
        let status = NodeStatus {
            node_id: 1,
            role: Role::Learner,
            term: 2,
            leader_id: Some(3),
            last_log_index: 4,
            applied_index: 5,
            revision: 6,
            digest: "07".into(),
            version: "8".into(),
            uptime_s: 9,
            recovering: true,
            instance: 10,
            now_ms: -11,
            alarms: vec!["no-space".into()],
            disk: NodeDisk {
                free_bytes: 12,
                total_bytes: 13,
                state_size_bytes: 14,
                log_size_bytes: 15,
                first_log_index: 16,
                fsync_p50: Duration::from_micros(17),
                fsync_p99: Duration::from_micros(18),
            },
            digests: vec![DigestPoint { index: 19, digest: "14".into() }],
        };
        assert_eq!(status_from_wire(status_to_wire(status.clone())).unwrap(), status);
        let unknown = proto::GetNodeStatusResponse { role: "king".into(), ..status_to_wire(status) };
        assert!(matches!(status_from_wire(unknown), Err(WireError::Role(_))));
    }
}
