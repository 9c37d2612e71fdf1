//! One run: a cluster, its clients, what goes wrong, and what is found of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::checks::{Broken, Checks};
use crate::clients::{self, Client, LAST_KEY, Told};
use crate::cluster::Cluster;
use crate::dice::Dice;
use crate::histories::Histories;
use crate::net::{Death, HostId};
use crate::settings::Settings;
use crate::troubles::Troubles;
use crate::world::World;

/// The host of whoever looks whether the nodes serve.
const PROBE: u32 = 100;
/// The host of whoever reads all changes in the end.
const READER: u32 = 99;
/// The first host of a client.
const CLIENTS_FROM: u32 = 101;
/// Within so long all watchers have been told all, in milliseconds.
const TOLD_WITHIN_MS: u64 = 20_000;
/// Within so long the healed cluster serves again, in milliseconds: an election or two, and what the longest pause of a
/// supervisor takes.
const HEALED_WITHIN_MS: u64 = 30_000;
/// How long clients go on then.
const QUIET_MS: u64 = 2_000;

/// What became of a run.
pub struct Outcome {
    /// Why it failed, if it did.
    pub failure: Option<String>,
    /// Hash over all that happened: equal for equal seeds.
    pub story_hash: u64,
    /// How much happened on the network.
    pub events: u64,
    /// Operations that clients were answered.
    pub operations: u64,
    /// Log entries that were applied.
    pub applied: u64,
    /// Simulated time, in milliseconds.
    pub simulated_ms: u64,
    /// How often each kind of trouble came.
    pub troubles: BTreeMap<String, u64>,
    /// The last of what happened, in words.
    pub story: String,
}

/// Runs a seed. A `live` one shows its story as it goes on.
pub fn run(seed: u64, live: bool) -> Outcome {
    let mut run = Run::new(seed, live);
    let failure = run.go().err().map(|broken| broken.to_string());
    if failure.is_some() {
        run.tell_nodes();
    }
    run.outcome(failure)
}

struct Run {
    cluster: Cluster,
    troubles: Troubles,
    checks: Checks,
    /// Hosts of clients that change something.
    writers: Vec<HostId>,
    clients: u32,
    histories: Histories,
}

impl Run {
    fn new(seed: u64, live: bool) -> Self {
        let mut world = World::new(seed);
        if live {
            world.story.show();
        }
        let mut dice = world.split_dice();
        let settings = Settings::draw(&mut dice);
        let troubles = Troubles::draw(dice.split());
        let histories = Histories::new(&world.time);
        let cluster = Cluster::start(world, settings);
        cluster.world.story.tell(|| format!("seed {seed}: {settings:?}, {:?}", troubles.kinds()));
        let mut run =
            Self { cluster, troubles, checks: Checks::default(), writers: Vec::new(), clients: 0, histories };
        for _ in 0..dice.within(2..=6) {
            run.start_client(&mut dice);
        }
        run
    }

    /// Some client, on a host of its own.
    fn start_client(&mut self, dice: &mut Dice) {
        let host = CLIENTS_FROM + self.clients;
        self.clients += 1;
        let Self { cluster: Cluster { world, roster, .. }, histories, writers, .. } = self;
        let net = world.start_host(host);
        let client = Client { id: host.into(), dice: dice.split(), roster: roster.clone(), net };
        let kind = dice.within(1..=10);
        if kind <= 8 {
            writers.push(host);
        }
        match kind {
            1..=4 => world.spawn(host, clients::work_on_keys(client, histories.keys.clone())),
            5..=6 => world.spawn(host, clients::publish(client, histories.config.clone())),
            7..=8 => {
                let (locks, ends, time) =
                    (histories.locks.clone(), histories.ends.clone(), world.time.clone());
                world.spawn(host, clients::work_under_locks(client, locks, ends, time));
            }
            _ => {
                let told = Told::default();
                histories.watchers.push(told.clone());
                world.spawn(host, clients::watch_keys(client, told));
            }
        }
    }

