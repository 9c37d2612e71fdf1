//! The samples as tables: a line for each case and each peer, medians over the rounds, and a line for what the first peer
//! makes of each other one.

use std::fmt::Write as _;

use super::case::Case;
use super::sample::Metric;
use super::samples::Samples;
use super::stats::Spread;
use crate::report::grouped;

/// How a figure is told.
type Tell = fn(f64) -> String;

/// A column: its head, what is in it, and how that is told.
pub(crate) type Column = (&'static str, Metric, Tell);

/// How fast operations are.
pub(crate) const SPEED: [Column; 5] = [
    ("op/s", Metric::OperationsASecond, whole),
    ("p50 ms", Metric::P50Us, milliseconds),
    ("p90 ms", Metric::P90Us, milliseconds),
    ("p99 ms", Metric::P99Us, milliseconds),
    ("p99.9 ms", Metric::P999Us, milliseconds),
];

/// What they cost.
pub(crate) const COST: [Column; 8] = [
    ("server CPU µs/op", Metric::ServerCpuUs, tenths),
    ("generator CPU µs/op", Metric::GeneratorCpuUs, tenths),
    ("written B/op", Metric::WrittenBytes, whole),
    ("memory MiB", Metric::ResidentBytes, mebibytes),
    ("disk MiB", Metric::DiskBytes, mebibytes),
    ("fdatasync before ms", Metric::SyncP50Us, milliseconds),
    ("failed", Metric::Failed, whole),
    ("lost", Metric::Lost, whole),
];

/// How long clients wait when something happens to nodes.
pub(crate) const OF_NODES: [Column; 4] = [
    ("first read ms", Metric::FirstReadUs, milliseconds),
    ("read by all ms", Metric::AllReadUs, milliseconds),
    ("next write ms", Metric::NextWriteUs, milliseconds),
    ("longest ms", Metric::NextWriteMostUs, milliseconds),
];

/// What a cell tells of the rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cells {
    Median,
    /// The median, and the least and the most.
    Spread,
}

/// What a table tells.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table<'a> {
    pub(crate) samples: &'a Samples,
    pub(crate) columns: &'a [Column],
    pub(crate) cells: Cells,
}

impl Table<'_> {
    /// In Markdown; none if no case has any of these figures. A column without any is left out.
    pub(crate) fn of(&self, cases: &[&Case]) -> Option<String> {
        let is_known = |metric| self.samples.all.iter().any(|it| cases.contains(&&it.case) && it.has(metric));
        let columns: Vec<_> =
            self.columns.iter().copied().filter(|(_, metric, _)| is_known(*metric)).collect();
        let table = Table { columns: &columns, ..*self };
        let rows: Vec<_> = cases.iter().flat_map(|case| table.rows(case)).collect();
        let heads = columns.iter().map(|(head, ..)| *head);
        let head = ["case", "peer"].into_iter().chain(heads).map(str::to_owned).collect();
        (!rows.is_empty()).then(|| aligned(&[vec![head], rows].concat()))
    }

    fn rows(&self, case: &Case) -> Vec<Vec<String>> {
        let peers = self.samples.peers();
        let mut rows: Vec<_> = peers.iter().filter_map(|peer| self.row(case, peer)).collect();
        if let Some((first, others)) = peers.split_first() {
            rows.extend(others.iter().filter_map(|base| self.ratio_row(case, (first, base))));
        }
        rows
    }

    fn row(&self, case: &Case, peer: &str) -> Option<Vec<String>> {
        let figure = |(_, metric, told): &Column| Some((self.samples.spread(case, peer, *metric)?, *told));
        self.cells_of([case.to_string(), peer.to_owned()], figure)
    }

    /// What one peer makes of another one.
    fn ratio_row(&self, case: &Case, peers: (&str, &str)) -> Option<Vec<String>> {
        let ratio =
            |(_, metric, _): &Column| Some((self.samples.ratio(case, peers, *metric)?, times as Tell));
        self.cells_of([case.to_string(), format!("{} / {}", peers.0, peers.1)], ratio)
    }

    /// None if there are no figures.
    fn cells_of(
        &self,
        names: [String; 2],
        figure: impl Fn(&Column) -> Option<(Spread, Tell)>,
    ) -> Option<Vec<String>> {
        let figures: Vec<_> = self.columns.iter().map(figure).collect();
        let cell = |figure: &Option<(Spread, Tell)>| {
            figure.as_ref().map_or_else(String::new, |(spread, told)| self.cell(*spread, *told))
        };
        let has_any = figures.iter().any(Option::is_some);
        has_any.then(|| names.into_iter().chain(figures.iter().map(cell)).collect())
    }

    fn cell(&self, spread: Spread, told: Tell) -> String {
        match self.cells {
            Cells::Median => told(spread.median),
            Cells::Spread => with_spread(spread, told),
        }
    }
}

