//! The bytes of locks: they must be read for ever.

use bytes::Bytes;
use conclave_mvcc::{MemoryMap, ReadMap, Revision, Transaction};

use super::head::Head;
use super::keys;
use super::ticket::Ticket;
use super::*;
use crate::answer::{Outcome, decode_answer, encode_answer};
use crate::command::{Command, Guarded, GuardedKeys, decode_command, encode_command};
use crate::config::{Collect, ConfigCommand};
use crate::ids::{FencingToken, LeaseId, TicketId};
use crate::kv::{Compact, KvCommand};
use crate::names::{LockName, NamespaceName, RequestId};

fn name() -> LockName {
    LockName::parse("a/b").unwrap()
}

fn session() -> LeaseId {
    LeaseId::new(300).unwrap()
}

fn granted() -> Granted {
    Granted { token: FencingToken::new(301), since_ms: 2 }
}

fn ticket() -> Ticket {
    Ticket {
        number: TicketId::new(7),
        session: session(),
        mode: Mode::Permits { count: 2, capacity: 300 },
        owner: "ann".into(),
        metadata: "m".into(),
        request_id: RequestId::parse("r").unwrap(),
        calls: vec![9],
        asked_ms: 1,
        wait_until_ms: Some(3),
        granted: None,
    }
}

fn forced() -> ForcedRelease {
    ForcedRelease {
        token: granted().token,
        owner: "ann".into(),
        session: session(),
        author: "bob".into(),
        reason: "stuck".into(),
        time_ms: 2,
        revision: Revision::new(8),
    }
}

#[track_caller]
fn assert_bytes(encoded: &[u8], golden: &[u8]) {
    assert_eq!(encoded.escape_ascii().to_string(), golden.escape_ascii().to_string());
}

/// The command's own bytes, after the format and the number of its domain.
#[track_caller]
fn assert_command(command: LockCommand, golden: &[u8]) {
    let command = Command::Lock(command);
    let encoded = encode_command(&command);
    assert_bytes(&encoded, &[b"\x01\x03", golden].concat());
    assert_eq!(decode_command(&encoded), Ok(command));
}

/// The outcome's own bytes, after the format, that it was done, and the number of its domain.
#[track_caller]
fn assert_outcome(outcome: LockOutcome, golden: &[u8]) {
    let answer = Ok(Outcome::Lock(outcome));
    let encoded = encode_answer(&answer);
    assert_bytes(&encoded, &[b"\x01\x00\x03", golden].concat());
    assert_eq!(decode_answer(&encoded), Ok(answer));
}

fn acquire(mode: Mode, wait: Wait) -> LockCommand {
    LockCommand::Acquire(Acquire {
        name: name(),
        session: session(),
        mode,
        wait,
        owner: "ann".into(),
        metadata: "m".into(),
        request_id: RequestId::parse("r").unwrap(),
        call: 9,
    })
}

#[test]
fn asking() {
    let permits = Mode::Permits { count: 2, capacity: 300 };
    let rest = b"\x03ann\x01m\x01r\x09".as_slice();
    for (mode, wait, golden) in [
        (Mode::Exclusive, Wait::None, b"\x00\x03a/b\xac\x02\x00\x00".as_slice()),
        (Mode::Shared, Wait::UpTo(300), b"\x00\x03a/b\xac\x02\x01\x01\xac\x02"),
        (permits, Wait::Forever, b"\x00\x03a/b\xac\x02\x02\x02\xac\x02\x02"),
    ] {
        assert_command(acquire(mode, wait), &[golden, rest].concat());
    }
    let waiting = Acquired { ticket: TicketId::new(7), standing: Standing::Waiting { ahead: 300 } };
    assert_outcome(LockOutcome::Acquired(waiting), b"\x00\x07\x00\xac\x02");
    let held = Acquired { ticket: TicketId::new(7), standing: Standing::Granted(granted()) };
    assert_outcome(LockOutcome::Acquired(held), b"\x00\x07\x01\xad\x02\x04");
}

#[test]
fn releasing() {
    let release = |which| LockCommand::Release(Release { name: name(), session: session(), which });
    assert_command(release(Which::All), b"\x01\x03a/b\xac\x02\x00");
    assert_command(release(Which::Token(granted().token)), b"\x01\x03a/b\xac\x02\x01\xad\x02");
    assert_command(release(Which::Ticket(TicketId::new(7))), b"\x01\x03a/b\xac\x02\x02\x07");
    for (unanswered, golden) in
        [(false, b"\x02\x03a/b\xac\x02\x07\x09\x00"), (true, b"\x02\x03a/b\xac\x02\x07\x09\x01")]
    {
        let (name, session, ticket) = (name(), session(), TicketId::new(7));
        assert_command(LockCommand::Abandon(Abandon { name, session, ticket, call: 9, unanswered }), golden);
    }
    let force = |token| {
        let (author, reason) = ("bob".into(), "stuck".into());
        LockCommand::ForceRelease(ForceRelease { name: name(), token, author, reason })
    };
    assert_command(force(None), b"\x03\x03a/b\x00\x03bob\x05stuck");
    assert_command(force(Some(granted().token)), b"\x03\x03a/b\x01\xad\x02\x03bob\x05stuck");
    assert_outcome(LockOutcome::Released { tickets: 300 }, b"\x01\xac\x02");
}

