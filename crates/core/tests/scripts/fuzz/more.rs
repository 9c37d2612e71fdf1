//! A story of what the others leave out: the cluster's nodes, and transactions of plain keys.

use conclave_core::Command;
use conclave_core::LeaseId;
use conclave_core::cluster::{Admit, ClusterCommand, Forget, Redeem, Register, SetAlarm};
use conclave_core::kv::{
    Compact, Compare, CompareTarget, DeleteRange, KvCommand, Operation, Put, PutLease, RangeQuery, Relation,
    RevisionBounds, Sort, SortTarget, SweepStep, Txn,
};
use conclave_core::lease::{GrantLease, LeaseCommand};
use conclave_mvcc::{KeyRange, Revision};

use crate::session::Session;

/// The story, told to its end.
pub(super) fn story() -> Session {
    let mut session = Session::default();
    for command in of_the_cluster().into_iter().map(Command::Cluster).chain(of_keys()) {
        session.do_command(command);
    }
    session
}

fn of_the_cluster() -> Vec<ClusterCommand> {
    let address = |port: u16| format!("10.0.0.1:{port}");
    let register = |id| Register {
        id,
        instance: 7 + id,
        cluster_id: 9,
        name: format!("n{id}"),
        peer_address: address(7000),
        client_address: address(8000),
    };
    let admit = Admit {
        name: "n4".into(),
        peer_address: address(7004),
        client_address: String::new(),
        token_hash: [4; 32],
        highest_id: 3,
    };
    let redeem = Redeem {
        token_hash: [4; 32],
        instance: 11,
        cluster_id: 9,
        peer_address: address(7004),
        client_address: address(8004),
    };
    vec![
        ClusterCommand::Register(register(1)),
        ClusterCommand::Register(register(2)),
        ClusterCommand::Admit(admit),
        ClusterCommand::Redeem(redeem),
        ClusterCommand::Forget(Forget { id: 2, was_member: true }),
        ClusterCommand::SetAlarm(SetAlarm { member_id: 1, raised: true }),
        ClusterCommand::SetAlarm(SetAlarm { member_id: 1, raised: false }),
    ]
}

fn of_keys() -> Vec<Command> {
    let txn = |success| Command::Kv(KvCommand::Txn(Txn { success, ..Txn::default() }));
    let lease = LeaseId::new(300).expect("it is one");
    vec![
        Command::Lease(LeaseCommand::Grant(GrantLease {
            id: lease,
            ttl_ms: 5_000,
            owner: "w".into(),
            metadata: [("pid".into(), "7".into())].into(),
        })),
        txn(vec![put("a", PutLease::On(lease)), put("b", PutLease::None), put("c", PutLease::None)]),
        txn(vec![put("a", PutLease::Keep), range(), delete("b", "c"), range()]),
        Command::Kv(KvCommand::Txn(Txn {
            compares: compares(),
            success: vec![put("d", PutLease::None), Operation::Txn(within())],
            failure: vec![Operation::Txn(within()), range()],
        })),
        Command::Kv(KvCommand::Compact(Compact { revision: Revision::new(3) })),
        Command::Kv(KvCommand::Sweep(SweepStep { rows_max: 3, size_bytes_max: 300 })),
        txn(vec![delete("a", "z")]),
    ]
}

fn within() -> Txn {
    Txn { compares: compares(), success: vec![range()], failure: vec![put("e", PutLease::None)] }
}

fn put(key: &'static str, lease: PutLease) -> Operation {
    Operation::Put(Put { key: key.into(), value: Some("value".into()), lease, with_previous: true })
}

fn delete(start: &'static str, end: &'static str) -> Operation {
    Operation::DeleteRange(DeleteRange { range: KeyRange::new(start, end), with_previous: true })
}

fn range() -> Operation {
    Operation::Range(RangeQuery {
        range: KeyRange::new("a", ""),
        revision: Some(Revision::new(2)),
        limit: 5,
        sort: Some(Sort { by: SortTarget::ModRevision, descending: true, cut_before: true }),
        bounds: RevisionBounds { mod_min: 1, mod_max: 9, create_min: 1, create_max: 9 },
        keys_only: false,
        count_only: false,
    })
}

fn compares() -> Vec<Compare> {
    let targets = [
        CompareTarget::Version(1),
        CompareTarget::CreateRevision(2),
        CompareTarget::ModRevision(3),
        CompareTarget::Value("value".into()),
        CompareTarget::Lease(300),
    ];
    let compare = |target| Compare { range: KeyRange::new("a", "c"), relation: Relation::NotEqual, target };
    targets.into_iter().map(compare).collect()
}
