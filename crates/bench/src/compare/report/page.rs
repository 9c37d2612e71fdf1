//! What stands on the page between the markers.

use super::plots::Plot;
use crate::compare::case::{Case, USUAL_KEYS, USUAL_VALUE_SIZE_BYTES};
use crate::compare::goals::{GOALS, Goal, Reached, sides};
use crate::compare::plan::KEYS_OF_SIZES;
use crate::compare::raw::Raw;
use crate::compare::samples::Samples;
use crate::compare::table::{
    COST, Cells, Column, OF_NODES, SPEED, Table, aligned, milliseconds, with_spread,
};
use crate::report::mib;

/// A part of the cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Etcd,
    Native,
    OfNodes,
    Keys,
    Sizes,
    Rates,
}

const PARTS: [(Part, &str); 6] = [
    (Part::Etcd, "Through etcd's protocol"),
    (Part::Native, "Conclave by its own API, etcd by its own"),
    (Part::OfNodes, "Starts and fail-over"),
    (Part::Keys, "More keys"),
    (Part::Sizes, "Other sizes of values"),
    (Part::Rates, "Open loop"),
];

impl Part {
    fn of(case: &Case) -> Self {
        match case {
            case if case.workload.is_of_nodes() => Self::OfNodes,
            Case { native: true, .. } => Self::Native,
            Case { rate: Some(_), .. } => Self::Rates,
            case if case.value_size_bytes != USUAL_VALUE_SIZE_BYTES => Self::Sizes,
            Case { keys: KEYS_OF_SIZES, .. } => Self::Sizes,
            case if case.keys != USUAL_KEYS => Self::Keys,
            _ => Self::Etcd,
        }
    }
}

/// All of it, in Markdown.
pub(super) fn measured(raw: &Raw, plots: &[Plot], folder: &str) -> String {
    let mut parts = vec![conditions(raw)];
    parts.extend(PARTS.iter().filter_map(|(part, title)| tables(&raw.samples, *part, title)));
    parts.extend(goals(raw));
    let plot = |plot: &Plot| format!("![{}]({folder}/{})\n", plot.title, plot.file);
    if !plots.is_empty() {
        parts.push(format!("### Plots\n{}", plots.iter().map(plot).collect::<Vec<_>>().join("\n")));
    }
    parts.join("\n")
}

/// When, on what, and of whom.
fn conditions(raw: &Raw) -> String {
    let head = [
        "run",
        "commit",
        "machine",
        "cores",
        "memory",
        "kernel",
        "fdatasync p50, p99 ms",
        "measured, warm-up s",
    ];
    let mut runs = vec![row(head)];
    runs.extend(raw.runs.iter().map(|run| {
        let (machine, sync) = (&run.machine, run.fdatasync);
        row([
            &run.began,
            run.commit.as_deref().unwrap_or("–"),
            &machine.cpu,
            &machine.cores.to_string(),
            &mib(machine.memory_bytes),
            &machine.kernel,
            &format!("{}, {}", milliseconds(sync.p50_us as f64), milliseconds(sync.p99_us as f64)),
            &format!("{}, {}", run.measured_seconds, run.warm_up_seconds),
        ])
    }));
    let mut peers = vec![row(["peer", "says of itself", "samples"])];
    for peer in raw.samples.peers() {
        let told = raw.runs.iter().rev().flat_map(|run| &run.peers).find(|told| told.name == peer);
        let samples = raw.samples.all.iter().filter(|sample| sample.peer == peer).count();
        peers.push(row([peer, told.map_or("–", |told| &told.version), &samples.to_string()]));
    }
    format!("### The machine and the peers\n{}\n{}", aligned(&runs), aligned(&peers))
}

/// The tables of some cases.
fn tables(samples: &Samples, part: Part, title: &str) -> Option<String> {
    let cases: Vec<_> = samples.cases().into_iter().filter(|case| Part::of(case) == part).collect();
    let table = |columns: &[Column]| Table { samples, columns, cells: Cells::Spread }.of(&cases);
    let tables: Vec<_> = [&SPEED[..], &OF_NODES, &COST].into_iter().filter_map(table).collect();
    (!tables.is_empty()).then(|| format!("### {title}\n{}", tables.join("\n")))
}

