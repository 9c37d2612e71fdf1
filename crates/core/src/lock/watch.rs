//! What a revision of the store did to locks.

use conclave_mvcc::{ChangeKind, Event, KeyRange, MapError, Record, Revised};

use super::keys::{self, Place};
use super::outcome::{HolderInfo, WaiterInfo};
use super::ticket::Ticket;
use crate::names::LockName;

/// Something that happened to a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockChange {
    /// Name of the lock.
    pub name: LockName,
    /// What.
    pub kind: LockChangeKind,
}

/// What happened to a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockChangeKind {
    /// A ticket came into the queue.
    Queued(WaiterInfo),
    /// A ticket left the queue. If it was granted that is told as well.
    Left(WaiterInfo),
    /// A ticket was granted.
    Granted(HolderInfo),
    /// What is told of a holder changed.
    Updated(HolderInfo),
    /// A grant ended.
    Ended(HolderInfo),
}

/// The keys whose events tell of locks whose names begin with `prefix`. With a prefix that ends with `/` they tell also
/// of the lock that is named as what is before the `/`.
pub fn watch_ranges(prefix: &str) -> Vec<KeyRange> {
    keys::tickets_of_all(prefix).into()
}

/// The keys whose events tell of one lock.
pub fn watch_ranges_of(name: &LockName) -> Vec<KeyRange> {
    vec![keys::holders(name), keys::queue(name)]
}

/// What a revision did to locks: first who left, then who came, in order of name within each.
///
/// # Errors
/// An event holds what this crate never wrote.
pub fn changes_in(revised: &Revised) -> Result<Vec<LockChange>, MapError> {
    let mut changes = Vec::new();
    for event in revised.events.iter() {
        changes.extend(change_of(event)?);
    }
    changes.sort_by(|one, other| (one.comes(), &one.name).cmp(&(other.comes(), &other.name)));
    Ok(changes)
}

impl LockChange {
    /// Whether somebody came, or is there as before; rather than left.
    pub fn comes(&self) -> bool {
        !matches!(self.kind, LockChangeKind::Left(_) | LockChangeKind::Ended(_))
    }
}

/// What one event of a revision did to a lock; none if nothing that is told.
///
/// # Errors
/// It holds what this crate never wrote.
pub fn change_of(event: &Event) -> Result<Option<LockChange>, MapError> {
    let Some((name, place)) = keys::parse(&event.key)? else { return Ok(None) };
    let Some(record) = event.record().or(event.previous.as_ref()) else { return Ok(None) };
    let kind = match (place, event.change()) {
        (Place::Head, _) => return Ok(None),
        (Place::Queue(_), ChangeKind::Added) => {
            Some(LockChangeKind::Queued(Ticket::decode(record)?.into_waiter()))
        }
        (Place::Queue(_), ChangeKind::Deleted) => {
            Some(LockChangeKind::Left(Ticket::decode(record)?.into_waiter()))
        }
        // Another call attends it.
        (Place::Queue(_), ChangeKind::Changed) => None,
        (Place::Holder(_), kind) => of_holder(kind, event.previous.as_ref(), record)?,
    };
    Ok(kind.map(|kind| LockChange { name, kind }))
}

fn of_holder(
    kind: ChangeKind,
    previous: Option<&Record>,
    record: &Record,
) -> Result<Option<LockChangeKind>, MapError> {
    let told = |record| Ticket::decode(record).map(Ticket::into_holder);
    let Some(holder) = told(record)? else { return Ok(None) };
    Ok(match kind {
        ChangeKind::Added => Some(LockChangeKind::Granted(holder)),
        ChangeKind::Deleted => Some(LockChangeKind::Ended(holder)),
        // Another call may attend it, of which nothing is told.
        ChangeKind::Changed => {
            let before = previous.map(told).transpose()?.flatten();
            (before.as_ref() != Some(&holder)).then_some(LockChangeKind::Updated(holder))
        }
    })
}
