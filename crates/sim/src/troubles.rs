//! What goes wrong during a run, and when it is mended.
//!
//! A run has some kinds of trouble, drawn at its beginning: with few kinds, each goes further than it would among all.

use std::collections::BTreeMap;

use crate::cluster::{Cluster, host_of};
use crate::dice::Dice;
use crate::disk::{Damage, Fault};
use crate::net::{Death, Link};

const MILLION: u64 = 1_000_000;

/// A kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The cluster falls into two parts.
    Partition,
    /// Nothing passes from one node to another; the other way it does.
    OneWay,
    /// One node reaches all, and these reach nobody but it.
    Bridge,
    /// A node is cut off and reached again, in turns.
    Flapping,
    /// The ways are slow, and not equally so.
    Delay,
    /// Connections break.
    Breaks,
    /// Calls arrive twice.
    Repeats,
    /// A process is killed.
    Kill,
    /// A process or a machine ends in the middle of something that it does on its disk.
    EndOnDisk,
    /// A machine loses power.
    PowerLoss,
    /// All machines lose power.
    Blackout,
    /// A process stands still for a while.
    Pause,
    /// A clock goes too fast or too slowly.
    ClockRate,
    /// A wall clock is set to another time.
    ClockJump,
    /// A disk takes long.
    SlowDisk,
    /// A disk is full.
    FullDisk,
    /// A disk gives errors.
    DiskErrors,
    /// A disk holds what nobody wrote. If that is the log, which the node's promises hang on, another node comes in its
    /// place.
    Damage,
    /// Leadership is handed over.
    Transfer,
    /// A voter loses its vote, and gets it back.
    Demotion,
    /// A node is replaced by a new one.
    Replacement,
    /// A node loses all data, and is replaced by a new one.
    Wipe,
}

const ALL: [Kind; 22] = [
    Kind::Partition,
    Kind::OneWay,
    Kind::Bridge,
    Kind::Flapping,
    Kind::Delay,
    Kind::Breaks,
    Kind::Repeats,
    Kind::Kill,
    Kind::EndOnDisk,
    Kind::PowerLoss,
    Kind::Blackout,
    Kind::Pause,
    Kind::ClockRate,
    Kind::ClockJump,
    Kind::SlowDisk,
    Kind::FullDisk,
    Kind::DiskErrors,
    Kind::Damage,
    Kind::Transfer,
    Kind::Demotion,
    Kind::Replacement,
    Kind::Wipe,
];

/// What ends a trouble.
type Mend = Box<dyn FnOnce(&mut Cluster)>;

/// The troubles of a run.
pub(crate) struct Troubles {
    dice: Dice,
    kinds: Vec<Kind>,
    next_ms: u64,
    mends: BTreeMap<u64, Vec<Mend>>,
    counts: BTreeMap<Kind, u64>,
    /// Whether a state was damaged: of two that are, each may hold what the other one lacks.
    has_damaged_state: bool,
}

impl Troubles {
    /// Those of a run, by dice.
    pub(crate) fn draw(mut dice: Dice) -> Self {
        let mut kinds = ALL.to_vec();
        dice.shuffle(&mut kinds);
        kinds.truncate(usize::try_from(dice.within(1..=7)).expect("a small number"));
        if kinds.contains(&Kind::Wipe) || kinds.contains(&Kind::Damage) {
            // Of two voters that are left, none may lose its data.
            kinds.retain(|kind| *kind != Kind::Demotion);
        }
        let next_ms = dice.within(3_000..=6_000);
        let (mends, counts) = (BTreeMap::new(), BTreeMap::new());
        Self { dice, kinds, next_ms, mends, counts, has_damaged_state: false }
    }

    /// The kinds that this run has.
    pub(crate) fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// How many of each kind there were.
    pub(crate) fn counts(&self) -> &BTreeMap<Kind, u64> {
        &self.counts
    }

    /// A millisecond has gone by.
    pub(crate) fn step(&mut self, cluster: &mut Cluster) {
        let now_ms = cluster.world.now_ms();
        self.mend_due(cluster, now_ms);
        if now_ms >= self.next_ms {
            self.next_ms = now_ms + self.dice.within(300..=4_000);
            let kind = *self.dice.pick(&self.kinds);
            *self.counts.entry(kind).or_default() += 1;
            self.begin(kind, cluster);
        }
    }