#[test]
fn what_is_told_of_a_holder() {
    let (token, metadata) = (granted().token, "m".into());
    let set = SetMetadata { name: name(), session: session(), token, metadata };
    assert_command(LockCommand::SetMetadata(set), b"\x04\x03a/b\xac\x02\xad\x02\x01m");
    assert_outcome(LockOutcome::MetadataSet { revision: Revision::new(300) }, b"\x02\xac\x02");
}

#[test]
fn what_depends_on_locks() {
    let namespace = NamespaceName::parse("n").unwrap();
    let held = vec![HeldLock { name: name(), token: granted().token }];
    let guarded = Guarded { held, command: ConfigCommand::Collect(Collect { namespace }) };
    let command = Command::Guarded(guarded);
    let encoded = encode_command(&command);
    assert_bytes(&encoded, b"\x01\x04\x01\x03a/b\xad\x02\x0b\x01n");
    assert_eq!(decode_command(&encoded), Ok(command));
    let held = vec![HeldLock { name: name(), token: granted().token }];
    let command = KvCommand::Compact(Compact { revision: Revision::new(300) });
    let command = Command::GuardedKeys(GuardedKeys { held, command });
    let encoded = encode_command(&command);
    assert_bytes(&encoded, b"\x01\x08\x01\x03a/b\xad\x02\x01\xac\x02");
    assert_eq!(decode_command(&encoded), Ok(command));
}

#[test]
fn refusals() {
    let (name, session, token) = (|| "l".to_owned(), 300, 301);
    let golden: [(LockRejection, &[u8]); 10] = [
        (LockRejection::NotFound { name: name() }, b"\x00\x01l"),
        (
            LockRejection::Held { name: name(), owner: "ann".into(), session, token },
            b"\x01\x01l\x03ann\xac\x02\xad\x02",
        ),
        (LockRejection::QueueFull { name: name(), waiters_max: 300 }, b"\x02\x01l\xac\x02"),
        (LockRejection::TicketsFull { session, tickets_max: 5 }, b"\x03\xac\x02\x05"),
        (LockRejection::CapacityMismatch { name: name(), capacity: 5, asked: 0 }, b"\x04\x01l\x05\x00"),
        (LockRejection::ModeChange { name: name(), session, token }, b"\x05\x01l\xac\x02\xad\x02"),
        (LockRejection::NotHeld { name: name(), session }, b"\x06\x01l\xac\x02"),
        (LockRejection::TokenMismatch { name: name(), token, held_token: 0 }, b"\x07\x01l\xad\x02\x00"),
        (LockRejection::RequestIdReused { name: name(), request_id: "r".into() }, b"\x08\x01l\x01r"),
        (LockRejection::NothingTaken { name: name(), token, held_token: 0 }, b"\x09\x01l\xad\x02\x00"),
    ];
    for (rejection, golden) in golden {
        let answer = Err(rejection.into());
        let encoded = encode_answer(&answer);
        assert_bytes(&encoded, &[b"\x01\x01\x14", golden].concat());
        assert_eq!(decode_answer(&encoded), Ok(answer));
    }
}

#[test]
fn heads_and_tickets() {
    let head = Head {
        capacity: Some(300),
        holders: 1,
        exclusive: false,
        permits: 2,
        waiters: 4,
        served: TicketId::new(5),
        first_token: granted().token,
    };
    assert_bytes(&head.encode(), b"\x01\x01\xac\x02\x01\x00\x02\x04\x05\xad\x02");
    let exclusive = Head { capacity: None, exclusive: true, permits: 0, ..head };
    assert_bytes(&exclusive.encode(), b"\x01\x00\x01\x01\x00\x04\x05\xad\x02");

    let waits = b"\x01\x07\xac\x02\x02\x02\xac\x02\x03ann\x01m\x01r\x01\x09\x02\x01\x06\x00";
    assert_bytes(&ticket().encode(), waits);
    let (calls, granted) = (vec![300, 9], Some(granted()));
    let held = Ticket { mode: Mode::Shared, calls, wait_until_ms: None, granted, ..ticket() };
    let golden = b"\x01\x07\xac\x02\x01\x03ann\x01m\x01r\x02\xac\x02\x09\x02\x00\x01\xad\x02\x04";
    assert_bytes(&held.encode(), golden);
}