/// What was to be reached, and what was.
fn goals(raw: &Raw) -> Option<String> {
    let (ours, base) = sides(&raw.samples)?;
    let mut rows =
        vec![row(["case", "figure", "goal", "reached", "is it", "by its own API", "at least as good"])];
    rows.extend(GOALS.iter().map(|goal| goal_row(&raw.samples, goal)));
    Some(format!("### Goals\n{ours} against {base}.\n\n{}", aligned(&rows)))
}

fn goal_row(samples: &Samples, goal: &Goal) -> Vec<String> {
    let (case, figure) = goal.subject();
    let told = |reached: Option<Reached>, missing: &str| match reached {
        Some(Reached { figure, is_enough }) => [
            with_spread(figure, |figure| goal.tell(figure)),
            if is_enough { "yes" } else { "**no**" }.to_owned(),
        ],
        None => [missing.to_owned(), "–".to_owned()],
    };
    let [reached, is_enough] = told(goal.reached(samples, false), "not measured");
    let [native, native_is_enough] = told(goal.reached(samples, true), "–");
    row([&case, figure, &goal.bound(), &reached, &is_enough, &native, &native_is_enough])
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(|cell| cell.replace('|', "\\|")).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::case::Workload;
    use crate::compare::case::tests::usual;
    use crate::compare::plan::Plan;
    use crate::compare::raw::tests::run;
    use crate::compare::sample::Metric;
    use crate::compare::samples::tests::sample;

    fn raw(figures: &[(Case, &str, Metric, f64)]) -> Raw {
        let of = |(case, peer, metric, figure): &(Case, &str, Metric, f64)| {
            sample(case, peer, 1, &[(*metric, *figure)])
        };
        Raw { runs: vec![run(300)], samples: Samples { all: figures.iter().map(of).collect() } }
    }

    #[test]
    fn the_page_tells_machine_peers_figures_and_goals() {
        let put = usual(Workload::Put, 64);
        let native = Case { native: true, ..put.clone() };
        let page = measured(
            &raw(&[
                (put.clone(), "Conclave", Metric::OperationsASecond, 9_000.0),
                (put, "etcd 3.5.1", Metric::OperationsASecond, 2_500.0),
                (native.clone(), "Conclave", Metric::OperationsASecond, 5_000.0),
                (native, "etcd 3.5.1", Metric::OperationsASecond, 2_500.0),
            ]),
            &[],
            "performance",
        );
        let squeezed = page.split_whitespace().collect::<Vec<_>>().join(" ");
        for told in [
            "| fdatasync p50, p99 ms | measured, warm-up s |",
            "| 2026-01-02T03:04:05Z | c0ffee | Abacus 9 | 2 | 8192.0 MiB | Linux 6 | 0.30, 0.90 | 4, 1 |",
            "| etcd 3.5.1 | etcd Version: 3.5.1 | 2 |",
            "### Through etcd's protocol | case | peer | op/s |",
            "| put 64 | Conclave | 9,000 |",
            "| put 64 | throughput | at least 3 times | 3.60x | yes | 2.00x | **no** |",
            "| put 64 | server CPU per operation | at most 0.3 times | not measured | – | – | – |",
        ] {
            assert!(squeezed.contains(told), "{told}\n{page}");
        }
        assert!(!page.contains("### Plots") && !page.contains("### Open loop"));
    }

    #[test]
    fn each_case_of_the_full_plan_has_its_part() {
        let cases = Plan::Full.cases();
        for (part, title) in PARTS {
            let of_part = cases.iter().filter(|case| Part::of(case) == part).count();
            assert!(of_part > 1, "{title}");
        }
        let put_256_bytes = Case { keys: KEYS_OF_SIZES, ..usual(Workload::Put, 64) };
        assert_eq!(Part::of(&put_256_bytes), Part::Sizes);
    }
}
