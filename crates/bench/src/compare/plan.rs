//! The cases of `make bench` and `make bench-quick`.

use std::collections::BTreeSet;
use std::time::Duration;

use super::case::{Case, USUAL_KEYS, USUAL_VALUE_SIZE_BYTES, Workload};
use super::goals::GOALS;
use super::measure::Spans;

/// A list of cases that has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Plan {
    /// Five cases, two rounds of 4 s: within 5 minutes
    Quick,
    /// What goals are about, two rounds of 6 s: some 40 minutes
    Goals,
    /// All that docs/performance.md tells, five rounds: hours
    Full,
}

/// Clients of each workload in the quick plan.
const QUICK: [(Workload, usize); 5] = [
    (Workload::Put, 64),
    (Workload::Get, 64),
    (Workload::LocalGet, 256),
    (Workload::Txn, 64),
    (Workload::Lock, 64),
];

/// The same in the full one, through etcd's protocol.
const FULL: [(Workload, &[usize]); 11] = [
    (Workload::Put, &[1, 4, 16, 64, 256]),
    (Workload::Get, &[1, 4, 16, 64, 256]),
    (Workload::LocalGet, &[256]),
    (Workload::Txn, &[64]),
    (Workload::Lock, &[1, 64]),
    (Workload::Watch, &[1, 10, 100, 1_000]),
    (Workload::Mixed, &[64]),
    (Workload::Range, &[64]),
    (Workload::Namespace, &[64]),
    (Workload::Commit, &[64]),
    (Workload::KeepAlive, &[64]),
];

/// And by Conclave's own API.
const NATIVE: [(Workload, &[usize]); 7] = [
    (Workload::Put, &[1, 64, 256]),
    (Workload::Get, &[64, 256]),
    (Workload::LocalGet, &[256]),
    (Workload::Lock, &[1, 64]),
    (Workload::Namespace, &[64]),
    (Workload::Commit, &[64]),
    (Workload::KeepAlive, &[64]),
];

/// What grows one at a time is measured with these.
const GROWING: [Workload; 2] = [Workload::Put, Workload::Get];
pub(crate) const GROWING_CLIENTS: usize = 64;
const KEYS: [u64; 2] = [100_000, 1_000_000];
const VALUE_SIZES_BYTES: [usize; 6] = [64, 256, 1_024, 4_096, 16_384, 65_536];
/// Large values are not so many, so that they fit into what etcd may take of the disk.
pub(crate) const KEYS_OF_SIZES: u64 = 1_000;

/// Operations a second in open loops: from idle to more than two cores can do.
const RATES: [(Workload, &[u32]); 2] = [
    (Workload::Put, &[500, 1_000, 2_000, 3_000, 4_000, 6_000, 8_000, 12_000]),
    (Workload::Get, &[1_000, 2_000, 4_000, 8_000, 12_000, 16_000]),
];
/// So many may be under way.
const OPEN_LOOP_CLIENTS: usize = 256;

/// Keys that nodes have which are started.
const KEYS_AT_START: u64 = 1_000_000;
/// Keys that a node has to fetch which joins.
const KEYS_TO_JOIN: u64 = 100_000;

impl Plan {
    pub(crate) fn rounds(self) -> u16 {
        match self {
            Self::Quick | Self::Goals => 2,
            Self::Full => 5,
        }
    }

    pub(crate) fn spans(self) -> Spans {
        let (warm_up, measured) = match self {
            Self::Quick => (1, 4),
            Self::Goals | Self::Full => (2, 6),
        };
        Spans { warm_up: Duration::from_secs(warm_up), measured: Duration::from_secs(measured) }
    }

    /// Those that goals are about come first.
    pub(crate) fn cases(self) -> Vec<Case> {
        match self {
            Self::Quick => QUICK.map(|(workload, clients)| usual(workload, clients)).into(),
            Self::Goals => {
                let through_etcd: BTreeSet<_> = GOALS.iter().map(|goal| goal.case(false)).collect();
                let own =
                    through_etcd.iter().filter(|case| case.workload.is_native() && case.keys == USUAL_KEYS);
                let own: Vec<_> = own.map(|case| Case { native: true, ..case.clone() }).collect();
                through_etcd.into_iter().chain(own).collect()
            }
            Self::Full => {
                let mut cases = each(&FULL, usual);
                cases.push(usual(Workload::Failover, 1));
                cases.extend(more_keys());
                cases.push(Case { keys: KEYS_AT_START, ..usual(Workload::Start, 1) });
                cases.push(Case { keys: KEYS_TO_JOIN, ..usual(Workload::Join, 1) });
                cases.extend(each(&NATIVE, |workload, clients| Case {
                    native: true,
                    ..usual(workload, clients)
                }));
                cases.extend(each(&RATES, |workload, rate| Case {
                    rate: Some(rate),
                    ..usual(workload, OPEN_LOOP_CLIENTS)
                }));
                cases.extend(other_sizes());
                cases
            }
        }
    }
}

fn usual(workload: Workload, clients: usize) -> Case {
    let (keys, value_size_bytes) = (USUAL_KEYS, USUAL_VALUE_SIZE_BYTES);
    Case { workload, clients, keys, value_size_bytes, rate: None, native: false }
}

fn each<T: Copy>(table: &[(Workload, &[T])], case: impl Fn(Workload, T) -> Case) -> Vec<Case> {
    table.iter().flat_map(|(workload, many)| many.iter().map(|one| case(*workload, *one))).collect()
}

fn more_keys() -> impl Iterator<Item = Case> {
    let of = |workload| KEYS.map(|keys| Case { keys, ..usual(workload, GROWING_CLIENTS) });
    GROWING.into_iter().flat_map(of)
}

fn other_sizes() -> impl Iterator<Item = Case> {
    let of = |workload| {
        VALUE_SIZES_BYTES.map(|value_size_bytes| Case {
            value_size_bytes,
            keys: KEYS_OF_SIZES,
            ..usual(workload, GROWING_CLIENTS)
        })
    };
    GROWING.into_iter().flat_map(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_case_is_measured_twice_and_all_workloads_are() {
        use clap::ValueEnum as _;
        let cases = Plan::Full.cases();
        let different: BTreeSet<_> = cases.iter().collect();
        assert_eq!(different.len(), cases.len());
        for workload in Workload::value_variants() {
            let of_workload = |native| cases.iter().any(|it| it.workload == *workload && it.native == native);
            assert!(of_workload(false), "{}", workload.name());
            assert_eq!(of_workload(true), workload.is_native(), "{}", workload.name());
        }
    }

    #[test]
    fn all_that_goals_are_about_is_in_the_full_plan_too() {
        let (goals, full) = (Plan::Goals.cases(), Plan::Full.cases());
        assert!(GOALS.iter().all(|goal| goals.contains(&goal.case(false))));
        let missing: Vec<_> = goals.iter().filter(|case| !full.contains(case)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    /// A run begins with the start of three nodes and a store to fill: some 6 s.
    #[test]
    fn the_quick_plan_takes_five_minutes_at_most() {
        let spans = Plan::Quick.spans();
        let each = spans.warm_up + spans.measured + Duration::from_secs(6);
        let runs = Plan::Quick.cases().len() * usize::from(Plan::Quick.rounds()) * 2;
        assert!(each * u32::try_from(runs).unwrap() <= Duration::from_secs(300));
    }
}
