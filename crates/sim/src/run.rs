//! One run: a cluster, its clients, what goes wrong, and what is found of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use conclave_checker::{Limits, Recorder, check, kv};

use crate::checks::{Broken, Checks};
use crate::clients::{self, Client};
use crate::cluster::Cluster;
use crate::settings::Settings;
use crate::troubles::Troubles;
use crate::world::World;

/// The first host of a client.
const CLIENTS_FROM: u32 = 101;
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

/// Runs a seed.
pub fn run(seed: u64) -> Outcome {
    let mut run = Run::new(seed);
    let failure = run.go().err().map(|broken| broken.to_string());
    run.outcome(failure)
}

struct Run {
    cluster: Cluster,
    troubles: Troubles,
    checks: Checks,
    keys: Recorder<kv::Call, kv::Answer>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        let mut dice = world.split_dice();
        let settings = Settings::draw(&mut dice);
        let troubles = Troubles::draw(dice.split());
        let time = world.time.clone();
        let keys = Recorder::new(move || time.now_ns());
        let mut cluster = Cluster::start(world, settings);
        cluster.world.story.tell(|| format!("seed {seed}: {settings:?}, {:?}", troubles.kinds()));
        let count = u32::try_from(dice.within(2..=5)).expect("a small number");
        for host in CLIENTS_FROM..CLIENTS_FROM + count {
            let net = cluster.world.start_host(host);
            let client = Client { id: host.into(), dice: dice.split(), nodes: settings.nodes, net };
            cluster.world.spawn(host, clients::work_on_keys(client, keys.clone()));
        }
        Self { cluster, troubles, checks: Checks::default(), keys }
    }

    fn go(&mut self) -> Result<(), Broken> {
        while self.cluster.world.now_ms() < self.cluster.settings.troubled_ms {
            self.step()?;
            self.troubles.step(&mut self.cluster);
        }
        self.troubles.end_all(&mut self.cluster);
        self.serves_again()?;
        let quiet_from_ms = self.cluster.world.now_ms();
        while self.cluster.world.now_ms() < quiet_from_ms + QUIET_MS {
            self.step()?;
        }
        self.told()
    }

    fn step(&mut self) -> Result<(), Broken> {
        self.cluster.step();
        self.checks.step(&self.cluster)
    }

    /// Every node answers a write and a read, soon.
    fn serves_again(&mut self) -> Result<(), Broken> {
        let from_ms = self.cluster.world.now_ms();
        for node in self.cluster.ids() {
            let (net, done) = (self.cluster.world.start_host(CLIENTS_FROM - 1), Arc::new(AtomicBool::new(false)));
            let probe = clients::probe(net, node, Arc::clone(&done));
            self.cluster.world.spawn(CLIENTS_FROM - 1, probe);
            while !done.load(Ordering::Relaxed) {
                if self.cluster.world.now_ms() > from_ms + HEALED_WITHIN_MS {
                    let why = format!("node {node} does not serve {HEALED_WITHIN_MS} ms after all was mended");
                    return Err(Broken::NotServing(why));
                }
                self.step()?;
            }
        }
        let took_ms = self.cluster.world.now_ms() - from_ms;
        self.cluster.world.story.tell(|| format!("all nodes serve again after {took_ms} ms"));
        Ok(())
    }

    /// What clients were told is what one store would have told them.
    fn told(&self) -> Result<(), Broken> {
        let keys = self.keys.history();
        kv::revision_order(&keys).map_err(|error| Broken::Told(error.to_string()))?;
        check(&kv::Kv, &keys, &Limits::default()).map_err(|error| Broken::Told(error.to_string()))?;
        Ok(())
    }

    fn outcome(&self, failure: Option<String>) -> Outcome {
        let keys = self.keys.history();
        let answered = keys.operations().iter().filter(|operation| operation.end.answer().is_some()).count();
        let world = &self.cluster.world;
        Outcome {
            failure,
            story_hash: world.story.hash(),
            events: world.story.events(),
            operations: answered as u64,
            applied: self.checks.applied_index(),
            simulated_ms: world.now_ms(),
            troubles: self.troubles.counts().iter().map(|(kind, count)| (format!("{kind:?}"), *count)).collect(),
            story: world.story.lines(),
        }
    }
}