/// A median with the least and the most, where those are told differently.
pub(crate) fn with_spread(spread: Spread, told: impl Fn(f64) -> String) -> String {
    let [median, least, most] = [spread.median, spread.least, spread.most].map(told);
    if least == most { median } else { format!("{median} ({least}–{most})") }
}

/// A table in Markdown with columns as wide as what is in them; figures stand to the right.
pub(crate) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        for (cell, width) in row.iter().zip(&widths) {
            let is_figure = cell.starts_with(|first: char| first.is_ascii_digit());
            let _ =
                if is_figure { write!(text, "| {cell:>width$} ") } else { write!(text, "| {cell:<width$} ") };
        }
        text.push_str("|\n");
        if at == 0 {
            widths.iter().for_each(|width| text.push_str(&format!("|{}", "-".repeat(width + 2))));
            text.push_str("|\n");
        }
    }
    text
}

fn whole(figure: f64) -> String {
    grouped(&format!("{figure:.0}"))
}

fn tenths(figure: f64) -> String {
    format!("{figure:.1}")
}

pub(crate) fn milliseconds(microseconds: f64) -> String {
    format!("{:.2}", microseconds / 1_000.0)
}

fn mebibytes(bytes: f64) -> String {
    format!("{:.0}", bytes / f64::from(1 << 20))
}

pub(crate) fn times(ratio: f64) -> String {
    format!("{ratio:.2}x")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::case::Workload;
    use crate::compare::case::tests::usual;
    use crate::compare::samples::tests::sample;

    #[test]
    fn peers_stand_side_by_side_with_their_ratio() {
        let case = usual(Workload::Put, 64);
        let rounds = [("ours", 1, 300.0), ("theirs", 1, 100.0), ("ours", 2, 500.0), ("theirs", 2, 250.0)];
        let of = |(peer, round, figure)| sample(&case, peer, round, &[(Metric::OperationsASecond, figure)]);
        let samples = Samples { all: rounds.map(of).into() };
        let table = |cells| Table { samples: &samples, columns: &SPEED, cells }.of(&samples.cases()).unwrap();
        let expected = "\
| case   | peer          | op/s  |
|--------|---------------|-------|
| put 64 | ours          |   400 |
| put 64 | theirs        |   175 |
| put 64 | ours / theirs | 2.50x |
";
        assert_eq!(table(Cells::Median), expected);
        let spread = table(Cells::Spread);
        assert!(spread.contains("|       400 (300–500) |\n"), "{spread}");
        assert!(spread.contains("| 2.50x (2.00x–3.00x) |\n"), "{spread}");
        let one_round = Samples { all: samples.all[..2].into() };
        let table = Table { samples: &one_round, columns: &SPEED, cells: Cells::Spread };
        assert!(table.of(&[&case]).unwrap().contains("|   300 |\n"));
        assert_eq!(Table { samples: &samples, columns: &COST, cells: Cells::Median }.of(&[&case]), None);
    }
}