    /// Ends all that is wrong.
    pub(crate) fn end_all(&mut self, cluster: &mut Cluster) {
        self.mend_due(cluster, u64::MAX);
        let ids = cluster.ids();
        set_links(cluster, &all_ways(&ids), &Link::default());
        for id in ids {
            cluster.node(id).disk.set_fault(Fault::default());
            cluster.node(id).clock.set_wrong_by_ms(0);
            if let Some(host) = cluster.world.host(host_of(id)) {
                host.set_paused(false);
                host.set_rate_ppm(MILLION);
            }
            cluster.start_node(id);
        }
        cluster.world.story.tell(|| "all is mended".to_owned());
    }

    fn mend_due(&mut self, cluster: &mut Cluster, now_ms: u64) {
        let later = self.mends.split_off(&now_ms.saturating_add(1));
        let due = std::mem::replace(&mut self.mends, later);
        due.into_values().flatten().for_each(|mend| mend(cluster));
    }

    fn begin(&mut self, kind: Kind, cluster: &mut Cluster) {
        let ids = cluster.ids();
        let victim = *self.dice.pick(&ids);
        cluster.world.story.tell(|| format!("trouble: {kind:?}, of node {victim} if of one"));
        match kind {
            Kind::Partition => self.partition(cluster, &ids),
            Kind::OneWay => {
                let other = self.another(&ids, victim);
                self.cut(cluster, vec![(victim, other)]);
            }
            Kind::Bridge => {
                let ways = all_ways(&ids);
                self.cut(cluster, ways.into_iter().filter(|(a, b)| *a != victim && *b != victim).collect());
            }
            Kind::Flapping => self.flap(cluster, &ids, victim),
            Kind::Delay | Kind::Breaks | Kind::Repeats => self.worsen(kind, cluster, &ids),
            Kind::Kill => cluster.end_node(victim, Death::Killed, false),
            Kind::PowerLoss => cluster.end_node(victim, Death::PowerLost, false),
            Kind::Blackout => ids.iter().for_each(|id| cluster.end_node(*id, Death::PowerLost, false)),
            Kind::Pause => self.pause(cluster, victim),
            Kind::ClockRate => {
                let rate_ppm = self.dice.within(MILLION * 8 / 10..=MILLION * 12 / 10);
                on_host(cluster, victim, |host| host.set_rate_ppm(rate_ppm));
                let after_ms = self.dice.within(1_000..=20_000);
                self.mend_after(cluster, after_ms, move |cluster| {
                    on_host(cluster, victim, |host| host.set_rate_ppm(MILLION));
                });
            }
            Kind::ClockJump => {
                let minutes = i64::try_from(self.dice.within(0..=20)).expect("a small number") - 10;
                cluster.node(victim).clock.set_wrong_by_ms(minutes * 60_000);
            }
            Kind::SlowDisk | Kind::FullDisk | Kind::DiskErrors | Kind::EndOnDisk => {
                self.spoil_disk(kind, cluster, victim);
            }
            Kind::Transfer => cluster.transfer_leader(victim),
            Kind::Demotion => {
                cluster.demote(victim);
                let after_ms = self.dice.within(1_000..=8_000);
                self.mend_after(cluster, after_ms, move |cluster| cluster.promote(victim));
            }
            // One after the other: each needs the votes of the others.
            Kind::Replacement | Kind::Wipe if cluster.is_settled() => {
                cluster.replace_node(victim, kind == Kind::Wipe);
            }
            Kind::Damage if cluster.is_settled() => self.damage(cluster, victim),
            Kind::Replacement | Kind::Wipe | Kind::Damage => {}
        }
    }

    fn partition(&mut self, cluster: &mut Cluster, ids: &[u64]) {
        let mut order = ids.to_vec();
        self.dice.shuffle(&mut order);
        let size = self.dice.within(1..=(ids.len() as u64 - 1) / 2);
        let (few, _) = order.split_at(usize::try_from(size).expect("a small number"));
        let ways = all_ways(ids);
        self.cut(cluster, ways.into_iter().filter(|(a, b)| few.contains(a) != few.contains(b)).collect());
    }

    fn cut(&mut self, cluster: &mut Cluster, ways: Vec<(u64, u64)>) {
        set_links(cluster, &ways, &Link { is_cut: true, ..Link::default() });
        let after_ms = self.dice.within(500..=12_000);
        self.mend_after(cluster, after_ms, move |cluster| set_links(cluster, &ways, &Link::default()));
    }

    fn flap(&mut self, cluster: &mut Cluster, ids: &[u64], victim: u64) {
        let ways =
            all_ways(ids).into_iter().filter(|(a, b)| *a == victim || *b == victim).collect::<Vec<_>>();
        let (mut after_ms, times) = (0, self.dice.within(2..=10));
        for _ in 0..times {
            for is_cut in [true, false] {
                let ways = ways.clone();
                self.mend_after(cluster, after_ms, move |cluster| {
                    set_links(cluster, &ways, &Link { is_cut, ..Link::default() });
                });
                after_ms += self.dice.within(50..=1_500);
            }
        }
    }

