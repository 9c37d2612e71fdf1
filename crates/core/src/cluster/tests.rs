//! What holds of admissions and members.

use conclave_mvcc::MemoryMap;

use super::*;

const CLUSTER: u64 = 9;

/// Does a command at a time, as an entry would.
fn at(map: &mut MemoryMap, time_ms: i64, command: ClusterCommand) -> Answered {
    let mut transaction = Transaction::begin(map).unwrap();
    let answered = apply(&mut transaction, &command, time_ms).unwrap();
    let sealed = transaction.seal();
    assert!(sealed.revised.is_none(), "no key changes: no watcher is told");
    if answered.is_ok() {
        map.write(&sealed.writes);
    }
    answered
}

fn admit_as(name: &str, peer: &str, token: u8) -> ClusterCommand {
    ClusterCommand::Admit(Admit {
        name: name.into(),
        peer_address: peer.into(),
        client_address: String::new(),
        token_hash: [token; 32],
        highest_id: 3,
    })
}

fn redeem_as(token: u8, instance: u64, peer: &str) -> ClusterCommand {
    ClusterCommand::Redeem(Redeem {
        token_hash: [token; 32],
        instance,
        cluster_id: CLUSTER,
        peer_address: peer.into(),
        client_address: "http://c:1".into(),
    })
}

fn register_as(id: u64, instance: u64, cluster_id: u64) -> ClusterCommand {
    ClusterCommand::Register(Register {
        id,
        instance,
        cluster_id,
        name: String::new(),
        peer_address: format!("m{id}:1"),
        client_address: String::new(),
    })
}

fn forget(id: u64) -> ClusterCommand {
    ClusterCommand::Forget(Forget { id, was_member: false })
}

fn admitted(answered: Answered) -> u64 {
    match answered {
        Ok(ClusterOutcome::Admitted { id, .. }) => id,
        other => panic!("not admitted: {other:?}"),
    }
}

#[test]
fn ids_begin_above_all_members_and_are_not_used_twice() {
    let mut map = MemoryMap::default();
    assert_eq!(admitted(at(&mut map, 1, admit_as("d", "d:1", 1))), 4);
    at(&mut map, 1, forget(4)).unwrap();
    assert_eq!(admitted(at(&mut map, 1, admit_as("d", "d:1", 2))), 5);
    at(&mut map, 1, register_as(9, 1, CLUSTER)).unwrap();
    assert_eq!(admitted(at(&mut map, 1, admit_as("e", "e:1", 3))), 10);
    let after = 1 + ADMISSION_MS;
    assert_eq!(admitted(at(&mut map, after, admit_as("f", "f:1", 4))), 11, "also when all have expired");
}

#[test]
fn a_node_that_never_was_uses_up_no_id() {
    let mut map = MemoryMap::default();
    assert_eq!(at(&mut map, 1, forget(99)), Err(ClusterRejection::MemberUnknown { id: 99 }));
    assert_eq!(at(&mut map, 1, forget(u64::MAX)), Err(ClusterRejection::MemberUnknown { id: u64::MAX }));
    assert_eq!(admitted(at(&mut map, 1, admit_as("d", "d:1", 1))), 4);

    // A first member that never told its instance is known to consensus only.
    let silent = ClusterCommand::Forget(Forget { id: 3, was_member: true });
    assert!(at(&mut map, 1, silent).is_ok());
    assert_eq!(introduction(&map, CLUSTER, 3, 7).unwrap(), Introduction::Removed);
}

#[test]
fn the_highest_id_is_given_to_one_node_only() {
    let mut map = MemoryMap::default();
    at(&mut map, 1, register_as(u64::MAX - 1, 1, CLUSTER)).unwrap();
    assert_eq!(admitted(at(&mut map, 1, admit_as("d", "d:1", 1))), u64::MAX);
    assert_eq!(at(&mut map, 1, admit_as("e", "e:1", 2)), Err(ClusterRejection::IdsUsedUp));
}

#[test]
fn the_same_node_admitted_again_keeps_its_id_and_the_first_token_is_void() {
    let mut map = MemoryMap::default();
    assert_eq!(admitted(at(&mut map, 1, admit_as("d", "d:1", 1))), 4);
    assert_eq!(admitted(at(&mut map, 1, admit_as("d", "d:1", 2))), 4);
    assert_eq!(at(&mut map, 1, redeem_as(1, 7, "d:1")), Err(ClusterRejection::TokenUnknown));
    assert!(at(&mut map, 1, redeem_as(2, 7, "d:1")).is_ok());
}

