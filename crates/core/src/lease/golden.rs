//! The bytes of leases: they must be read for ever.

use super::*;
use crate::answer::{Outcome, decode_answer, encode_answer};
use crate::command::{Command, decode_command, encode_command};

fn id() -> LeaseId {
    LeaseId::new(300).unwrap()
}

#[track_caller]
fn assert_command(command: LeaseCommand, golden: &[u8]) {
    let command = Command::Lease(command);
    let encoded = encode_command(&command);
    assert_eq!(encoded.escape_ascii().to_string(), [b"\x01\x02", golden].concat().escape_ascii().to_string());
    assert_eq!(decode_command(&encoded), Ok(command));
}

#[track_caller]
fn assert_outcome(outcome: LeaseOutcome, golden: &[u8]) {
    let answer = Ok(Outcome::Lease(outcome));
    let encoded = encode_answer(&answer);
    assert_eq!(
        encoded.escape_ascii().to_string(),
        [b"\x01\x00\x02", golden].concat().escape_ascii().to_string()
    );
    assert_eq!(decode_answer(&encoded), Ok(answer));
}

#[test]
fn commands() {
    let grant = GrantLease {
        id: id(),
        ttl_ms: 1_000,
        owner: "ann".into(),
        metadata: [("k".into(), "v".into())].into(),
    };
    assert_command(LeaseCommand::Grant(grant), b"\x00\xac\x02\xe8\x07\x03ann\x01\x01k\x01v");
    assert_command(LeaseCommand::Revoke(RevokeLease { id: id() }), b"\x01\xac\x02");
    assert_command(LeaseCommand::Expire(ExpireLeases { term: 7, ids: vec![id()] }), b"\x02\x07\x01\xac\x02");
    let checkpoint = CheckpointLeases { term: 7, remaining: vec![(id(), Some(5)), (id(), None)] };
    assert_command(LeaseCommand::Checkpoint(checkpoint), b"\x03\x07\x02\xac\x02\x01\x05\xac\x02\x00");
}

#[test]
fn outcomes_and_the_record() {
    let lease = LeaseInfo {
        id: id(),
        ttl_ms: 1_000,
        remaining_ms: Some(5),
        owner: "ann".into(),
        metadata: [("k".into(), "v".into())].into(),
        granted_ms: 1,
    };
    assert_eq!(record::encode(&lease).as_ref(), b"\x01\xe8\x07\x01\x05\x03ann\x01\x01k\x01v\x02");
    assert_eq!(key(id()), "conclave/lease/000000000000012c");
    assert_eq!(id_of_key(&key(id())), Ok(id()));
    assert!(id_of_key(b"conclave/lease/0000000000000000").is_err());
    assert_outcome(LeaseOutcome::Granted(lease), b"\x00\xac\x02\xe8\x07\x01\x05\x03ann\x01\x01k\x01v\x02");
    assert_outcome(LeaseOutcome::Revoked { tickets: 3 }, b"\x01\x03");
    assert_outcome(LeaseOutcome::Expired { leases: 3, left: 4 }, b"\x02\x03\x04");
    assert_outcome(LeaseOutcome::Checkpointed { leases: 3 }, b"\x03\x03");
}

#[test]
fn refusals() {
    let golden: [(LeaseRejection, &[u8]); 4] = [
        (LeaseRejection::NotFound { id: 300 }, b"\x00\xac\x02"),
        (LeaseRejection::Exists { id: 300 }, b"\x01\xac\x02"),
        (LeaseRejection::Full { leases_max: 5 }, b"\x02\x05"),
        (LeaseRejection::OtherTerm { term: 7 }, b"\x03\x07"),
    ];
    for (rejection, golden) in golden {
        let answer = Err(rejection.into());
        let encoded = encode_answer(&answer);
        let golden = [b"\x01\x01\x13", golden].concat();
        assert_eq!(encoded.escape_ascii().to_string(), golden.escape_ascii().to_string());
        assert_eq!(decode_answer(&encoded), Ok(answer));
    }
}
