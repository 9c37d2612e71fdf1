//! What Conclave is to reach beside etcd, as data, and whether samples reach it.

use super::case::{Case, USUAL_KEYS, USUAL_VALUE_SIZE_BYTES, Workload};
use super::sample::Metric;
use super::samples::Samples;
use super::stats::Spread;
use super::table::times;

/// The etcd that ratios are to; where it was not measured, the second peer.
const BASE: &str = "etcd 3.5.1";

/// A figure, and how far it is to go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goal {
    workload: Workload,
    clients: usize,
    keys: u64,
    metric: Metric,
    bound: Bound,
}

/// How far.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Bound {
    /// So many times etcd's, or more.
    AtLeast(f64),
    /// So many times etcd's, or less.
    AtMost(f64),
    /// What half of all fdatasyncs took right before, and so many microseconds, or less.
    AtMostAfterSync(f64),
    /// None at all.
    Never,
    /// So many times Conclave's own with the usual number of keys, or more.
    AtLeastOfFewKeys(f64),
}

const fn usual(workload: Workload, clients: usize, metric: Metric, bound: Bound) -> Goal {
    Goal { workload, clients, keys: USUAL_KEYS, metric, bound }
}

const fn with_keys(keys: u64, goal: Goal) -> Goal {
    Goal { keys, ..goal }
}

/// All of them.
pub(crate) const GOALS: [Goal; 22] = {
    use Bound::{AtLeast, AtLeastOfFewKeys, AtMost, AtMostAfterSync, Never};
    use Metric::{
        FirstReadUs, Lost, NextWriteUs, OperationsASecond, P50Us, P99Us, ResidentBytes, ServerCpuUs,
        WrittenBytes,
    };
    use Workload::{Failover, Get, LocalGet, Lock, Put, Start, Txn, Watch};
    [
        usual(Put, 64, OperationsASecond, AtLeast(3.0)),
        usual(Put, 256, OperationsASecond, AtLeast(2.0)),
        usual(Put, 64, ServerCpuUs, AtMost(0.3)),
        usual(Put, 256, ServerCpuUs, AtMost(0.3)),
        usual(Put, 1, P50Us, AtMost(0.7)),
        usual(Put, 1, P50Us, AtMostAfterSync(400.0)),
        usual(Get, 64, OperationsASecond, AtLeast(2.0)),
        usual(Get, 256, OperationsASecond, AtLeast(2.0)),
        usual(Get, 64, ServerCpuUs, AtMost(0.35)),
        usual(Get, 256, ServerCpuUs, AtMost(0.35)),
        usual(LocalGet, 256, OperationsASecond, AtLeast(1.5)),
        usual(LocalGet, 256, ServerCpuUs, AtMost(0.4)),
        usual(Txn, 64, OperationsASecond, AtLeast(3.0)),
        usual(Watch, 1_000, P99Us, AtMost(0.25)),
        usual(Watch, 1_000, Lost, Never),
        usual(Lock, 64, OperationsASecond, AtLeast(5.0)),
        with_keys(100_000, usual(Put, 64, ResidentBytes, AtMost(0.5))),
        usual(Put, 64, WrittenBytes, AtMost(1.0)),
        usual(Failover, 1, NextWriteUs, AtMost(0.6)),
        with_keys(1_000_000, usual(Start, 1, FirstReadUs, AtMost(0.5))),
        with_keys(1_000_000, usual(Put, 64, OperationsASecond, AtLeastOfFewKeys(0.8))),
        with_keys(1_000_000, usual(Get, 64, OperationsASecond, AtLeastOfFewKeys(0.8))),
    ]
};

/// How far Conclave came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reached {
    pub(crate) figure: Spread,
    pub(crate) is_enough: bool,
}

impl Goal {
    /// What is measured, and which figure of it.
    pub(crate) fn subject(&self) -> (String, &'static str) {
        (self.case(false).to_string(), name(self.metric))
    }

    /// How far it is to go.
    pub(crate) fn bound(&self) -> String {
        match self.bound {
            Bound::AtLeast(ratio) => format!("at least {ratio} times"),
            Bound::AtMost(ratio) => format!("at most {ratio} times"),
            Bound::AtMostAfterSync(us) => format!("at most fdatasync + {} ms", us / 1_000.0),
            Bound::Never => "none".to_owned(),
            Bound::AtLeastOfFewKeys(ratio) => format!("at least {ratio} times its own with 10,000 keys"),
        }
    }

    /// How a figure of it is told.
    pub(crate) fn tell(&self, figure: f64) -> String {
        match self.bound {
            Bound::AtMostAfterSync(_) => format!("{:+.2} ms", figure / 1_000.0),
            Bound::Never => format!("{figure:.0}"),
            Bound::AtLeast(_) | Bound::AtMost(_) | Bound::AtLeastOfFewKeys(_) => times(figure),
        }
    }

    /// How far it went through etcd's protocol, or by Conclave's own API; none if that was not measured.
    pub(crate) fn reached(&self, samples: &Samples, native: bool) -> Option<Reached> {
        let (ours, base) = sides(samples)?;
        let (case, metric) = (self.case(native), self.metric);
        let figure = match self.bound {
            Bound::AtLeast(_) | Bound::AtMost(_) => samples.ratio(&case, (ours, base), metric)?,
            Bound::AtMostAfterSync(_) => Spread::of(samples.above(&case, ours, (metric, Metric::SyncP50Us)))?,
            Bound::Never => samples.spread(&case, ours, metric)?,
            Bound::AtLeastOfFewKeys(_) => {
                let few = Case { keys: USUAL_KEYS, ..case.clone() };
                let few = samples.spread(&few, ours, metric)?.median;
                Spread::of_ratios(samples.all_of(&case, ours, metric).into_iter().map(|many| (many, few)))?
            }
        };
        let is_enough = match self.bound {
            Bound::AtLeast(least) | Bound::AtLeastOfFewKeys(least) => figure.median >= least,
            Bound::AtMost(most) | Bound::AtMostAfterSync(most) => figure.median <= most,
            // One that is lost in one round is lost.
            Bound::Never => figure.most == 0.0,
        };
        Some(Reached { figure, is_enough })
    }