    fn go(&mut self) -> Result<(), Broken> {
        while self.cluster.world.now_ms() < self.cluster.settings.troubled_ms {
            self.step()?;
            self.troubles.step(&mut self.cluster);
        }
        self.troubles.end_all(&mut self.cluster);
        self.serve_again()?;
        self.go_on_for(QUIET_MS)?;
        let changes = self.read_all()?;
        self.histories.check(&changes)
    }

    fn step(&mut self) -> Result<(), Broken> {
        self.cluster.step();
        self.checks.step(&self.cluster)
    }

    fn go_on_for(&mut self, ms: u64) -> Result<(), Broken> {
        let until_ms = self.cluster.world.now_ms() + ms;
        while self.cluster.world.now_ms() < until_ms {
            self.step()?;
        }
        Ok(())
    }

    /// Every node answers a write and a read, soon.
    fn serve_again(&mut self) -> Result<(), Broken> {
        let from_ms = self.cluster.world.now_ms();
        while !self.cluster.is_settled() {
            if self.cluster.world.now_ms() > from_ms + HEALED_WITHIN_MS {
                return Err(Broken::NotServing("a node was not replaced after all was mended".to_owned()));
            }
            self.step()?;
        }
        for node in self.cluster.ids() {
            self.probe(node, "probe", from_ms)?;
        }
        let took_ms = self.cluster.world.now_ms() - from_ms;
        self.cluster.world.story.tell(|| format!("all nodes serve again after {took_ms} ms"));
        Ok(())
    }

    fn probe(&mut self, node: u64, key: &'static str, from_ms: u64) -> Result<(), Broken> {
        let (net, done) = (self.cluster.world.start_host(PROBE), Arc::new(AtomicBool::new(false)));
        self.cluster.world.spawn(PROBE, clients::probe(net, node, key, Arc::clone(&done)));
        while !done.load(Ordering::Relaxed) {
            if self.cluster.world.now_ms() > from_ms + HEALED_WITHIN_MS {
                let why = format!("node {node} does not serve {HEALED_WITHIN_MS} ms after all was mended");
                return Err(Broken::NotServing(why));
            }
            self.step()?;
        }
        Ok(())
    }

    /// All changes that there were, read anew when whoever makes them has ended; every watcher comes to the last of
    /// them too.
    fn read_all(&mut self) -> Result<Told, Broken> {
        for host in std::mem::take(&mut self.writers) {
            self.cluster.world.end_host(host, Death::Killed);
        }
        let node = self.cluster.ids()[0];
        self.probe(node, LAST_KEY, self.cluster.world.now_ms())?;
        let (net, changes) = (self.cluster.world.start_host(READER), Told::default());
        let dice = self.cluster.world.split_dice();
        let reader = Client { id: READER.into(), dice, roster: self.cluster.roster.clone(), net };
        self.cluster.world.spawn(READER, clients::watch_keys(reader, changes.clone()));
        self.histories.watchers.push(changes.clone());
        let until_ms = self.cluster.world.now_ms() + TOLD_WITHIN_MS;
        while !self.histories.watchers_are_there() {
            if self.cluster.world.now_ms() > until_ms {
                return Err(Broken::Told("a watcher was not told the last change".to_owned()));
            }
            self.step()?;
        }
        Ok(changes)
    }

    /// What each node says of itself, for whoever looks for the cause.
    fn tell_nodes(&self) {
        for (id, handle) in self.cluster.handles() {
            let status = handle.own_status();
            let readiness = *handle.readiness().borrow();
            self.cluster.world.story.tell(|| format!("node {id}: {readiness:?}, {status:?}"));
        }
    }

    fn outcome(&self, failure: Option<String>) -> Outcome {
        let world = &self.cluster.world;
        Outcome {
            failure,
            story_hash: world.story.hash(),
            events: world.story.events(),
            operations: self.histories.answered(),
            applied: self.checks.applied_index(),
            simulated_ms: world.now_ms(),
            troubles: self
                .troubles
                .counts()
                .iter()
                .map(|(kind, count)| (format!("{kind:?}"), *count))
                .collect(),
            story: world.story.lines(),
        }
    }
}
