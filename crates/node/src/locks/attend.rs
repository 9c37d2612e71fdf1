//! Calls that wait for a ticket, and who tells them.
//!
//! One task follows what happens to all tickets, as a watcher of the store, and tells each call only of its own: a
//! release wakes the next holder and nobody else.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use conclave_core::lock::{self, Granted, LockChange, LockChangeKind, Standing};
use conclave_core::{LeaseId, LockName, TicketId};
use conclave_mvcc::{MapError, ReadMap, Revision};
use conclave_watch::{WatchClosed, WatchFilter, Watched, Watcher};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::blocking::read_state;
use crate::handle::{NodeHandle, Shared};
use crate::request_error::RequestError;

/// How often calls are told of their place in the queue, if it may have changed.
const PLACES_INTERVAL: Duration = Duration::from_secs(1);
/// The pause before the store is read again, should it not have gone.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// How a ticket stands, as this node has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketState {
    /// The grant, once there was one: also when it has ended.
    pub granted: Option<Granted>,
    /// Where the ticket is.
    pub place: Place,
    /// The revision at which the grant ended, if this node saw it end.
    pub ended: Option<Revision>,
}

/// Where a ticket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// This node does not know yet.
    Unknown,
    /// In the queue.
    Waiting {
        /// How many come before.
        ahead: u64,
    },
    /// It is granted.
    Held,
    /// It is no more.
    Gone,
}

/// Listens to what becomes of a ticket, until it is dropped.
pub struct Attended {
    state: watch::Receiver<TicketState>,
    key: Key,
    attending: Arc<Attending>,
}

type Key = (LockName, TicketId);

/// Who listens to which ticket.
#[derive(Default)]
pub(crate) struct Attending {
    calls: Mutex<Calls>,
    arrived: Notify,
}

#[derive(Default)]
struct Calls {
    by_ticket: BTreeMap<Key, Call>,
    /// Of these it must be read how they stand.
    unread: HashSet<Key>,
    closed: bool,
}

/// The calls that listen to a ticket: more than one while a retry takes it over.
struct Call {
    session: LeaseId,
    listeners: usize,
    state: watch::Sender<TicketState>,
}

impl NodeHandle {
    /// Listens to what becomes of a ticket that a session has, or had, for a lock.
    pub fn attend(&self, name: LockName, session: LeaseId, ticket: TicketId) -> Attended {
        let (attending, key) = (Arc::clone(&self.shared.attending), (name, ticket));
        let mut calls = attending.calls.lock();
        let call = calls.by_ticket.entry(key.clone()).or_insert_with(|| {
            let unknown = TicketState::at(Place::Unknown);
            Call { session, listeners: 0, state: watch::Sender::new(unknown) }
        });
        call.listeners += 1;
        let mut state = call.state.subscribe();
        // What it is at this moment is news to this call.
        state.mark_changed();
        if calls.closed {
            // Nobody tells anything any more: `changed` says so.
            calls.by_ticket.remove(&key);
        } else {
            calls.unread.insert(key.clone());
        }
        drop(calls);
        attending.arrived.notify_one();
        Attended { state, key, attending }
    }
}

impl Attended {
    /// How the ticket stands now.
    pub fn told(&self) -> TicketState {
        *self.state.borrow()
    }

    /// How it stands, once that is known and was not told before. Of several changes only the last may be told.
    /// Cancel-safe.
    ///
    /// # Errors
    /// The node stops.
    pub async fn changed(&mut self) -> Result<TicketState, RequestError> {
        loop {
            self.state.changed().await.map_err(|_| RequestError::shutting_down())?;
            let state = *self.state.borrow_and_update();
            if state.place != Place::Unknown {
                return Ok(state);
            }
        }
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        let mut calls = self.attending.calls.lock();
        let Some(call) = calls.by_ticket.get_mut(&self.key) else { return };
        call.listeners = call.listeners.saturating_sub(1);
        if call.listeners == 0 {
            calls.by_ticket.remove(&self.key);
            calls.unread.remove(&self.key);
        }
    }
}