#[test]
fn what_was_written_is_read_back() {
    let map = MemoryMap::default();
    let mut transaction = Transaction::begin(&map).unwrap();
    let held = Ticket { granted: Some(granted()), ..ticket() };
    for ticket in [ticket(), held] {
        ticket.write(&mut transaction, &name()).unwrap();
        assert_eq!(Ticket::find(&mut transaction, &ticket.key(&name())), Ok(Some(ticket)));
    }
    let head = Head { holders: 1, ..Head::new(Mode::Exclusive, Revision::new(5)) };
    head.write(&mut transaction, &name()).unwrap();
    assert_eq!(Head::find(&mut transaction, &name()), Ok(Some(head)));
    transaction.put_present(keys::head(&name()), Bytes::from_static(b"\x02")).unwrap();
    assert!(Head::find(&mut transaction, &name()).is_err(), "a newer format is not guessed at");
}

/// Where it lies is told twice, by the row's key and in it: damage that only one of them shows is found.
#[test]
fn a_ticket_that_lies_elsewhere_is_damage() {
    let map = MemoryMap::default();
    let mut transaction = Transaction::begin(&map).unwrap();
    ticket().write(&mut transaction, &name()).unwrap();
    let held = Ticket { granted: Some(granted()), ..ticket() };
    assert!(held.remove(&mut transaction, &name()).is_err());
    ticket().remove(&mut transaction, &name()).unwrap();
    assert!(ticket().remove(&mut transaction, &name()).is_err());
}

#[test]
fn numbers_of_a_head_that_were_damaged_end_nothing() {
    let permits = Mode::Permits { count: 3, capacity: u32::MAX };
    let mut head = Head { permits: u64::MAX, ..Head::new(permits, Revision::new(5)) };
    assert!(!head.admits(permits));
    head.dismiss(permits);
    assert!(!head.admits(permits));
}

/// All rows of a side table that a transaction wrote.
fn side_rows(map: &MemoryMap, table: u8) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let rows = map.iter().filter(|(key, _)| key[0] == table);
    rows.map(|(key, value)| (text(&key[1..]), text(value))).collect()
}

fn written(write: impl FnOnce(&mut Transaction<'_>)) -> MemoryMap {
    let mut map = MemoryMap::default();
    let sealed = {
        let mut transaction = Transaction::begin(&map).unwrap();
        write(&mut transaction);
        transaction.seal()
    };
    map.write(&sealed.writes);
    map
}

fn rows(golden: &[(&str, &str)]) -> Vec<(String, String)> {
    golden.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn rows_from_a_session_to_its_tickets() {
    let held = Ticket { number: TicketId::new(6), granted: Some(granted()), ..ticket() };
    let map = written(|transaction| {
        for ticket in [ticket(), held.clone()] {
            index::set(transaction, &name(), &ticket).unwrap();
        }
    });
    let count = (r"\x00\x00\x00\x00\x00\x00\x01,", r"\x00\x00\x00\x00\x00\x00\x00\x02");
    let tickets = (
        r"\x00\x00\x00\x00\x00\x00\x01,a/b",
        r"\x01\x02\x06\xb5\x96\xbc\xa5\x0b\x01\xad\x02\x07\xb5\x96\xbc\xa5\x0b\x00\x07",
    );
    assert_eq!(side_rows(&map, 0x17), rows(&[count, tickets]));
    let read = vec![index::Known::of(&held), index::Known::of(&ticket())];
    assert_eq!(index::of_session(&map, session()), Ok(vec![(name(), read)]));
    assert_eq!(index::count_in(&map, session()), Ok(2));
}

#[test]
fn rows_of_releases_by_force() {
    let map = written(|transaction| forced::note(transaction, &name(), &forced()).unwrap());
    assert_eq!(
        side_rows(&map, 0x18),
        rows(&[("a/b", r"\x01\x00\xad\x02\x03ann\xac\x02\x03bob\x05stuck\x04\x08")])
    );
    assert_eq!(side_rows(&map, 0x19), rows(&[(r"\x00\x00\x00\x00\x00\x00\x00\x00", "a/b")]));
    assert_eq!(side_rows(&map, 0x14), rows(&[("forced-releases", r"\x00\x00\x00\x00\x00\x00\x00\x01")]));
    assert_eq!(forced::last(&map, &name()), Ok(Some(forced())));
}

#[test]
fn the_row_of_the_last_token() {
    let map = written(|transaction| {
        let (mut head, ticket) = (Head::default(), Ticket { mode: Mode::Exclusive, ..ticket() });
        grant::grant(transaction, &name(), &mut head, (ticket, 2)).unwrap();
    });
    assert_eq!(map.get(b"\x14last-token").unwrap().unwrap(), b"\0\0\0\0\0\0\0\x01".as_slice());
}
