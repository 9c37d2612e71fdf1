//! A cluster of simulated nodes: each the whole node, doors included, on a host of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use conclave_node::{JoinOptions, MembersRequest, Node, NodeHandle, Token};
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::dice::Dice;
use crate::disk::{Crash, SimDisk};
use crate::machine::{self, SimClock};
use crate::net::{Death, HostId};
use crate::operator::{Order, Orders, replace};
use crate::settings::Settings;
use crate::world::World;

/// How long after its end a node is started again, in milliseconds, as a supervisor does.
const RESTART_AFTER_MS: std::ops::RangeInclusive<u64> = 200..=5_000;

/// The first host of an operator.
const OPERATORS_FROM: HostId = 1_000;
/// How long an operator waits for an answer.
const OPERATOR_TIMEOUT: Duration = Duration::from_secs(10);

/// The nodes, and the world that they run in.
pub(crate) struct Cluster {
    pub(crate) world: World,
    pub(crate) settings: Settings,
    /// The nodes that clients work with. Clones are the same.
    pub(crate) roster: Roster,
    orders: Orders,
    dice: Dice,
    nodes: BTreeMap<u64, SimNode>,
}

/// Ids of nodes. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Roster {
    ids: Arc<Mutex<BTreeSet<u64>>>,
}

impl Roster {
    pub(crate) fn ids(&self) -> Vec<u64> {
        self.ids.lock().iter().copied().collect()
    }
}

/// A node, on or off.
pub(crate) struct SimNode {
    pub(crate) disk: SimDisk,
    pub(crate) clock: SimClock,
    running: Option<Running>,
    /// When it is started again. None: it runs, or stays off until it is told otherwise.
    starts_ms: Option<u64>,
    /// How often it was started.
    pub(crate) starts: u64,
    /// How often it began anew, with nothing.
    pub(crate) lives: u64,
    /// How it comes into the cluster, if it is none of the first members.
    join: Option<JoinOptions>,
}

#[derive(Clone)]
struct Running {
    told: Arc<Mutex<Told>>,
}

/// What a node has come to.
#[derive(Default)]
enum Told {
    #[default]
    Starting,
    Serving(NodeHandle),
    Ended(String),
}

impl Cluster {
    /// Nodes 1 to `size`, all started, with nothing on their disks.
    pub(crate) fn start(mut world: World, settings: Settings) -> Self {
        let dice = world.split_dice();
        let (roster, orders) = (Roster::default(), Orders::default());
        let mut cluster = Self { world, settings, roster, orders, dice, nodes: BTreeMap::new() };
        for id in 1..=settings.nodes {
            cluster.add_node(id, None);
        }
        cluster
    }

    /// A machine with an empty disk, on which a node is started.
    fn add_node(&mut self, id: u64, join: Option<JoinOptions>) {
        let node = SimNode {
            disk: SimDisk::new(self.dice.split()),
            clock: SimClock::new(self.world.time.clone()),
            running: None,
            starts_ms: None,
            starts: 0,
            lives: 0,
            join,
        };
        self.nodes.insert(id, node);
        self.roster.ids.lock().insert(id);
        self.start_node(id);
    }

    /// Has another node come in the place of this one, whose disk may be `wiped` first.
    pub(crate) fn replace_node(&mut self, old: u64, wiped: bool) {
        let new = self.nodes.keys().next_back().copied().unwrap_or(0) + 1;
        if wiped {
            self.end_node(old, Death::Killed, false);
            self.wipe(old);
        }
        let host = OPERATORS_FROM + host_of(new);
        let net = self.world.start_host(host);
        self.world.spawn(host, replace(net, self.roster.ids(), old, new, self.orders.clone()));
        self.roster.ids.lock().remove(&old);
    }

    /// A node that is off loses all data.
    pub(crate) fn wipe(&mut self, id: u64) {
        let disk = SimDisk::new(self.dice.split());
        if let Some(node) = self.nodes.get_mut(&id) {
            node.disk = disk;
            node.lives += 1;
        }
    }

    /// Whether nobody is being replaced.
    pub(crate) fn is_settled(&self) -> bool {
        self.roster.ids().len() as u64 == self.settings.nodes && self.roster.ids() == self.ids()
    }

    /// Ids of all nodes.
    pub(crate) fn ids(&self) -> Vec<u64> {
        self.nodes.keys().copied().collect()
    }

    pub(crate) fn node(&self, id: u64) -> &SimNode {
        &self.nodes[&id]
    }

    /// The node, if it was not retired.
    pub(crate) fn find(&self, id: u64) -> Option<&SimNode> {
        self.nodes.get(&id)
    }

    /// The nodes that have started, with what can be asked of them.
    pub(crate) fn handles(&self) -> Vec<(u64, NodeHandle)> {
        let serving = self.nodes.iter().filter_map(|(id, node)| Some((*id, node.handle()?)));
        serving.collect()
    }