    /// What is measured for it.
    pub(crate) fn case(&self, native: bool) -> Case {
        Case {
            workload: self.workload,
            clients: self.clients,
            keys: self.keys,
            value_size_bytes: USUAL_VALUE_SIZE_BYTES,
            rate: None,
            native,
        }
    }
}

/// Whose figures are held against whose.
pub(crate) fn sides(samples: &Samples) -> Option<(&str, &str)> {
    let peers = samples.peers();
    let (ours, others) = peers.split_first()?;
    let base = others.iter().find(|peer| **peer == BASE).or(others.first())?;
    Some((ours, base))
}

/// What a figure is called.
fn name(metric: Metric) -> &'static str {
    match metric {
        Metric::OperationsASecond => "throughput",
        Metric::P50Us => "median latency",
        Metric::P90Us => "p90 of latency",
        Metric::P99Us => "p99 of latency",
        Metric::P999Us => "p99.9 of latency",
        Metric::ServerCpuUs => "server CPU per operation",
        Metric::GeneratorCpuUs => "generator CPU per operation",
        Metric::ResidentBytes => "resident memory of a node",
        Metric::WrittenBytes => "written to disk per operation",
        Metric::DiskBytes => "disk use of a node",
        Metric::SyncP50Us => "median fdatasync before",
        Metric::Failed => "failed operations",
        Metric::Lost => "lost deliveries",
        Metric::FirstReadUs => "time to the first linearizable read",
        Metric::AllReadUs => "time until all nodes have answered a read",
        Metric::NextWriteUs => "time from kill -9 to the next write",
        Metric::NextWriteMostUs => "longest time from kill -9 to the next write",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::plan::Plan;
    use crate::compare::samples::tests::sample;

    /// Before each of them half of all fdatasyncs took 300 µs.
    fn samples_of(goal: &Goal, figures: &[(&str, f64)]) -> Samples {
        let case = goal.case(false);
        let of = |(peer, figure): &(&str, f64)| {
            sample(&case, peer, 1, &[(goal.metric, *figure), (Metric::SyncP50Us, 300.0)])
        };
        Samples { all: figures.iter().map(of).collect() }
    }

    fn is_reached(bound: Bound, figures: &[(&str, f64)]) -> Option<bool> {
        let goal = usual(Workload::Put, 64, Metric::P50Us, bound);
        Some(goal.reached(&samples_of(&goal, figures), false)?.is_enough)
    }

    #[test]
    fn the_full_plan_measures_all_that_goals_are_about() {
        let cases = Plan::Full.cases();
        for goal in &GOALS {
            assert!(cases.contains(&goal.case(false)), "{}", goal.case(false));
        }
    }

    #[test]
    fn a_ratio_is_held_against_its_bound() {
        let figures = [("Conclave", 300.0), ("etcd 3.5.1", 100.0)];
        assert_eq!(is_reached(Bound::AtLeast(3.0), &figures), Some(true));
        assert_eq!(is_reached(Bound::AtLeast(3.1), &figures), Some(false));
        assert_eq!(is_reached(Bound::AtMost(3.0), &figures), Some(true));
        assert_eq!(is_reached(Bound::AtMost(2.9), &figures), Some(false));
        assert_eq!(is_reached(Bound::AtLeast(3.0), &figures[..1]), None);
    }

    #[test]
    fn the_older_etcd_is_not_what_goals_are_about() {
        let figures = [("Conclave", 300.0), ("etcd 3.4.23", 300.0), ("etcd 3.5.1", 100.0)];
        assert_eq!(is_reached(Bound::AtLeast(3.0), &figures), Some(true));
        assert_eq!(is_reached(Bound::AtLeast(3.0), &figures[..2]), Some(false));
    }

    #[test]
    fn figures_of_its_own_are_held_against_the_disk_or_none() {
        let figures = [("Conclave", 700.0), ("etcd 3.5.1", 9.0)];
        assert_eq!(is_reached(Bound::AtMostAfterSync(400.0), &figures), Some(true));
        assert_eq!(is_reached(Bound::AtMostAfterSync(399.0), &figures), Some(false));
        assert_eq!(is_reached(Bound::Never, &figures), Some(false));
        assert_eq!(is_reached(Bound::Never, &[("Conclave", 0.0), ("etcd 3.5.1", 9.0)]), Some(true));
    }

    #[test]
    fn many_keys_are_held_against_few() {
        let goal =
            with_keys(1_000_000, usual(Workload::Put, 64, Metric::P50Us, Bound::AtLeastOfFewKeys(0.8)));
        let mut samples = samples_of(&goal, &[("Conclave", 85.0), ("etcd 3.5.1", 1.0)]);
        assert_eq!(goal.reached(&samples, false), None);
        let few = Case { keys: USUAL_KEYS, ..goal.case(false) };
        samples.all.push(sample(&few, "Conclave", 1, &[(Metric::P50Us, 100.0)]));
        let reached = goal.reached(&samples, false).unwrap();
        assert!(reached.is_enough && goal.tell(reached.figure.median) == "0.85x");
        assert_eq!(goal.reached(&samples, true), None);
    }
}
