//! Which plots there are, and what is in them: medians over the rounds.

use crate::compare::case::{Case, USUAL_KEYS, USUAL_VALUE_SIZE_BYTES, Workload};
use crate::compare::plan::{GROWING_CLIENTS, KEYS_OF_SIZES};
use crate::compare::sample::Metric;
use crate::compare::samples::Samples;

/// A plot.
#[derive(Debug)]
pub(super) struct Plot {
    /// Its name in the folder.
    pub(super) file: String,
    pub(super) title: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) series: Vec<Series>,
}

/// What stands along a side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    /// With its unit.
    pub(super) label: &'static str,
    pub(super) scale: Scale,
}

/// How it is divided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// From nothing on.
    Even,
    /// Logarithmic, with marks at the powers of a number.
    Powers(f64),
}

/// One line of a plot.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) label: String,
    /// Which peer it is about.
    pub(super) peer: usize,
    /// The second of a peer's lines.
    pub(super) is_dashed: bool,
    /// In the order of the rates of open loops, else of the first numbers.
    pub(super) points: Vec<(f64, f64)>,
}

const THROUGHPUT: Axis = Axis { label: "operations a second", scale: Scale::Even };
const LATENCY: Axis = Axis { label: "latency, ms", scale: Scale::Powers(2.0) };

/// All plots that samples are enough for: two points of a line.
pub(super) fn of(samples: &Samples) -> Vec<Plot> {
    let source = Source { samples, peers: samples.peers() };
    let mut plots = Vec::new();
    for workload in [Workload::Put, Workload::Get] {
        plots.extend([
            source.latency(workload),
            source.clients(workload),
            source.sizes(workload),
            source.keys(workload),
        ]);
    }
    plots.extend([source.watchers(), source.deliveries()]);
    plots.retain(|plot| plot.series.iter().any(|series| series.points.len() > 1));
    plots
}

/// Where plots are taken from.
struct Source<'a> {
    samples: &'a Samples,
    peers: Vec<&'a str>,
}

/// What a line is made of.
struct Wanted<'a> {
    /// What is said of it behind the name of its peer.
    suffix: &'a str,
    is_dashed: bool,
    metric: Metric,
    /// How much of the metric is one on the axis.
    unit: f64,
}

const OPERATIONS: Wanted<'_> =
    Wanted { suffix: "", is_dashed: false, metric: Metric::OperationsASecond, unit: 1.0 };
const QUANTILES: [Wanted<'_>; 2] = [
    Wanted { suffix: ", p99", is_dashed: false, metric: Metric::P99Us, unit: 1_000.0 },
    Wanted { suffix: ", p50", is_dashed: true, metric: Metric::P50Us, unit: 1_000.0 },
];