    fn worsen(&mut self, kind: Kind, cluster: &mut Cluster, ids: &[u64]) {
        let mut bad = Link::default();
        match kind {
            Kind::Delay => {
                let longest_ms = *self.dice.pick(&[20, 100, 600]);
                bad.delay_ms = 1..=longest_ms;
            }
            Kind::Breaks => bad.broken_ppm = *self.dice.pick(&[1_000, 20_000, 200_000]),
            _ => bad.repeated_ppm = 500_000,
        }
        let mut ways = all_ways(ids);
        self.dice.shuffle(&mut ways);
        let count = self.dice.within(1..=ways.len() as u64);
        ways.truncate(usize::try_from(count).expect("a small number"));
        set_links(cluster, &ways, &bad);
        let after_ms = self.dice.within(1_000..=10_000);
        self.mend_after(cluster, after_ms, move |cluster| set_links(cluster, &ways, &Link::default()));
    }

    fn pause(&mut self, cluster: &mut Cluster, victim: u64) {
        on_host(cluster, victim, |host| host.set_paused(true));
        let after_ms = self.dice.within(100..=10_000);
        self.mend_after(cluster, after_ms, move |cluster| {
            on_host(cluster, victim, |host| host.set_paused(false));
        });
    }

    fn spoil_disk(&mut self, kind: Kind, cluster: &mut Cluster, victim: u64) {
        let mut fault = Fault::default();
        match kind {
            Kind::SlowDisk => fault.slow_ms = *self.dice.pick(&[20, 300, 2_500]),
            Kind::FullDisk => fault.room_bytes = Some(self.dice.within(0..=(2 << 20))),
            Kind::DiskErrors => {
                let ppm = *self.dice.pick(&[200, 20_000]);
                let of_kinds = *self.dice.pick(&[[ppm, 0, 0], [0, ppm, 0], [0, 0, ppm], [ppm; 3]]);
                [fault.read_error_ppm, fault.write_error_ppm, fault.sync_error_ppm] = of_kinds;
            }
            _ => fault.ends_after = Some(self.dice.within(1..=500)),
        }
        cluster.node(victim).disk.set_fault(fault);
        let after_ms = self.dice.within(500..=10_000);
        self.mend_after(cluster, after_ms, move |cluster| {
            if let Some(node) = cluster.find(victim) {
                node.disk.set_fault(Fault::default());
            }
        });
    }

    /// Something on a disk is not as it was written, and the process ends, so that the next one meets it.
    fn damage(&mut self, cluster: &mut Cluster, victim: u64) {
        const OF_STATE: [Damage; 3] = [Damage::StateRow, Damage::State, Damage::CheckpointFile];
        const OF_LOG: [Damage; 4] = [Damage::LogEntry, Damage::Vote, Damage::DurableMark, Damage::Identity];
        let is_of_state = !self.has_damaged_state && self.dice.happens(50);
        let damage = if is_of_state { self.dice.pick(&OF_STATE) } else { self.dice.pick(&OF_LOG) };
        if !cluster.node(victim).disk.damage(damage) {
            return;
        }
        cluster.world.story.tell(|| format!("damaged on node {victim}: {damage:?}"));
        cluster.end_node(victim, Death::Killed, false);
        self.has_damaged_state |= is_of_state;
        if !is_of_state {
            cluster.replace_node(victim, false);
        }
    }

    fn another(&mut self, ids: &[u64], than: u64) -> u64 {
        let others: Vec<_> = ids.iter().copied().filter(|id| *id != than).collect();
        *self.dice.pick(&others)
    }

    fn mend_after(&mut self, cluster: &Cluster, after_ms: u64, mend: impl FnOnce(&mut Cluster) + 'static) {
        self.mends.entry(cluster.world.now_ms() + after_ms).or_default().push(Box::new(mend));
    }
}

fn all_ways(ids: &[u64]) -> Vec<(u64, u64)> {
    let from = ids.iter().flat_map(|from| ids.iter().map(|to| (*from, *to)));
    from.filter(|(from, to)| from != to).collect()
}

fn set_links(cluster: &Cluster, ways: &[(u64, u64)], link: &Link) {
    for (from, to) in ways {
        cluster.world.net.set_link(host_of(*from), host_of(*to), link.clone());
    }
}

fn on_host(cluster: &mut Cluster, node: u64, change: impl FnOnce(&mut crate::host::Host)) {
    if let Some(host) = cluster.world.host(host_of(node)) {
        change(host);
    }
}