#[test]
fn a_node_without_a_name_is_given_one_when_it_is_admitted_again() {
    let mut map = MemoryMap::default();
    assert_eq!(admitted(at(&mut map, 1, admit_as("", "d:1", 1))), 4);
    assert_eq!(admitted(at(&mut map, 1, admit_as("", "e:1", 2))), 5, "neither has a name");
    assert_eq!(admitted(at(&mut map, 1, admit_as("d", "d:1", 3))), 4);
    let taken = at(&mut map, 1, admit_as("d", "e:1", 4));
    assert_eq!(taken, Err(ClusterRejection::NameTaken { name: "d".into(), id: 4 }));
    let called = at(&mut map, 1, redeem_as(3, 7, "d:1"));
    assert!(matches!(called, Ok(ClusterOutcome::Redeemed(node)) if node.name == "d"));
}

#[test]
fn names_and_addresses_are_of_one_node_each() {
    let mut map = MemoryMap::default();
    admitted(at(&mut map, 1, admit_as("d", "d:1", 1)));
    let taken = at(&mut map, 1, admit_as("d", "e:1", 2));
    assert_eq!(taken, Err(ClusterRejection::NameTaken { name: "d".into(), id: 4 }));
    let taken = at(&mut map, 1, admit_as("e", "d:1", 2));
    assert_eq!(taken, Err(ClusterRejection::AddressTaken { address: "d:1".into(), id: 4 }));
    at(&mut map, 1, redeem_as(1, 7, "d:1")).unwrap();
    assert!(at(&mut map, 1, admit_as("d", "d:1", 2)).is_err(), "it has joined");
    at(&mut map, 1, forget(4)).unwrap();
    assert_eq!(admitted(at(&mut map, 1, admit_as("d", "d:1", 2))), 5, "it is gone");
}

#[test]
fn a_token_is_for_one_node_that_may_ask_again() {
    let mut map = MemoryMap::default();
    admitted(at(&mut map, 1, admit_as("d", "d:1", 1)));
    let first = at(&mut map, 2, redeem_as(1, 7, "d:1"));
    assert!(matches!(&first, Ok(ClusterOutcome::Redeemed(node)) if node.client_address == "http://c:1"));
    let late = 3 + ADMISSION_MS;
    assert_eq!(at(&mut map, late, redeem_as(1, 7, "d:1")), first, "the answer may have been lost");
    assert_eq!(at(&mut map, 4, redeem_as(1, 8, "d:1")), Err(ClusterRejection::TokenUsed { id: 4 }));
    assert_eq!(at(&mut map, 4, redeem_as(2, 8, "d:1")), Err(ClusterRejection::TokenUnknown));
}

#[test]
fn an_expired_token_and_another_address_are_told() {
    let mut map = MemoryMap::default();
    admitted(at(&mut map, 1, admit_as("d", "d:1", 1)));
    let elsewhere = at(&mut map, 1, redeem_as(1, 7, "x:1"));
    assert!(matches!(elsewhere, Err(ClusterRejection::OtherAddress { id: 4, .. })));
    let late = 1 + ADMISSION_MS;
    assert_eq!(at(&mut map, late, redeem_as(1, 7, "d:1")), Err(ClusterRejection::TokenExpired { id: 4 }));
    assert_eq!(admissions(&map, late - 1).unwrap().len(), 1);
    assert_eq!(admissions(&map, late).unwrap(), []);
}

#[test]
fn admissions_that_wait_are_bounded() {
    let mut map = MemoryMap::default();
    for number in 0..ADMISSIONS_MAX {
        let name = format!("n{number}");
        let token = u8::try_from(number).unwrap();
        admitted(at(&mut map, 1, admit_as(&name, &format!("{name}:1"), token)));
    }
    let full = at(&mut map, 1, admit_as("more", "more:1", 200));
    assert_eq!(full, Err(ClusterRejection::AdmissionsFull { admissions_max: ADMISSIONS_MAX as u64 }));
}

#[test]
fn a_node_that_lost_its_data_is_known_by_its_instance() {
    let mut map = MemoryMap::default();
    let told = |map: &MemoryMap, instance| introduction(map, CLUSTER, 1, instance).unwrap();
    assert_eq!(told(&map, 7), Introduction::Unknown);
    at(&mut map, 1, register_as(1, 7, CLUSTER)).unwrap();
    at(&mut map, 1, register_as(1, 7, CLUSTER)).unwrap();
    assert_eq!((told(&map, 7), told(&map, 8)), (Introduction::Known, Introduction::OtherInstance));
    assert_eq!(at(&mut map, 1, register_as(1, 8, CLUSTER)), Err(ClusterRejection::OtherInstance { id: 1 }));
    assert_eq!(introduction(&map, CLUSTER + 1, 1, 8).unwrap(), Introduction::Unknown, "another cluster");
    at(&mut map, 1, register_as(1, 8, CLUSTER + 1)).unwrap();
    assert_eq!(introduction(&map, CLUSTER + 1, 1, 8).unwrap(), Introduction::Known, "a restored one");
    at(&mut map, 1, forget(1)).unwrap();
    assert_eq!(told(&map, 7), Introduction::Removed);
    let removed = at(&mut map, 1, register_as(1, 7, CLUSTER));
    assert_eq!(removed, Err(ClusterRejection::MemberRemoved { id: 1 }));
}
