//! The cluster under test, as faults see it: who runs, who leads, what was done to it, and how all is made well again.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use conclave_client::cluster::{GetStatusResponse, Health, Member};
use conclave_testkit::{Cluster, Kept, wait};

use crate::clients::worker::WorkerProcess;
use crate::damage::{Damages, Part};
use crate::dice::Dice;
use crate::disks::Disks;
use crate::nemesis::Counts;
use crate::site::{Site, now_ns};

/// How long a node that was damaged may take to show what becomes of it.
const FATE_LIMIT: Duration = Duration::from_secs(60);

/// What nodes say of something that is not as it was written.
const DAMAGE_WORDS: [&str; 3] = ["damaged", "checksum is wrong", "not as it was written"];
/// What they say of something that they have and do not use.
const UNUSED_WORDS: &str = "a received file of another snapshot is not used";

/// What faults are done to.
pub(crate) struct Stage {
    pub(crate) cluster: Cluster,
    disks: Option<Disks>,
    pub(crate) dice: Dice,
    pub(crate) site: Site,
    pub(crate) workers: Vec<WorkerProcess>,
    pub(crate) binaries: Binaries,
    pub(crate) told: Told,
    /// Nodes that a fault has ended: all others run.
    down: BTreeSet<u64>,
    paused: BTreeSet<u64>,
}

/// The programs that nodes run.
pub(crate) struct Binaries {
    pub(crate) newer: PathBuf,
    pub(crate) older: Option<PathBuf>,
}

/// What faults came to.
#[derive(Default)]
pub(crate) struct Told {
    /// How often each kind of fault was done.
    pub(crate) counts: Counts,
    /// When a leader was killed and nothing else was wrong.
    pub(crate) leader_kills_ns: Vec<u64>,
    /// From the loss of a node's data until another one votes in its place.
    pub(crate) rejoins: Vec<Duration>,
    pub(crate) damages: Damages,
    /// What was done when, for whoever looks into a failed run.
    pub(crate) story: Vec<String>,
    /// What must not be.
    pub(crate) wrong: Vec<String>,
}

/// What became of a node with damaged files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It stopped, or serves nothing, and said why.
    Given,
    /// It said so, has the lost part anew, and serves.
    Mended,
    /// What was damaged is not used, and it serves.
    Unused,
    /// It serves as if nothing had been.
    Unnoticed,
}

impl Stage {
    pub(crate) fn new(
        (cluster, disks): (Cluster, Option<Disks>),
        dice: Dice,
        site: Site,
        binaries: Binaries,
    ) -> Self {
        Self {
            cluster,
            disks,
            dice,
            site,
            workers: Vec::new(),
            binaries,
            told: Told::default(),
            down: BTreeSet::new(),
            paused: BTreeSet::new(),
        }
    }

    /// Some node.
    pub(crate) fn any_node(&mut self) -> u64 {
        self.dice.pick(&self.cluster.ids())
    }

    /// The node that leads, as far as somebody tells; else any.
    pub(crate) async fn leader(&mut self) -> u64 {
        let ids = self.cluster.ids();
        for id in ids.iter().filter(|id| !self.down.contains(id) && !self.paused.contains(id)) {
            let leader = self.cluster.status_of(*id).await.map(|status| status.leader_id);
            if let Some(leader) = leader.filter(|leader| ids.contains(leader)) {
                return leader;
            }
        }
        self.any_node()
    }

    /// The leader, more often than not: most of what can go wrong goes wrong there.
    pub(crate) async fn victim(&mut self) -> u64 {
        if self.dice.happens(60) { self.leader().await } else { self.any_node() }
    }

    /// Kills a node; tells when.
    pub(crate) fn kill(&mut self, id: u64) -> u64 {
        self.paused.remove(&id);
        self.down.insert(id);
        let now_ns = now_ns();
        self.cluster.node(id).kill();
        now_ns
    }

    /// Starts a node that was ended.
    pub(crate) fn start(&mut self, id: u64) {
        self.down.remove(&id);
        if !self.cluster.node(id).is_running() {
            self.cluster.start_node(id);
        }
    }

    /// A node is about to be ended otherwise than by [`kill`](Self::kill).
    pub(crate) fn ends(&mut self, id: u64) {
        self.down.insert(id);
    }

    pub(crate) fn pause(&mut self, id: u64) {
        if self.cluster.node(id).is_running() {
            self.cluster.node(id).pause();
            self.paused.insert(id);
        }
    }

    pub(crate) fn has_disks(&self) -> bool {
        self.disks.is_some()
    }

    /// The power of a node's disk fails. The node does not run.
    pub(crate) fn lose_power(&mut self, id: u64, kept: Kept) {
        let lost = self.disks.as_mut().map_or(Ok(()), |disks| disks.lose_power(id, kept));
        lost.expect("it was mounted before");
    }

    /// A node's disk has hardly any room. The node may stop.
    pub(crate) fn leave_room(&mut self, id: u64, room_bytes: u64) {
        if let Some(disks) = &self.disks {
            disks.leave_room(id, room_bytes);
            self.down.insert(id);
        }
    }

