//! The naive model: a list of sessions, and for each lock a list of tickets in order of arrival.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use conclave_core::lease::{LeaseInfo, LeaseRejection};
use conclave_core::lock::{ForcedRelease, Granted, HolderInfo, LockInfo, Mode, WaiterInfo};
use conclave_core::{
    Answer, Command, FencingToken, LeaseId, LockName, Outcome, Proposal, Rejection, RequestId, TicketId,
};
use conclave_mvcc::{MemoryMap, Revision, WriteSet, skip_to_revision};

use crate::{fenced, leases, tickets};

/// Requests that are remembered here, of the many more that the store remembers: steps retry none that is older.
const REMEMBERED_MAX: usize = 16;

/// Releases by force that are remembered.
const FORCED_MAX: usize = 1_000;

/// A request for a lock, waiting or granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) number: TicketId,
    pub(crate) session: LeaseId,
    pub(crate) mode: Mode,
    pub(crate) owner: String,
    pub(crate) metadata: Bytes,
    pub(crate) request_id: RequestId,
    /// The one that attends it is the last.
    pub(crate) calls: Vec<u64>,
    pub(crate) asked_ms: i64,
    pub(crate) until_ms: Option<i64>,
    pub(crate) granted: Option<Granted>,
}

/// How far the revision of the configuration is at the beginning: far ahead of that of sessions and locks, so that
/// mistaking one for the other is seen.
const COMMITTED_BEFORE: u64 = 1_000_000_000;

/// A store at which the model begins.
pub(crate) fn empty() -> MemoryMap {
    let mut writes = WriteSet::default();
    skip_to_revision(&mut writes, Revision::new(COMMITTED_BEFORE));
    let mut map = MemoryMap::default();
    map.write(&writes);
    map
}

/// All that is.
pub(crate) struct Model {
    pub(crate) sessions: BTreeMap<LeaseId, LeaseInfo>,
    /// In order of number. A lock that nobody has is none.
    pub(crate) locks: BTreeMap<LockName, Vec<Ticket>>,
    /// All that are remembered, the newest last.
    pub(crate) forced: VecDeque<(LockName, ForcedRelease)>,
    pub(crate) forced_ever: u64,
    /// Of sessions and locks.
    pub(crate) revision: u64,
    /// Of what fenced commits change.
    pub(crate) committed: u64,
    pub(crate) last_token: u64,
    pub(crate) time_ms: i64,
    /// Version of the namespace that fenced commits make.
    pub(crate) version: u64,
    pub(crate) answered: VecDeque<(RequestId, Command, Answer)>,
}

/// What a command leads to, and whether that takes a revision.
pub(crate) type Done = Result<(Outcome, bool), Rejection>;

impl Default for Model {
    fn default() -> Self {
        Self {
            sessions: BTreeMap::new(),
            locks: BTreeMap::new(),
            forced: VecDeque::new(),
            forced_ever: 0,
            revision: 0,
            committed: COMMITTED_BEFORE,
            last_token: 0,
            time_ms: 0,
            version: 0,
            answered: VecDeque::new(),
        }
    }
}

impl Model {
    /// Does an entry of a term.
    pub(crate) fn apply(&mut self, proposal: &Proposal, term: u64) -> Answer {
        self.time_ms = self.time_ms.max(proposal.time_ms);
        let known = self.answered.iter().find(|(id, ..)| *id == proposal.request_id);
        if let Some((_, command, answer)) = known {
            let reused = || Rejection::RequestIdReused { request_id: proposal.request_id.to_string() };
            return if *command == proposal.command { answer.clone() } else { Err(reused()) };
        }
        let done = match &proposal.command {
            Command::Lease(command) => leases::apply(self, command, term),
            Command::Lock(command) => tickets::apply(self, command),
            Command::Guarded(command) => fenced::apply(self, command),
            other => unreachable!("steps draw no {other:?}"),
        };
        let answer = done.map(|(outcome, changed)| {
            self.revision += u64::from(changed);
            outcome
        });
        let remembered = (proposal.request_id.clone(), proposal.command.clone(), answer.clone());
        self.answered.push_back(remembered);
        if self.answered.len() > REMEMBERED_MAX {
            self.answered.pop_front();
        }
        answer
    }

