//! Pieces of calls under way, and when they arrive.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use http::{request, response};
use http_body::Frame;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::HostId;
use super::body::{Arrived, Arriving, Inlet};
use super::call::{Call, End};
use super::links::{Death, GIVEN_UP_AFTER_MS, Link};
use crate::dice::Dice;
use crate::story::Story;

/// Something that goes from one end of a call to the other.
pub(super) enum Piece {
    Request(Box<Incoming>),
    Response(oneshot::Sender<(response::Parts, Arriving)>, Box<(response::Parts, Arriving)>),
    Frame(Inlet, Frame<Bytes>),
    End(Inlet),
    /// This end wants no more of the call.
    Cancel,
}

/// A call that arrives at a server.
pub(super) struct Incoming {
    pub(super) call: Arc<Call>,
    pub(super) parts: request::Parts,
    pub(super) body: Arriving,
}

/// The network between all hosts.
pub(crate) struct Net {
    inner: Mutex<Inner>,
}

struct Inner {
    now_ms: u64,
    dice: Dice,
    story: Story,
    links: BTreeMap<(HostId, HostId), Link>,
    /// Since when links are cut.
    cut_since_ms: BTreeMap<(HostId, HostId), u64>,
    /// Hosts that are off: what their tasks say on their way out reaches nobody.
    off: BTreeSet<HostId>,
    /// Who is served where.
    served: BTreeMap<String, (HostId, mpsc::UnboundedSender<Incoming>)>,
    calls: BTreeMap<u64, Arc<Call>>,
    next_call: u64,
    /// The pieces under way in each direction of each call, in order, with when they arrive.
    lanes: BTreeMap<(u64, End), Lane>,
    /// Ends that are going to know that their call is broken, and when.
    breaks: BTreeMap<u64, Vec<(u64, End)>>,
    /// Pieces that will not arrive. Whoever is dropped may send, so not under the lock.
    undelivered: Vec<Lane>,
}

type Lane = VecDeque<(u64, Piece)>;

impl Net {
    pub(crate) fn new(dice: Dice, story: Story) -> Arc<Self> {
        let inner = Inner {
            now_ms: 0,
            dice,
            story,
            links: BTreeMap::new(),
            cut_since_ms: BTreeMap::new(),
            off: BTreeSet::new(),
            served: BTreeMap::new(),
            calls: BTreeMap::new(),
            next_call: 0,
            lanes: BTreeMap::new(),
            breaks: BTreeMap::new(),
            undelivered: Vec::new(),
        };
        Arc::new(Self { inner: Mutex::new(inner) })
    }

    /// Changes the way from a host to another.
    pub(crate) fn set_link(&self, from: HostId, to: HostId, link: Link) {
        let inner = &mut *self.inner.lock();
        if link.is_cut {
            inner.cut_since_ms.entry((from, to)).or_insert(inner.now_ms);
        } else {
            inner.cut_since_ms.remove(&(from, to));
        }
        inner.links.insert((from, to), link);
    }

    /// Time goes on to `now_ms`: what is due arrives. Gives the hosts at which something happened.
    pub(crate) fn advance(&self, now_ms: u64) -> BTreeSet<HostId> {
        self.inner.lock().now_ms = now_ms;
        self.give_up_cut_off();
        let mut woken = BTreeSet::new();
        loop {
            // Outside of the lock: whoever is woken by an arrival, or dropped, may send.
            let (broken, arrivals, undelivered) = {
                let mut inner = self.inner.lock();
                (inner.take_broken(), inner.take_due(), std::mem::take(&mut inner.undelivered))
            };
            drop(undelivered);
            if broken.is_empty() && arrivals.is_empty() {
                return woken;
            }
            for (call, end) in broken {
                woken.insert(call.host(end));
                call.broken(end).cancel();
                self.inner.lock().forget_if_broken(&call);
            }
            for (call, from, piece) in arrivals {
                woken.insert(call.host(from.other()));
                self.arrive(&call, from, piece);
            }
        }
    }

    /// A host is turned on.
    pub(crate) fn host_started(&self, host: HostId) {
        self.inner.lock().off.remove(&host);
    }

    /// A host ends: it is served nowhere any more, and its calls break.
    pub(crate) fn host_ended(&self, host: HostId, death: Death) {
        let mut inner = self.inner.lock();
        inner.off.insert(host);
        inner.served.retain(|_, (at, _)| *at != host);
        let calls: Vec<_> = inner.calls.values().filter(|call| call.has(host)).cloned().collect();
        for call in calls {
            let Inner { lanes, undelivered, .. } = &mut *inner;
            undelivered.extend(lanes.remove(&(call.id, End::Client)));
            undelivered.extend(lanes.remove(&(call.id, End::Server)));
            for end in [End::Client, End::Server] {
                let after_ms = if call.host(end) == host { 0 } else { death.told_after_ms() };
                inner.break_after(after_ms, call.id, end);
            }
        }
    }

    /// Serves at `address` from now on.
    pub(super) fn serve(&self, host: HostId, address: String) -> mpsc::UnboundedReceiver<Incoming> {
        let (arrives, arriving) = mpsc::unbounded_channel();
        self.inner.lock().served.insert(address, (host, arrives));
        arriving
    }

