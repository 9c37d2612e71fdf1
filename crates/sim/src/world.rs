//! The world: hosts, the network between them, and simulated time, which goes on a millisecond at a time.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use crate::dice::Dice;
use crate::host::Host;
use crate::net::{Death, HostId, HostNet, Net};
use crate::story::Story;
use crate::time::Time;

/// Everything that is simulated.
pub(crate) struct World {
    pub(crate) time: Time,
    dice: Dice,
    hosts: BTreeMap<HostId, Host>,
    pub(crate) net: Arc<Net>,
    pub(crate) story: Story,
}

impl World {
    /// An empty world. Chance in this thread follows from the seed from here on.
    pub(crate) fn new(seed: u64) -> Self {
        conclave_sim_chance::seed_this_thread(seed);
        let (mut dice, story) = (Dice::new(seed), Story::default());
        let net = Net::new(dice.split(), story.clone());
        Self { time: Time::default(), dice, hosts: BTreeMap::new(), net, story }
    }

    /// Another source of choices.
    pub(crate) fn split_dice(&mut self) -> Dice {
        self.dice.split()
    }

    /// Simulated time since the beginning, in milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        self.time.now_ms()
    }

    /// Turns a host on.
    pub(crate) fn start_host(&mut self, id: HostId) -> HostNet {
        self.hosts.insert(id, Host::start());
        self.net.host_started(id);
        HostNet::new(Arc::clone(&self.net), id)
    }

    /// Runs a task on a host. Nothing happens if it is off.
    pub(crate) fn spawn(&self, host: HostId, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(host) = self.hosts.get(&host) {
            host.spawn(task);
        }
    }

    /// Ends a host with everything on it, between one step and the next.
    pub(crate) fn end_host(&mut self, id: HostId, death: Death) {
        self.net.host_ended(id, death);
        self.hosts.remove(&id);
    }

    /// The host, if it is on.
    pub(crate) fn host(&mut self, id: HostId) -> Option<&mut Host> {
        self.hosts.get_mut(&id)
    }

    /// A millisecond goes by.
    pub(crate) fn step(&mut self) {
        let now_ms = self.time.pass_ms();
        self.story.time_is(now_ms);
        let woken = self.net.advance(now_ms);
        let mut order: Vec<_> = self.hosts.keys().copied().collect();
        self.dice.shuffle(&mut order);
        for id in order {
            if let Some(host) = self.hosts.get_mut(&id) {
                tracing::error_span!("host", id, now_ms).in_scope(|| host.step(woken.contains(&id)));
            }
        }
    }
}