/// Tells calls what becomes of their tickets, until the node stops.
pub(crate) async fn tell_tickets(shared: Arc<Shared>, stop: CancellationToken) {
    stop.run_until_cancelled(tell(&shared)).await;
    let mut calls = shared.attending.calls.lock();
    calls.closed = true;
    calls.by_ticket.clear();
}

async fn tell(shared: &Arc<Shared>) {
    let filter = WatchFilter { ranges: lock::watch_ranges("") };
    let mut changes = shared.hubs.present.follow(filter, shared.hubs.present.newest().next());
    let mut places = interval(PLACES_INTERVAL);
    places.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut moved = HashSet::new();
    loop {
        tokio::select! {
            told = changes.next() => {
                if follow(shared, &mut changes, told, &mut moved).is_none() {
                    return;
                }
            }
            () = shared.attending.arrived.notified() => {}
            _ = places.tick(), if !moved.is_empty() => count_places(shared, std::mem::take(&mut moved)).await,
        }
        read_unread(shared, changes.told(), &mut moved).await;
    }
}

/// Tells what happened; none if nothing more will be told.
fn follow(
    shared: &Shared,
    changes: &mut Watcher,
    told: Result<Watched, WatchClosed>,
    moved: &mut HashSet<LockName>,
) -> Option<()> {
    match told {
        Ok(Watched::Progress(_)) => {}
        Ok(Watched::Changes(revised)) => match lock::changes_in(&revised) {
            Ok(happened) => shared.attending.happened(happened, revised.revision, moved),
            Err(error) => {
                tracing::error!(%error, "what happened to locks cannot be read");
                shared.attending.read_all_anew();
            }
        },
        Ok(Watched::Behind { newest }) => {
            shared.attending.read_all_anew();
            changes.resume_from(newest.next());
        }
        // How the tickets stand may be read although history cannot: it is tried, for nobody else tells the calls.
        Err(WatchClosed::Failed(cause)) => {
            tracing::error!(%cause, "what happened to locks cannot be followed: it is read how they stand");
            shared.attending.read_all_anew();
            changes.resume_from(shared.hubs.present.newest().next());
        }
        Err(WatchClosed::Closed) => return None,
    }
    Some(())
}

/// Reads how tickets stand that are listened to since a moment ago. Those that were asked for later than this node has
/// come, wait.
async fn read_unread(shared: &Arc<Shared>, told: Revision, moved: &mut HashSet<LockName>) {
    let unread = shared.attending.take_unread(told);
    if unread.is_empty() {
        return;
    }
    let keys: Vec<Key> = unread.iter().map(|(key, _)| key.clone()).collect();
    let read = on_state(shared, move |view| {
        unread
            .into_iter()
            .map(|((name, ticket), session)| {
                Ok(((name.clone(), ticket), lock::standing(view, &name, session, ticket)?))
            })
            .collect::<Result<Vec<_>, MapError>>()
    });
    match read.await {
        Some(standings) => shared.attending.stand(standings, moved),
        None => {
            shared.attending.calls.lock().unread.extend(keys);
            tokio::time::sleep(AGAIN_AFTER).await;
            shared.attending.arrived.notify_one();
        }
    }
}

/// Counts, for locks whose queues have moved, how many come before each ticket that is listened to.
async fn count_places(shared: &Arc<Shared>, moved: HashSet<LockName>) {
    let wanted: Vec<LockName> = moved.into_iter().filter(|name| shared.attending.waits_for(name)).collect();
    if wanted.is_empty() {
        return;
    }
    let tickets_max = usize::try_from(lock::WAITERS_MAX).unwrap_or(usize::MAX);
    let read = on_state(shared, move |view| {
        wanted
            .into_iter()
            .map(|name| lock::queue(view, &name, tickets_max).map(|queue| (name, queue)))
            .collect::<Result<Vec<_>, MapError>>()
    });
    for (name, queue) in read.await.unwrap_or_default() {
        shared.attending.stand_in_queue(&name, &queue);
    }
}

