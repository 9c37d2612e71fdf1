//! What consensus finds on the disk and hears from other nodes, spoilt: it is told that it cannot be read, or it is
//! written again as the same. Nothing panics.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use conclave_core::LeaseId;
use conclave_fuzz::inputs_of;
use conclave_proto::raft::v1 as proto;
use openraft::EntryPayload;
use openraft::entry::RaftEntry as _;
use prost::Message;

use crate::codec::{
    Mark, decode_entry, decode_log_id, decode_mark, decode_vote, encode_entry, encode_log_id, encode_mark,
    encode_vote, log_id, vote,
};
use crate::lease_wire;
use crate::local_node::KeepLeases;
use crate::members::{
    JoinRequest, MembersAnswer, MembersError, MembersRequest, Token, decode_outcome, decode_request,
    encode_outcome, encode_request,
};
use crate::peer_wire::{
    append_from_wire, append_to_wire, appended_from_wire, appended_to_wire, transfer_from_wire,
    transfer_to_wire, transferred_from_wire, vote_request_from_wire, vote_request_to_wire,
    vote_response_from_wire, vote_response_to_wire,
};
use crate::status_wire::{status_from_wire, status_to_wire};
use crate::type_config::{LogId, Membership, PeerAddress, Proposal, StoredMembership};

fn membership() -> Membership {
    let address = |port: u16| PeerAddress {
        peer: format!("a:{port}"),
        client: format!("b:{port}"),
        name: "n".repeat(port.into()),
    };
    let nodes = BTreeMap::from([(1, address(1)), (2, address(2)), (3, address(3))]);
    Membership::new(vec![BTreeSet::from([1, 2]), BTreeSet::from([2, 3])], nodes).unwrap()
}

fn entries() -> Vec<Bytes> {
    let normal = EntryPayload::Normal(Proposal(Bytes::from_static(b"hi")));
    let payloads = [EntryPayload::Blank, normal, EntryPayload::Membership(membership())];
    payloads.iter().map(|payload| encode_entry(&log_id(3, 255), payload)).collect()
}

/// Targets: what is decoded is encoded to what is decoded to the same.
macro_rules! codecs {
    ($($name:ident: $seeds:expr, $decode:expr, $encode:expr;)*) => {
        $(#[test]
        fn $name() {
            let seeds: Vec<Bytes> = $seeds.iter().map($encode).collect();
            inputs_of!(seeds).for_each(|input| {
                if let Ok(decoded) = $decode(input) {
                    assert_eq!($decode(&$encode(&decoded)), Ok(decoded));
                }
            });
        })*
    };
}

codecs! {
    fuzz_votes: [vote(300, 2, true)], decode_vote, encode_vote;
    fuzz_log_ids: [Some(log_id(2, 9)), None], decode_log_id, |id: &Option<LogId>| encode_log_id(id.as_ref());
    fuzz_marks: [mark(), Mark::default()], decode_mark, encode_mark;
    fuzz_requests_about_members: requests(), decode_request, encode_request;
    fuzz_answers_about_members: answers(), decode_outcome, encode_outcome;
}

fn mark() -> Mark {
    let membership = StoredMembership::new(Some(log_id(1, 4)), membership());
    Mark { last_applied: Some(log_id(2, 9)), membership }
}

fn requests() -> [MembersRequest; 2] {
    let join = JoinRequest {
        token: Token("secret".into()),
        instance: 7,
        peer_address: "a:1".into(),
        client_address: "http://a:2".into(),
        cluster_name: Some("main".into()),
    };
    [MembersRequest::Join(join), MembersRequest::Promote { id: 300 }]
}

fn answers() -> [Result<MembersAnswer, MembersError>; 2] {
    let token = Token("t".into());
    let admitted = MembersAnswer::Admitted { id: 4, token, join_addresses: vec!["a:1".into()] };
    [Ok(admitted), Err(MembersError::NotLeader { leader: Some(2) })]
}

#[test]
fn fuzz_entries() {
    inputs_of!(entries()).for_each(|input| {
        let encoded = Bytes::copy_from_slice(input);
        let Ok(entry) = decode_entry(&encoded) else { return };
        assert_eq!(entry.encoded(), encoded);
        let again = encode_entry(&entry.log_id(), entry.payload());
        assert_eq!(decode_entry(&again).unwrap().payload(), entry.payload());
    });
}

/// What is done with the bytes of a message from another node.
type Check = fn(&[u8]);

fn of_appends(bytes: &[u8]) {
    let Ok(message) = proto::AppendEntriesRequest::decode(bytes) else { return };
    let entries = message.entries.clone();
    if let Ok(request) = append_from_wire(message) {
        assert_eq!(append_to_wire(request).entries, entries);
    }
}