    /// Starts a node that is off, on what its disk holds.
    pub(crate) fn start_node(&mut self, id: u64) {
        let node = self.nodes.get_mut(&id).expect("only nodes of the cluster are started");
        if node.running.is_some() {
            return;
        }
        node.starts += 1;
        node.starts_ms = None;
        let net = self.world.start_host(host_of(id));
        let told = Arc::<Mutex<Told>>::default();
        node.running = Some(Running { told: Arc::clone(&told) });
        let machine = machine::of(&net, &node.disk, &node.clock, self.dice.split());
        let mut options = self.settings.node_options(id, machine);
        options.data_dir = node.disk.path();
        options.join.clone_from(&node.join);
        let limits = self.settings.limits();
        self.world.story.tell(|| format!("node {id} starts"));
        self.world.spawn(host_of(id), async move {
            let node = match Node::start(options).await {
                Ok(node) => node,
                Err(error) => return *told.lock() = Told::Ended(format!("it did not start: {error}")),
            };
            let handle = node.handle();
            *told.lock() = Told::Serving(handle.clone());
            let routes = machine::doors(handle, limits, CancellationToken::new());
            let serving = net.listen(&machine::client_address(id)).run(routes);
            let cause = tokio::select! {
                () = serving => "its doors closed".to_owned(),
                cause = node.failed() => cause,
            };
            *told.lock() = Told::Ended(cause);
            // As a process that exits: nothing more is done.
            std::future::pending::<()>().await;
        });
    }

    /// Ends a node at once. It is started again after a while, unless it `stays_off`.
    pub(crate) fn end_node(&mut self, id: u64, death: Death, stays_off: bool) {
        let starts_ms = self.world.now_ms() + self.dice.within(RESTART_AFTER_MS);
        let Some(node) = self.nodes.get_mut(&id) else { return };
        if node.running.take().is_none() {
            return;
        }
        node.starts_ms = (!stays_off).then_some(starts_ms);
        let crash = match death {
            Death::Killed => Crash::Process,
            Death::PowerLost => Crash::Power,
        };
        // Whatever its tasks still do on their way out, its disk knows nothing of.
        node.disk.crash(crash);
        self.world.end_host(host_of(id), death);
    }

    /// Has leadership handed to a node.
    pub(crate) fn transfer_leader(&self, to: u64) {
        self.ask(to, MembersRequest::Transfer { to: Some(to) });
    }

    /// Has a voter's vote taken.
    pub(crate) fn demote(&self, id: u64) {
        self.ask(id, MembersRequest::Demote { id, force_quorum_loss: false });
    }

    /// Has a learner given a vote.
    pub(crate) fn promote(&self, id: u64) {
        self.ask(id, MembersRequest::Promote { id });
    }

    /// Asks a node, as an operator does; nobody waits for what comes of it. If it is off, nothing is asked.
    fn ask(&self, id: u64, request: MembersRequest) {
        let Some(handle) = self.find(id).and_then(SimNode::handle) else { return };
        self.world.spawn(host_of(id), async move {
            let _ = handle.change_members(request, Instant::now() + OPERATOR_TIMEOUT).await;
        });
    }

    /// A millisecond goes by; nodes that have stopped themselves end, and those that are due start.
    pub(crate) fn step(&mut self) {
        self.world.step();
        for order in self.orders.take() {
            self.obey(order);
        }
        let now_ms = self.world.now_ms();
        for id in self.ids() {
            let node = &self.nodes[&id];
            if let Some(cause) = node.ended() {
                self.world.story.tell(|| format!("node {id} ended: {cause}"));
                self.end_node(id, Death::Killed, false);
            } else if node.disk.has_ended() {
                let death = *self.dice.pick(&[Death::Killed, Death::PowerLost]);
                self.world.story.tell(|| format!("node {id} ended on its disk: {death:?}"));
                self.end_node(id, death, false);
            } else if node.starts_ms.is_some_and(|starts_ms| starts_ms <= now_ms) {
                self.start_node(id);
            }
        }
    }

    fn obey(&mut self, order: Order) {
        self.world.story.tell(|| format!("the operator: {order:?}"));
        match order {
            Order::Start { id, token, join } => {
                let join = JoinOptions {
                    addresses: join,
                    token: Token(token),
                    peer_advertise: machine::addresses(id).peer,
                    client_advertise: machine::addresses(id).client,
                };
                self.add_node(id, Some(join));
            }
            Order::Retire { id } => {
                self.end_node(id, Death::Killed, true);
                self.nodes.remove(&id);
            }
        }
    }
}

impl SimNode {
    /// What can be asked of it, if it has started.
    pub(crate) fn handle(&self) -> Option<NodeHandle> {
        match &*self.running.as_ref()?.told.lock() {
            Told::Serving(handle) => Some(handle.clone()),
            Told::Starting | Told::Ended(_) => None,
        }
    }

    fn ended(&self) -> Option<String> {
        match &*self.running.as_ref()?.told.lock() {
            Told::Ended(cause) => Some(cause.clone()),
            Told::Starting | Told::Serving(_) => None,
        }
    }
}

/// The host that a node runs on.
pub(crate) fn host_of(node: u64) -> HostId {
    HostId::try_from(node).expect("nodes have small ids")
}