async fn on_state<T: Send + 'static>(
    shared: &Arc<Shared>,
    read: impl FnOnce(&dyn ReadMap) -> Result<T, MapError> + Send + 'static,
) -> Option<T> {
    match read_state(shared, read).await {
        Ok(Ok(found)) => Some(found),
        Ok(Err(error)) => {
            tracing::error!(%error, "tickets for locks cannot be read");
            None
        }
        Err(error) => {
            tracing::warn!(%error, "reading tickets for locks was cut short");
            None
        }
    }
}

impl Attending {
    /// How many calls listen.
    pub(crate) fn len(&self) -> usize {
        self.calls.lock().by_ticket.len()
    }

    fn happened(&self, changes: Vec<LockChange>, revision: Revision, moved: &mut HashSet<LockName>) {
        // Who left comes first: a ticket that was granted has left the queue as well. Only how it stands in the end is
        // told.
        let mut stand = BTreeMap::new();
        for LockChange { name, kind } in changes {
            let (ticket, state) = match kind {
                LockChangeKind::Left(waiter) => {
                    moved.insert(name.clone());
                    (waiter.ticket, TicketState::at(Place::Gone))
                }
                LockChangeKind::Granted(holder) | LockChangeKind::Updated(holder) => {
                    (holder.ticket, TicketState::held(holder.granted))
                }
                LockChangeKind::Ended(holder) => {
                    let (granted, ended) = (Some(holder.granted), Some(revision));
                    (holder.ticket, TicketState { granted, place: Place::Gone, ended })
                }
                LockChangeKind::Queued(_) => continue,
            };
            stand.insert((name, ticket), state);
        }
        let calls = self.calls.lock();
        stand.iter().for_each(|(key, state)| calls.tell(key, *state));
    }

    fn stand(&self, standings: Vec<(Key, Option<Standing>)>, moved: &mut HashSet<LockName>) {
        let calls = self.calls.lock();
        for (key, standing) in standings {
            let state = match standing {
                Some(Standing::Granted(granted)) => TicketState::held(granted),
                // How many come before is counted later.
                Some(Standing::Waiting { .. }) => {
                    moved.insert(key.0);
                    continue;
                }
                None => TicketState::at(Place::Gone),
            };
            calls.tell(&key, state);
        }
    }

    fn stand_in_queue(&self, name: &LockName, queue: &[TicketId]) {
        let calls = self.calls.lock();
        for (ahead, ticket) in (0..).zip(queue) {
            let Some(call) = calls.by_ticket.get(&(name.clone(), *ticket)) else { continue };
            let place = Place::Waiting { ahead };
            call.state.send_if_modified(|state| {
                let waits = matches!(state.place, Place::Waiting { .. } | Place::Unknown);
                let is_news = waits && state.place != place;
                if is_news {
                    state.place = place;
                }
                is_news
            });
        }
    }

    fn waits_for(&self, name: &LockName) -> bool {
        let from = (name.clone(), TicketId::new(0));
        self.calls.lock().by_ticket.range(from..).next().is_some_and(|((found, _), _)| found == name)
    }

    fn take_unread(&self, told: Revision) -> Vec<(Key, LeaseId)> {
        let mut calls = self.calls.lock();
        let ready: Vec<Key> =
            calls.unread.iter().filter(|(_, ticket)| ticket.get() <= told.get()).cloned().collect();
        ready
            .into_iter()
            .filter_map(|key| {
                calls.unread.remove(&key);
                let session = calls.by_ticket.get(&key)?.session;
                Some((key, session))
            })
            .collect()
    }

    fn read_all_anew(&self) {
        let mut calls = self.calls.lock();
        let keys: Vec<Key> = calls.by_ticket.keys().cloned().collect();
        calls.unread.extend(keys);
    }
}

impl TicketState {
    /// One of which no grant is known.
    pub fn at(place: Place) -> Self {
        Self { granted: None, place, ended: None }
    }

    /// One that is granted.
    pub fn held(granted: Granted) -> Self {
        Self { granted: Some(granted), place: Place::Held, ended: None }
    }

