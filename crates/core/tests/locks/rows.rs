//! What lies in the map: a row for each thing that is, and none for what is no more.

use std::collections::{BTreeMap, BTreeSet};

use conclave_core::{LeaseId, LockName};
use conclave_mvcc::ReadMap;
use serde::Deserialize;

use crate::world::{Model, Ticket};

/// Where the row of a session's tickets says that a ticket lies.
#[derive(Debug, PartialEq, Eq, Deserialize)]
enum Lies {
    InQueue(u64),
    WithToken(u64),
}

/// All rows of sessions and locks are those that the model's sessions and locks have.
#[track_caller]
pub(crate) fn check(view: &dyn ReadMap, model: &Model) {
    let found: BTreeSet<_> = rows(view, b"\x05conclave/l").into_keys().collect();
    assert_eq!(texts(found), texts(present(model)), "rows of the present");

    let mut found = rows(view, b"\x17");
    for ((session, name), tickets) in own(model) {
        let row = found.remove(&index_key(session, name.as_str())).unwrap_or_default();
        let known: Vec<(u64, u32, Lies)> = postcard::from_bytes(&row[1..]).unwrap();
        let lies: Vec<_> = known.into_iter().map(|(number, _, lies)| (number, lies)).collect();
        assert_eq!(lies, tickets, "tickets of session {session} on {name}");
    }
    for id in model.sessions.keys() {
        let tickets = model.locks.values().flatten().filter(|ticket| ticket.session == *id).count() as u64;
        let row = found.remove(&index_key(*id, ""));
        assert_eq!(row, (tickets > 0).then(|| tickets.to_be_bytes().to_vec()), "count of session {id}");
    }
    assert!(found.is_empty(), "tickets that are no more: {found:?}");

    let locks: BTreeSet<_> = model.forced.iter().map(|(name, _)| name).collect();
    assert_eq!(rows(view, b"\x18").len(), locks.len(), "releases by force");
    assert_eq!(rows(view, b"\x19").len(), model.forced.len(), "and their order");
    let total = |name: &[u8]| {
        let row = view.get(&[b"\x14", name].concat()).unwrap();
        row.map_or(0, |row| u64::from_be_bytes(row.as_ref().try_into().unwrap()))
    };
    assert_eq!(total(b"leases"), model.sessions.len() as u64);
    assert_eq!(total(b"last-token"), model.last_token);
    assert_eq!(total(b"forced-releases"), model.forced_ever);
}

/// The keys of all that is.
fn present(model: &Model) -> BTreeSet<Vec<u8>> {
    let sessions = model.sessions.keys().map(|id| format!("\x05conclave/lease/{:016x}", id.get()));
    let heads = model.locks.keys().map(|name| format!("\x05conclave/lock/{name}"));
    let tickets =
        model.locks.iter().flat_map(|(name, tickets)| tickets.iter().map(move |ticket| (name, ticket)));
    let tickets = tickets.map(|(name, ticket)| match ticket.granted {
        Some(granted) => format!("\x05conclave/lock-holder/{name}//{:020}", granted.token.get()),
        None => format!("\x05conclave/lock-queue/{name}//{:020}", ticket.number.get()),
    });
    sessions.chain(heads).chain(tickets).map(String::into_bytes).collect()
}

/// The tickets of each session on each lock, in order of number.
fn own(model: &Model) -> BTreeMap<(LeaseId, &LockName), Vec<(u64, Lies)>> {
    let lies = |ticket: &Ticket| match ticket.granted {
        Some(granted) => Lies::WithToken(granted.token.get()),
        None => Lies::InQueue(ticket.number.get()),
    };
    let mut own = BTreeMap::<_, Vec<_>>::new();
    for (name, tickets) in &model.locks {
        for ticket in tickets {
            own.entry((ticket.session, name)).or_default().push((ticket.number.get(), lies(ticket)));
        }
    }
    own
}

fn index_key(session: LeaseId, name: &str) -> Vec<u8> {
    [&[0x17], session.get().to_be_bytes().as_slice(), name.as_bytes()].concat()
}

fn rows(view: &dyn ReadMap, prefix: &[u8]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut cursor = view.cursor();
    cursor.seek(prefix).unwrap();
    let mut found = BTreeMap::new();
    while let (Some(key), Some(value)) = (cursor.key().filter(|key| key.starts_with(prefix)), cursor.value())
    {
        found.insert(key.to_vec(), value.to_vec());
        cursor.advance().unwrap();
    }
    found
}

fn texts(keys: BTreeSet<Vec<u8>>) -> Vec<String> {
    keys.iter().map(|key| key.escape_ascii().to_string()).collect()
}