fn of_answers_to_appends(bytes: &[u8]) {
    let Ok(message) = proto::AppendEntriesResponse::decode(bytes) else { return };
    if let Ok(result) = appended_from_wire(message) {
        assert_eq!(appended_from_wire(appended_to_wire(result.clone())).unwrap(), result);
    }
}

fn of_votes(bytes: &[u8]) {
    let Ok(message) = proto::VoteRequest::decode(bytes) else { return };
    if let Ok(request) = vote_request_from_wire(message) {
        assert_eq!(vote_request_from_wire(vote_request_to_wire(&request)).unwrap(), request);
    }
}

fn of_answers_to_votes(bytes: &[u8]) {
    let Ok(message) = proto::VoteResponse::decode(bytes) else { return };
    if let Ok(response) = vote_response_from_wire(message) {
        assert_eq!(vote_response_from_wire(vote_response_to_wire(&response)).unwrap(), response);
    }
}

fn of_handovers(bytes: &[u8]) {
    let Ok(message) = proto::TransferLeaderRequest::decode(bytes) else { return };
    let Ok(request) = transfer_from_wire(message) else { return };
    assert_eq!(transfer_from_wire(transfer_to_wire(&request)).unwrap(), request);
    if let Ok(answer) = proto::TransferLeaderResponse::decode(bytes) {
        drop(transferred_from_wire(answer, &request));
    }
}

fn of_leases(bytes: &[u8]) {
    if let Ok(message) = proto::KeepLeasesRequest::decode(bytes)
        && let Some(request) = lease_wire::request_from_wire(&message)
    {
        assert_eq!(lease_wire::request_to_wire(&request, message.deadline_ms), message);
    }
    if let Ok(message) = proto::KeepLeasesResponse::decode(bytes) {
        let ids = vec![LeaseId::new(1).unwrap(); 2];
        let asked = KeepLeases { renew: ids.clone(), ask: ids };
        if let Some(kept) = lease_wire::kept_from_wire(message, &asked) {
            assert_eq!((kept.ttl_ms.len(), kept.left_ms.len()), (2, 2));
        }
    }
}

fn of_states(bytes: &[u8]) {
    let Ok(message) = proto::GetNodeStatusResponse::decode(bytes) else { return };
    if let Ok(status) = status_from_wire(message) {
        assert_eq!(status_from_wire(status_to_wire(status.clone())).unwrap(), status);
    }
}

fn seeds_of_messages() -> Vec<(Check, Vec<u8>)> {
    let vote = Some(proto::Vote { term: 4, node_id: 2, committed: true });
    let log_id = Some(proto::LogId { term: 4, index: 9 });
    let append =
        proto::AppendEntriesRequest { vote, prev_log_id: log_id, entries: entries(), leader_commit: log_id };
    let conflict = proto::append_entries_response::Result::Conflict(proto::Conflict { expected: log_id });
    let asks = proto::VoteRequest { vote, last_log_id: log_id, leadership_transfer: true };
    let grants = proto::VoteResponse { vote, granted: true, last_log_id: log_id };
    let handover = proto::TransferLeaderRequest { from_leader: vote, to_node: 3, last_log_id: log_id };
    let leases = proto::KeepLeasesRequest { renew: vec![1, u64::MAX], ask: vec![3], deadline_ms: 5 };
    let kept = proto::KeptLeases { ttl_ms: vec![7, 0], left_ms_plus_1: vec![1, 0] };
    let status = proto::GetNodeStatusResponse {
        node_id: 1,
        role: "leader".into(),
        digest: "07".into(),
        now_ms: -11,
        alarms: vec!["no-space".into()],
        disk: Some(proto::NodeDisk { fsync_p50_us: 17, ..proto::NodeDisk::default() }),
        ..proto::GetNodeStatusResponse::default()
    };
    vec![
        (of_appends, append.encode_to_vec()),
        (of_answers_to_appends, proto::AppendEntriesResponse { result: Some(conflict) }.encode_to_vec()),
        (of_votes, asks.encode_to_vec()),
        (of_answers_to_votes, grants.encode_to_vec()),
        (of_handovers, handover.encode_to_vec()),
        (of_leases, leases.encode_to_vec()),
        (of_leases, proto::KeepLeasesResponse { kept: Some(kept) }.encode_to_vec()),
        (of_states, status.encode_to_vec()),
    ]
}

#[test]
fn fuzz_messages_of_nodes() {
    let seeds = seeds_of_messages();
    inputs_of!(seeds.iter().map(|(_, seed)| seed)).for_each(|input| (seeds[input.seed].0)(input));
}
