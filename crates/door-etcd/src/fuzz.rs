//! Requests that were spoilt: each is refused by one of etcd's texts or becomes what the core knows, and nothing panics.
//! The good ones are made from proto/.

use conclave_core::kv::{self, KvCommand, KvOutcome, Operation, Txn};
use conclave_core::lease::LeaseCommand;
use conclave_core::{
    Command, EntryContext, EntryKind, Outcome, Proposal, RequestId, apply, decode_command, encode_command,
    encode_proposal,
};
use conclave_fuzz::{inputs_of, messages, requests};
use conclave_mvcc::{Batch, MemoryMap, Revision};
use conclave_proto::ETCD_FILE_DESCRIPTOR_SET;
use conclave_proto::etcd::etcdserverpb as wire;
use prost::Message;
use tonic::{Code, Status};

use crate::auth_wire::Change;
use crate::refusal::Refusal;
use crate::{cluster_wire, kv_wire, lease_wire, maintenance_wire, watch};

/// What is done with the bytes of a request.
type Check = fn(&[u8]);

/// What was asked for, unless it is refused.
fn accepted<T>(read: Result<T, impl Into<Refusal>>) -> Option<T> {
    read.map_err(|refusal| {
        let refusal: Refusal = refusal.into();
        let status: Status = refusal.into();
        assert!(matches!(status.code(), Code::InvalidArgument | Code::OutOfRange), "{status:?}");
    })
    .ok()
}

/// The core reads it, and does it or refuses it. What it led to can be told.
fn kept(command: Command) {
    assert_eq!(decode_command(&encode_command(&command)).as_ref(), Ok(&command));
    let entry = encode_proposal(&Proposal { request_id: RequestId::unused(), time_ms: 1, command });
    let map = MemoryMap::default();
    let mut batch = Batch::new(&map);
    let applied = apply(&mut batch, EntryContext { index: 1, term: 1 }, EntryKind::Proposal(&entry));
    if let Some(Ok(Outcome::Kv(KvOutcome::Txn { done, .. }))) = applied.expect("the state is whole").answer {
        drop(kv_wire::txn_answer(done).encode_to_vec());
    }
}

fn of_operation(operation: Operation) {
    kept(Command::Kv(KvCommand::Txn(Txn { success: vec![operation], ..Txn::default() })));
}

fn of_users(change: impl Change) {
    if let Some(command) = accepted(change.command()) {
        kept(Command::Auth(command));
    }
}

macro_rules! checks {
    ($($name:ident: |$request:ident| $check:expr;)*) => {
        &[$((concat!("etcdserverpb.", stringify!($name)), |bytes| {
            if let Ok($request) = wire::$name::decode(bytes) {
                $check;
            }
        })),*]
    };
}

const CHECKS: &[(&str, Check)] = checks! {
    RangeRequest: |request| if let Some(query) = accepted(kv_wire::range(request)) {
        let map = MemoryMap::default();
        if let Ok(found) = kv::range(&map, &query).expect("the state is whole") {
            drop(kv_wire::range_answer(found).encode_to_vec());
        }
        of_operation(Operation::Range(query));
    };
    PutRequest: |request| if let Some(put) = accepted(kv_wire::put(request)) {
        assert!(!put.key.is_empty());
        of_operation(Operation::Put(put));
    };
    DeleteRangeRequest: |request| if let Some(delete) = accepted(kv_wire::delete_range(request)) {
        of_operation(Operation::DeleteRange(delete));
    };
    TxnRequest: |request| {
        let _ = kv_wire::is_local(&request);
        if let Some(txn) = accepted(kv_wire::txn(request)) {
            kept(Command::Kv(KvCommand::Txn(txn)));
        }
    };
    CompactionRequest: |request| if let Some(compact) = accepted(kv_wire::compact(request)) {
        assert!(compact.revision <= Revision::new(i64::MAX as u64));
        kept(Command::Kv(KvCommand::Compact(compact)));
    };
    LeaseGrantRequest: |request| if let Some(grant) = accepted(lease_wire::grant(request, 7)) {
        assert!((2_000..=9_000_000_000_000).contains(&grant.ttl_ms));
        kept(Command::Lease(LeaseCommand::Grant(grant)));
    };
    LeaseRevokeRequest: |request| {
        let id = lease_wire::lease_id(request.id);
        assert_eq!(id.map_or(0, lease_wire::told_id), request.id);
    };
    MemberAddRequest: |request| {
        let address = accepted(cluster_wire::peer_address(&request.peer_ur_ls).map_err(Refusal::Member));
        assert!(address.is_none_or(|address| address.len() <= 512));
    };
    MemberUpdateRequest: |request| {
        drop(accepted(cluster_wire::peer_address(&request.peer_ur_ls).map_err(Refusal::Member)));
    };
    AlarmRequest: |request| for raised in [false, true] {
        if let Ok(Some(alarm)) = maintenance_wire::alarm_by_hand(&request, raised) {
            assert!(maintenance_wire::is_asked_for(&request, &alarm));
        }
    };
    DowngradeRequest: |request| {
        let status: Status = Refusal::Member(maintenance_wire::downgrade_refusal(&request)).into();
        assert!(!status.message().is_empty());
    };
    WatchRequest: |request| watch::check_request(request);
    AuthEnableRequest: |request| of_users(request);
    AuthDisableRequest: |request| of_users(request);
    AuthUserDeleteRequest: |request| of_users(request);
    AuthUserGrantRoleRequest: |request| of_users(request);
    AuthUserRevokeRoleRequest: |request| of_users(request);
    AuthRoleAddRequest: |request| of_users(request);
    AuthRoleDeleteRequest: |request| of_users(request);
    AuthRoleGrantPermissionRequest: |request| of_users(request);
    AuthRoleRevokePermissionRequest: |request| of_users(request);
};