    /// Damages a part of what a node keeps that does not run, starts it, and makes well what comes of that.
    pub(crate) async fn damage(&mut self, part: Part, id: u64) {
        let data_dir = self.cluster.node(id).data_dir();
        let Some(place) = part.damage(&data_dir, &mut self.dice) else {
            self.tell(format!("node {id} has no {} that could be damaged", part.name()));
            return self.start(id);
        };
        self.tell(format!("damaged: {place}"));
        let logged = self.cluster.node(id).log().len();
        self.start(id);
        let fate = self.fate(part, id, logged).await;
        self.tell(format!("node {id}: {fate:?}"));
        if fate == Fate::Unused {
            return;
        }
        let damaged = self.told.damages.entry(part).or_default();
        damaged.times += 1;
        damaged.found += u64::from(fate != Fate::Unnoticed);
        if fate == Fate::Unnoticed {
            self.told
                .wrong
                .push(format!("the {} of node {id} is damaged, and it serves: {place}", part.name()));
        }
        if fate != Fate::Mended {
            self.kill(id);
            self.replace(id).await;
        }
        self.cluster.all_serve().await;
        self.told.damages.entry(part).or_default().mended += 1;
    }

    /// Waits until it shows what becomes of a node that was damaged and started again, whose log was so long before.
    async fn fate(&mut self, part: Part, id: u64, logged: usize) -> Fate {
        let others: Vec<_> = self.cluster.ids().into_iter().filter(|other| *other != id).collect();
        let mut goal_index = None;
        let look = async || {
            let log = self.cluster.node(id).log();
            let log = log.get(logged..)?;
            let says_so = says_so(log);
            if !self.cluster.node(id).is_running() {
                return Some(if says_so { Fate::Given } else { Fate::Unnoticed });
            }
            let status = self.cluster.status_of(others[0]).await?;
            let goal_index = *goal_index.get_or_insert(member(&status, others[0])?.applied_index);
            let member = member(&status, id)?;
            match member.health() {
                Health::Corrupt => Some(Fate::Given),
                Health::Ok if member.applied_index < goal_index => None,
                Health::Ok if says_so => Some(Fate::Mended),
                Health::Ok if part == Part::Snapshot && log.contains(UNUSED_WORDS) => Some(Fate::Unused),
                Health::Ok => Some(Fate::Unnoticed),
                _ => None,
            }
        };
        wait::within(FATE_LIMIT, "what becomes of a damaged node", look).await
    }

    /// What a node tells of a member.
    pub(crate) async fn member(&self, asked: u64, id: u64) -> Option<Member> {
        member(&self.cluster.status_of(asked).await?, id).cloned()
    }

    /// Notes what is done now.
    pub(crate) fn tell(&mut self, what: impl std::fmt::Display) {
        let ms = now_ns().saturating_sub(self.site.began_ns) / 1_000_000;
        self.told.story.push(format!("{:>7}.{:03} {what}", ms / 1_000, ms % 1_000));
    }

    /// Makes all well again, and waits until all nodes serve.
    pub(crate) async fn heal(&mut self) {
        self.cluster.links().heal();
        for id in std::mem::take(&mut self.paused) {
            if self.cluster.node(id).is_running() {
                self.cluster.node(id).resume();
            }
        }
        self.workers.iter().for_each(WorkerProcess::resume);
        if let Some(disks) = &self.disks {
            disks.give_room();
        }
        for id in std::mem::take(&mut self.down) {
            if !self.cluster.node(id).is_running() {
                self.cluster.start_node(id);
            }
        }
        self.cluster.all_serve().await;
        self.replace_the_ended().await;
    }

    /// Nodes that stopped by themselves, for which there is no reason.
    async fn replace_the_ended(&mut self) {
        for id in self.cluster.ids() {
            if self.cluster.node(id).is_running() {
                continue;
            }
            self.tell_ended(id);
            self.replace(id).await;
        }
    }

    /// Tells which nodes have stopped by themselves, with their last words.
    pub(crate) fn tell_who_ended(&mut self) {
        for id in self.cluster.ids() {
            if !self.cluster.node(id).is_running() {
                self.tell_ended(id);
            }
        }
    }

    fn tell_ended(&mut self, id: u64) {
        let tail = self.cluster.node(id).log_tail();
        self.told.wrong.push(format!("node {id} stopped by itself\n{tail}"));
    }

    /// Puts a new node into the place of one that is there no more, or is to go; all are well otherwise.
    pub(crate) async fn replace(&mut self, old: u64) {
        let client = self.cluster.client();
        let new = self.cluster.admit(&client).await;
        if let Some(disks) = &mut self.disks {
            disks.add(&mut self.cluster, new).expect("others were mounted before");
        }
        self.cluster.start_node(new);
        self.cluster.all_serve().await;
        client.replace_member(old, new).await.expect("a node that has caught up can take another's place");
        self.forget(old);
        self.cluster.all_serve().await;
        self.tell_endpoints().await;
    }

    fn forget(&mut self, id: u64) {
        self.cluster.forget(id);
        if let Some(disks) = &mut self.disks {
            disks.remove(id);
        }
        self.down.remove(&id);
        self.paused.remove(&id);
    }

    /// Tells all clients where the nodes are.
    pub(crate) async fn tell_endpoints(&mut self) {
        let endpoints: Vec<_> = self.cluster.endpoints().split(',').map(str::to_owned).collect();
        self.site.set_endpoints(endpoints.clone());
        for worker in &mut self.workers {
            if let Err(error) = worker.tell(&endpoints).await {
                self.told.wrong.push(format!("{error:#}"));
            }
        }
    }
}

/// Whether a node tells of damage in these lines of its log.
fn says_so(log: &str) -> bool {
    !log.contains("panicked") && DAMAGE_WORDS.iter().any(|word| log.contains(word))
}

fn member(status: &GetStatusResponse, id: u64) -> Option<&Member> {
    status.members.iter().find(|member| member.id == id)
}