    /// The revision that a change takes.
    pub(crate) fn next_revision(&self) -> Revision {
        Revision::new(self.revision + 1)
    }

    pub(crate) fn require_session(&self, id: LeaseId) -> Result<(), Rejection> {
        let unknown = Rejection::Lease(LeaseRejection::NotFound { id: id.get() });
        self.sessions.contains_key(&id).then_some(()).ok_or(unknown)
    }

    pub(crate) fn tickets(&self, name: &LockName) -> &[Ticket] {
        self.locks.get(name).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn set_tickets(&mut self, name: &LockName, tickets: Vec<Ticket>) {
        if tickets.is_empty() {
            self.locks.remove(name);
        } else {
            self.locks.insert(name.clone(), tickets);
        }
    }

    pub(crate) fn holders(&self, name: &LockName) -> Vec<HolderInfo> {
        self.tickets(name).iter().filter_map(Ticket::holder).collect()
    }

    pub(crate) fn waiters(&self, name: &LockName) -> Vec<WaiterInfo> {
        self.tickets(name).iter().filter_map(Ticket::waiter).collect()
    }

    /// The first token with which a lock is held.
    pub(crate) fn first_token(&self, name: &LockName) -> Option<FencingToken> {
        self.holders(name).iter().map(|holder| holder.granted.token).min()
    }

    /// The greatest token with which a lock is held.
    pub(crate) fn newest_token(&self, name: &LockName) -> Option<FencingToken> {
        self.holders(name).iter().map(|holder| holder.granted.token).max()
    }

    pub(crate) fn remember(&mut self, name: &LockName, forced: ForcedRelease) {
        self.forced.push_back((name.clone(), forced));
        self.forced_ever += 1;
        if self.forced.len() > FORCED_MAX {
            self.forced.pop_front();
        }
    }

    /// What is read of a lock.
    pub(crate) fn info(&self, name: &LockName) -> Option<LockInfo> {
        let forced = self.forced.iter().rfind(|(lock, _)| lock == name).map(|(_, forced)| forced.clone());
        let tickets = self.tickets(name);
        if tickets.is_empty() && forced.is_none() {
            return None;
        }
        let (holders, waiters) = (self.holders(name), self.waiters(name));
        Some(LockInfo {
            name: name.clone(),
            holder_count: holders.len() as u64,
            waiter_count: waiters.len() as u64,
            holders,
            waiters,
            capacity: tickets.first().and_then(|ticket| capacity(ticket.mode)),
            forced,
        })
    }
}

impl Ticket {
    fn holder(&self) -> Option<HolderInfo> {
        let Self { number: ticket, session, mode, owner, metadata, .. } = self.clone();
        self.granted.map(|granted| HolderInfo { session, ticket, granted, mode, owner, metadata })
    }

    fn waiter(&self) -> Option<WaiterInfo> {
        let Self { number: ticket, session, mode, owner, asked_ms: since_ms, .. } = self.clone();
        self.granted.is_none().then_some(WaiterInfo { session, ticket, mode, owner, since_ms })
    }

    pub(crate) fn has_token(&self, token: FencingToken) -> bool {
        self.granted.is_some_and(|granted| granted.token == token)
    }
}

/// How many permits there are of a lock in this mode.
pub(crate) fn capacity(mode: Mode) -> Option<u32> {
    match mode {
        Mode::Permits { capacity, .. } => Some(capacity),
        Mode::Exclusive | Mode::Shared => None,
    }
}

/// Whether one more in this mode goes with those who hold a lock in these.
pub(crate) fn goes_with(held: &[Mode], mode: Mode) -> bool {
    let permits = |mode: &Mode| match mode {
        Mode::Permits { count, .. } => *count,
        Mode::Exclusive | Mode::Shared => 0,
    };
    match mode {
        Mode::Exclusive => held.is_empty(),
        Mode::Shared => held.iter().all(|mode| *mode == Mode::Shared),
        Mode::Permits { count, capacity } => held.iter().map(permits).sum::<u32>() + count <= capacity,
    }
}