    /// A new call to `address`; none if nobody serves there, or it cannot be reached.
    pub(super) fn open(&self, from: HostId, address: &str, path: &str) -> Option<Arc<Call>> {
        let inner = &mut *self.inner.lock();
        let (server, _) = inner.served.get(address)?;
        let server = *server;
        let out_of_reach = |way| {
            let cut = inner.cut_since_ms.get(&way);
            cut.is_some_and(|since_ms| inner.now_ms - since_ms >= super::links::RECONNECT_AFTER_MS)
        };
        if out_of_reach((from, server)) || out_of_reach((server, from)) {
            return None;
        }
        inner.next_call += 1;
        let call = Arc::new(Call::new(inner.next_call, path.to_owned(), from, server));
        inner.calls.insert(call.id, Arc::clone(&call));
        Some(call)
    }

    /// Whether a call on this way is to be made twice.
    pub(super) fn is_repeated(&self, from: HostId, address: &str) -> bool {
        let inner = &mut *self.inner.lock();
        let Some((server, _)) = inner.served.get(address) else { return false };
        let repeated_ppm = inner.link(from, *server).repeated_ppm;
        inner.dice.happens_ppm(repeated_ppm)
    }

    /// Sends a piece from `end` to the other one.
    pub(super) fn send(&self, call: &Arc<Call>, end: End, piece: Piece) {
        let inner = &mut *self.inner.lock();
        if !inner.calls.contains_key(&call.id) || inner.off.contains(&call.host(end)) {
            return;
        }
        let link = inner.link(call.host(end), call.host(end.other()));
        if inner.dice.happens_ppm(link.broken_ppm) {
            inner.story.tell(|| format!("call {} {} breaks", call.id, call.path));
            inner.break_after(1, call.id, end);
            inner.break_after(1, call.id, end.other());
            return;
        }
        let due_ms = inner.now_ms + inner.dice.within(link.delay_ms);
        let lane = inner.lanes.entry((call.id, end)).or_default();
        let due_ms = lane.back().map_or(due_ms, |(last_ms, _)| due_ms.max(*last_ms));
        lane.push_back((due_ms, piece));
    }

    fn arrive(&self, call: &Arc<Call>, from: End, piece: Piece) {
        match piece {
            Piece::Request(incoming) => {
                let address = incoming.parts.uri.authority().map(ToString::to_string).unwrap_or_default();
                let served = self.inner.lock().served.get(&address).map(|(_, arrives)| arrives.clone());
                // Dropped otherwise, which tells the client.
                if served.is_none_or(|arrives| arrives.send(*incoming).is_err()) {
                    self.inner.lock().break_after(0, call.id, End::Client);
                }
            }
            Piece::Response(waiting, response) => drop(waiting.send(*response)),
            Piece::Frame(inlet, frame) => inlet.put(Arrived::Frame(frame)),
            Piece::End(inlet) => {
                inlet.put(Arrived::End);
                if from == End::Server {
                    call.answered().cancel();
                    self.inner.lock().forget(call.id);
                }
            }
            Piece::Cancel => {
                call.broken(from.other()).cancel();
                self.inner.lock().forget(call.id);
            }
        }
    }

    /// Keep-alive: calls over a way that has been cut for long are given up at both ends.
    fn give_up_cut_off(&self) {
        let mut inner = self.inner.lock();
        let now_ms = inner.now_ms;
        let cut = inner.cut_since_ms.iter();
        let long_cut: Vec<_> =
            cut.filter(|(_, since)| now_ms - **since == GIVEN_UP_AFTER_MS).map(|(way, _)| *way).collect();
        for (one, other) in long_cut {
            let over: Vec<_> = inner
                .calls
                .values()
                .filter(|call| call.has(one) && call.has(other))
                .map(|call| call.id)
                .collect();
            for call in over {
                inner.break_after(0, call, End::Client);
                inner.break_after(0, call, End::Server);
            }
        }
    }
}

impl Inner {
    fn link(&self, from: HostId, to: HostId) -> Link {
        self.links.get(&(from, to)).cloned().unwrap_or_default()
    }

    fn break_after(&mut self, after_ms: u64, call: u64, end: End) {
        self.breaks.entry(self.now_ms + after_ms).or_default().push((call, end));
    }

    fn take_broken(&mut self) -> Vec<(Arc<Call>, End)> {
        let later = self.breaks.split_off(&(self.now_ms + 1));
        let due = std::mem::replace(&mut self.breaks, later);
        let due = due.into_values().flatten();
        due.filter_map(|(call, end)| Some((Arc::clone(self.calls.get(&call)?), end))).collect()
    }

    /// The pieces that arrive now, in order of their calls.
    fn take_due(&mut self) -> Vec<(Arc<Call>, End, Piece)> {
        let mut due = Vec::new();
        let Self { lanes, calls, links, now_ms, undelivered, .. } = self;
        lanes.retain(|(call, end), lane| {
            let Some(call) = calls.get(call) else {
                undelivered.push(std::mem::take(lane));
                return false;
            };
            let way = (call.host(*end), call.host(end.other()));
            if links.get(&way).is_some_and(|link| link.is_cut) {
                return true;
            }
            while lane.front().is_some_and(|(due_ms, _)| due_ms <= now_ms) {
                due.extend(lane.pop_front().map(|(_, piece)| (Arc::clone(call), *end, piece)));
            }
            !lane.is_empty()
        });
        for (call, end, _) in &due {
            self.story.note(call.id, *end as u64, self.now_ms);
        }
        due
    }

    fn forget(&mut self, call: u64) {
        self.calls.remove(&call);
        // Pieces that are under way are dropped by whoever goes through the lanes next.
    }

    fn forget_if_broken(&mut self, call: &Arc<Call>) {
        if call.broken(End::Client).is_cancelled() && call.broken(End::Server).is_cancelled() {
            self.forget(call.id);
        }
    }
}