    /// What it is after something was told of it. A grant is not forgotten, nor that it ended.
    fn after(self, told: Self) -> Self {
        let has_ended = self.place == Place::Gone && self.granted.is_some();
        let place = if has_ended { Place::Gone } else { told.place };
        Self { granted: told.granted.or(self.granted), place, ended: self.ended.or(told.ended) }
    }
}

impl Calls {
    /// Tells the calls that listen to a ticket.
    fn tell(&self, key: &Key, told: TicketState) {
        let Some(call) = self.by_ticket.get(key) else { return };
        call.state.send_if_modified(|state| {
            let now = state.after(told);
            let is_news = *state != now;
            *state = now;
            is_news
        });
    }
}

#[cfg(test)]
mod tests {
    use conclave_core::FencingToken;

    use super::*;

    fn state(token: Option<u64>, place: Place) -> TicketState {
        let granted = token.map(|token| Granted { token: FencingToken::new(token), since_ms: 1 });
        TicketState { granted, place, ended: None }
    }

    #[test]
    fn what_was_seen_is_not_forgotten() {
        let waiting = |ahead| state(None, Place::Waiting { ahead });
        assert_eq!(waiting(3).after(waiting(2)), waiting(2));
        let held = state(Some(7), Place::Held);
        assert_eq!(waiting(3).after(held), held);
        let gone = held.after(state(None, Place::Gone));
        assert_eq!(gone, state(Some(7), Place::Gone));
        assert_eq!(gone.after(held), gone, "what comes late changes nothing");
        // Read as gone before the events were told that led there.
        assert_eq!(state(None, Place::Gone).after(held), held);
    }

    #[test]
    fn how_a_ticket_stands_is_read_only_once_the_node_has_come_so_far() {
        let attending = Attending::default();
        let (name, session) = (LockName::parse("a").unwrap(), LeaseId::new(1).unwrap());
        let key = (name, TicketId::new(5));
        let call = Call { session, listeners: 1, state: watch::Sender::new(TicketState::at(Place::Unknown)) };
        attending.calls.lock().by_ticket.insert(key.clone(), call);
        attending.read_all_anew();
        assert!(attending.take_unread(Revision::new(4)).is_empty(), "it would seem to be gone");
        assert_eq!(attending.take_unread(Revision::new(5)), [(key, session)]);
        assert!(attending.take_unread(Revision::new(6)).is_empty());
    }

    #[test]
    fn each_call_is_told_of_its_own_ticket_only() {
        let attending = Attending::default();
        let name = LockName::parse("a").unwrap();
        let (session, first, second) = (LeaseId::new(1).unwrap(), TicketId::new(1), TicketId::new(2));
        let listen = |ticket| {
            let sender = watch::Sender::new(state(None, Place::Unknown));
            let listener = sender.subscribe();
            let call = Call { session, listeners: 1, state: sender };
            attending.calls.lock().by_ticket.insert((name.clone(), ticket), call);
            listener
        };
        let (mut one, mut two) = (listen(first), listen(second));
        let granted = Granted { token: FencingToken::new(9), since_ms: 1 };
        let waiter = lock::WaiterInfo {
            session,
            ticket: first,
            mode: lock::Mode::Exclusive,
            owner: String::new(),
            since_ms: 1,
        };
        let holder = lock::HolderInfo {
            session,
            ticket: first,
            granted,
            mode: lock::Mode::Exclusive,
            owner: String::new(),
            metadata: bytes::Bytes::new(),
        };
        let happened = |kind| LockChange { name: name.clone(), kind };
        let mut moved = HashSet::new();
        let changes = vec![happened(LockChangeKind::Left(waiter)), happened(LockChangeKind::Granted(holder))];
        attending.happened(changes, Revision::new(9), &mut moved);
        assert_eq!(*one.borrow_and_update(), state(Some(9), Place::Held));
        assert!(!two.has_changed().unwrap());
        assert!(moved.contains(&name) && attending.waits_for(&name));
        attending.stand_in_queue(&name, &[second]);
        assert_eq!(*two.borrow_and_update(), state(None, Place::Waiting { ahead: 0 }));
        assert!(!one.has_changed().unwrap());
    }
}