impl Source<'_> {
    /// Latency against throughput, in open loops.
    fn latency(&self, workload: Workload) -> Plot {
        let is_wanted = |case: &Case| case.rate.is_some() && is_usual(case);
        let x = |case: &Case, peer: &str| self.median(case, peer, Metric::OperationsASecond);
        let series = self.series(|case| case.workload == workload && is_wanted(case), x, &QUANTILES);
        self.plot(
            workload,
            ("latency", "latency against throughput, open loop"),
            (THROUGHPUT, LATENCY),
            series,
        )
    }

    /// Throughput with clients; that of the own API beside it.
    fn clients(&self, workload: Workload) -> Plot {
        let of = |native| {
            move |case: &Case| {
                is_closed(case, workload) && is_usual_size(case) && is_usual(case) && case.native == native
            }
        };
        let x = |case: &Case, _: &str| Some(case.clients as f64);
        let mut series = self.series(of(false), x, &[OPERATIONS]);
        let own = Wanted { suffix: ", own API", is_dashed: true, ..OPERATIONS };
        let own_series = self.series(of(true), x, &[own]);
        series.extend(own_series.into_iter().filter(|series| series.peer == 0));
        let axis = Axis { label: "clients", scale: Scale::Powers(4.0) };
        self.plot(workload, ("clients", "throughput with clients"), (axis, THROUGHPUT), series)
    }

    fn sizes(&self, workload: Workload) -> Plot {
        let is_wanted = |case: &Case| {
            is_closed(case, workload) && case.keys == KEYS_OF_SIZES && case.clients == GROWING_CLIENTS
        };
        let x = |case: &Case, _: &str| Some(case.value_size_bytes as f64);
        let axis = Axis { label: "size of a value, bytes", scale: Scale::Powers(4.0) };
        let series = self.series(|case| is_wanted(case) && !case.native, x, &[OPERATIONS]);
        self.plot(
            workload,
            ("sizes", "throughput with the size of values, 64 clients"),
            (axis, THROUGHPUT),
            series,
        )
    }

    fn keys(&self, workload: Workload) -> Plot {
        let is_wanted = |case: &Case| {
            is_closed(case, workload)
                && is_usual_size(case)
                && case.clients == GROWING_CLIENTS
                && case.keys != KEYS_OF_SIZES
        };
        let x = |case: &Case, _: &str| Some(case.keys as f64);
        let axis = Axis { label: "keys in the store", scale: Scale::Powers(10.0) };
        let series = self.series(|case| is_wanted(case) && !case.native, x, &[OPERATIONS]);
        self.plot(workload, ("keys", "throughput with keys, 64 clients"), (axis, THROUGHPUT), series)
    }

    /// How long a change takes to its watchers.
    fn watchers(&self) -> Plot {
        let series = self.watcher_series(&QUANTILES);
        let axis = Axis { label: "watchers of one key", scale: Scale::Powers(10.0) };
        self.plot(Workload::Watch, ("latency", "delivery of 100 changes a second"), (axis, LATENCY), series)
    }

    fn deliveries(&self) -> Plot {
        let series = self.watcher_series(&[OPERATIONS]);
        let axis = Axis { label: "watchers of one key", scale: Scale::Powers(10.0) };
        let deliveries = Axis { label: "deliveries a second", scale: Scale::Powers(10.0) };
        self.plot(
            Workload::Watch,
            ("deliveries", "deliveries of 100 changes a second"),
            (axis, deliveries),
            series,
        )
    }

    fn watcher_series(&self, wanted: &[Wanted<'_>]) -> Vec<Series> {
        let x = |case: &Case, _: &str| Some(case.clients as f64);
        self.series(|case| is_closed(case, Workload::Watch), x, wanted)
    }

    /// The lines of each peer, as far as they have points.
    fn series(
        &self,
        is_wanted: impl Fn(&Case) -> bool,
        x: impl Fn(&Case, &str) -> Option<f64>,
        wanted: &[Wanted<'_>],
    ) -> Vec<Series> {
        let cases: Vec<_> = self.samples.cases().into_iter().filter(|case| is_wanted(case)).collect();
        let mut all = Vec::new();
        for (number, peer) in self.peers.iter().enumerate() {
            for Wanted { suffix, is_dashed, metric, unit } in wanted {
                let y = |case: &Case| Some(self.median(case, peer, *metric)? / unit);
                let point = |case: &&Case| Some((case.rate, (x(case, peer)?, y(case)?)));
                let mut points: Vec<_> = cases.iter().filter_map(point).collect();
                points.sort_by(|(rate, (x, _)), (other, (other_x, _))| {
                    rate.cmp(other).then(x.total_cmp(other_x))
                });
                let points = points.into_iter().map(|(_, point)| point).collect();
                let label = format!("{peer}{suffix}");
                all.push(Series { label, peer: number, is_dashed: *is_dashed, points });
            }
        }
        all.retain(|series| !series.points.is_empty());
        all
    }

    fn median(&self, case: &Case, peer: &str, metric: Metric) -> Option<f64> {
        Some(self.samples.spread(case, peer, metric)?.median)
    }

    /// Names it by its workload and its kind.
    fn plot(
        &self,
        workload: Workload,
        (kind, title): (&str, &str),
        (x, y): (Axis, Axis),
        series: Vec<Series>,
    ) -> Plot {
        let name = workload.name();
        Plot { file: format!("{kind}-{name}.svg"), title: format!("{name}: {title}"), x, y, series }
    }
}

fn is_closed(case: &Case, workload: Workload) -> bool {
    case.workload == workload && case.rate.is_none()
}

fn is_usual(case: &Case) -> bool {
    case.keys == USUAL_KEYS && is_usual_size(case)
}

fn is_usual_size(case: &Case) -> bool {
    case.value_size_bytes == USUAL_VALUE_SIZE_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::plan::Plan;
    use crate::compare::samples::tests::sample;

    /// Samples of all cases that are there to be plotted.
    fn all() -> Samples {
        let mut all = Vec::new();
        for (number, case) in Plan::Full.cases().into_iter().enumerate() {
            for (peer, times) in [("ours", 3.0), ("theirs", 1.0)] {
                let figures = [
                    (Metric::OperationsASecond, times * (number + 1) as f64),
                    (Metric::P50Us, 1_000.0 / times),
                    (Metric::P99Us, 4_000.0 / times),
                ];
                all.push(sample(&case, peer, 1, &figures));
            }
        }
        Samples { all }
    }

    #[test]
    fn the_full_plan_makes_all_plots_with_all_peers() {
        let samples = all();
        let plots = of(&samples);
        let told = |plot: &Plot| {
            let labels: Vec<_> = plot.series.iter().map(|series| series.label.as_str()).collect();
            format!("{}: {} points of {}", plot.file, plot.series[0].points.len(), labels.join("; "))
        };
        let quantiles = "ours, p99; ours, p50; theirs, p99; theirs, p50";
        let expected = [
            format!("latency-put.svg: 8 points of {quantiles}"),
            "clients-put.svg: 5 points of ours; theirs; ours, own API".to_owned(),
            "sizes-put.svg: 6 points of ours; theirs".to_owned(),
            "keys-put.svg: 3 points of ours; theirs".to_owned(),
            format!("latency-get.svg: 6 points of {quantiles}"),
            "clients-get.svg: 5 points of ours; theirs; ours, own API".to_owned(),
            "sizes-get.svg: 6 points of ours; theirs".to_owned(),
            "keys-get.svg: 3 points of ours; theirs".to_owned(),
            format!("latency-watch.svg: 4 points of {quantiles}"),
            "deliveries-watch.svg: 4 points of ours; theirs".to_owned(),
        ];
        assert_eq!(plots.iter().map(told).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn points_are_medians_in_order() {
        let case = |clients| crate::compare::case::tests::usual(Workload::Put, clients);
        let of_case = |clients, round, figure| {
            sample(&case(clients), "ours", round, &[(Metric::OperationsASecond, figure)])
        };
        let all = vec![of_case(64, 1, 9.0), of_case(1, 1, 1.0), of_case(1, 2, 3.0), of_case(1, 3, 2.0)];
        let plots = of(&Samples { all });
        assert_eq!(plots.len(), 1);
        assert_eq!(plots[0].series[0].points, [(1.0, 2.0), (64.0, 9.0)]);
    }

    /// A peer that is asked for more than it can do does less: its line turns back.
    #[test]
    fn points_of_open_loops_are_in_the_order_of_their_rates() {
        let of_rate = |rate, done, p99_us| {
            let case = Case { rate: Some(rate), ..crate::compare::case::tests::usual(Workload::Get, 256) };
            sample(&case, "ours", 1, &[(Metric::OperationsASecond, done), (Metric::P99Us, p99_us)])
        };
        let all = vec![
            of_rate(8_000, 900.0, 9_000.0),
            of_rate(500, 500.0, 1_000.0),
            of_rate(2_000, 950.0, 5_000.0),
        ];
        let plots = of(&Samples { all });
        assert_eq!(plots[0].series[0].points, [(500.0, 1.0), (950.0, 5.0), (900.0, 9.0)]);
    }

    #[test]
    fn what_has_one_point_is_no_plot() {
        let case = crate::compare::case::tests::usual(Workload::Put, 64);
        let all = vec![sample(&case, "ours", 1, &[(Metric::OperationsASecond, 9.0)])];
        assert!(of(&Samples { all }).is_empty());
    }
}