#[test]
fn fuzz_requests() {
    let of = |(name, check): &(&str, Check)| -> Vec<(Check, Vec<u8>)> {
        messages(ETCD_FILE_DESCRIPTOR_SET, name).into_iter().map(|seed| (*check, seed)).collect()
    };
    let seeds: Vec<_> = CHECKS.iter().flat_map(of).collect();
    inputs_of!(seeds.iter().map(|(_, seed)| seed)).for_each(|input| (seeds[input.seed].0)(input));
}

/// Requests that are taken as they are, or of which one part is looked at: an id, a name, a key. And those with
/// passwords, each of which takes as long as a password is to.
const WITHOUT_CHECKS: &[&str] = &[
    "etcdserverpb.AuthRoleGetRequest",
    "etcdserverpb.AuthRoleListRequest",
    "etcdserverpb.AuthStatusRequest",
    "etcdserverpb.AuthUserAddRequest",
    "etcdserverpb.AuthUserChangePasswordRequest",
    "etcdserverpb.AuthUserGetRequest",
    "etcdserverpb.AuthUserListRequest",
    "etcdserverpb.AuthenticateRequest",
    "etcdserverpb.DefragmentRequest",
    "etcdserverpb.HashKVRequest",
    "etcdserverpb.HashRequest",
    "etcdserverpb.LeaseKeepAliveRequest",
    "etcdserverpb.LeaseLeasesRequest",
    "etcdserverpb.LeaseTimeToLiveRequest",
    "etcdserverpb.MemberListRequest",
    "etcdserverpb.MemberPromoteRequest",
    "etcdserverpb.MemberRemoveRequest",
    "etcdserverpb.MoveLeaderRequest",
    "etcdserverpb.SnapshotRequest",
    "etcdserverpb.StatusRequest",
    "v3electionpb.CampaignRequest",
    "v3electionpb.LeaderRequest",
    "v3electionpb.ProclaimRequest",
    "v3electionpb.ResignRequest",
    "v3lockpb.LockRequest",
    "v3lockpb.UnlockRequest",
];

#[test]
fn no_request_is_left_out() {
    let mut known: Vec<_> =
        CHECKS.iter().map(|(name, _)| *name).chain(WITHOUT_CHECKS.iter().copied()).collect();
    known.sort_unstable();
    assert_eq!(known, requests(ETCD_FILE_DESCRIPTOR_SET));
}

/// What clients can nest, the core reads.
#[test]
fn transactions_as_deep_as_messages_go_are_kept() {
    let within = |txn| {
        let request = Some(wire::request_op::Request::RequestTxn(txn));
        wire::TxnRequest { success: vec![wire::RequestOp { request }], ..wire::TxnRequest::default() }
    };
    let mut deepest = wire::TxnRequest::default();
    while let Ok(txn) = wire::TxnRequest::decode(within(deepest.clone()).encode_to_vec().as_slice()) {
        deepest = txn;
        let txn = kv_wire::txn(deepest.clone()).expect("it is not too large");
        kept(Command::Kv(KvCommand::Txn(txn)));
    }
    assert_ne!(deepest, wire::TxnRequest::default());
}
