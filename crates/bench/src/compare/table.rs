//! The samples as a table: a line for each case and each peer, medians over the rounds.

use std::fmt::Write as _;

use super::case::Case;
use super::sample::{Metric, Sample};
use super::stats::Spread;

/// All samples of a run; the first peer is the one that the others are held against.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    pub(crate) all: Vec<Sample>,
}

/// A column: its head, what is in it, and how that is told.
type Column = (&'static str, Metric, fn(f64) -> String);

const COLUMNS: [Column; 10] = [
    ("op/s", Metric::OperationsASecond, whole),
    ("p50 ms", Metric::P50Us, milliseconds),
    ("p90 ms", Metric::P90Us, milliseconds),
    ("p99 ms", Metric::P99Us, milliseconds),
    ("p99.9 ms", Metric::P999Us, milliseconds),
    ("server CPU µs/op", Metric::ServerCpuUs, tenths),
    ("generator CPU µs/op", Metric::GeneratorCpuUs, tenths),
    ("written B/op", Metric::WrittenBytes, whole),
    ("memory MiB", Metric::ResidentBytes, mebibytes),
    ("disk MiB", Metric::DiskBytes, mebibytes),
];

impl Samples {
    /// The cases, each once, in the order in which they came.
    pub(crate) fn cases(&self) -> Vec<&Case> {
        once(self.all.iter().map(|sample| &sample.case))
    }

    /// The peers, likewise.
    pub(crate) fn peers(&self) -> Vec<&str> {
        once(self.all.iter().map(|sample| sample.peer.as_str()))
    }

    /// A figure over all rounds.
    pub(crate) fn spread(&self, case: &Case, peer: &str, metric: Metric) -> Option<Spread> {
        Spread::of(self.rounds(case, peer, metric).into_iter().map(|(_, figure)| figure))
    }

    /// A figure of one peer against that of another, round by round.
    pub(crate) fn ratio(&self, case: &Case, peers: (&str, &str), metric: Metric) -> Option<Spread> {
        let base = self.rounds(case, peers.1, metric);
        let pair = |(round, figure): (usize, f64)| {
            base.iter().find(|(other, _)| *other == round).map(|(_, base)| (figure, *base))
        };
        Spread::of_ratios(self.rounds(case, peers.0, metric).into_iter().filter_map(pair))
    }

    fn rounds(&self, case: &Case, peer: &str, metric: Metric) -> Vec<(usize, f64)> {
        let of_peer = self.all.iter().filter(|sample| sample.case == *case && sample.peer == peer);
        of_peer.filter_map(|sample| Some((sample.round, *sample.figures.0.get(&metric)?))).collect()
    }

    /// The table, in Markdown.
    pub(crate) fn table(&self) -> String {
        let mut rows = vec![head()];
        for case in self.cases() {
            let peers = self.peers();
            rows.extend(peers.iter().filter_map(|peer| self.row(case, peer)));
            let (Some(first), others) = (peers.first(), peers.iter().skip(1)) else { continue };
            rows.extend(others.filter_map(|base| self.ratio_row(case, (first, base))));
        }
        aligned(&rows)
    }

    fn row(&self, case: &Case, peer: &str) -> Option<Vec<String>> {
        self.spread(case, peer, Metric::OperationsASecond)?;
        let cell = |(_, metric, told): &Column| {
            self.spread(case, peer, *metric).map_or_else(String::new, |spread| told(spread.median))
        };
        Some([case.to_string(), peer.to_owned()].into_iter().chain(COLUMNS.iter().map(cell)).collect())
    }
}

impl Samples {
    /// What one peer makes of another one.
    fn ratio_row(&self, case: &Case, peers: (&str, &str)) -> Option<Vec<String>> {
        self.ratio(case, peers, Metric::OperationsASecond)?;
        let cell = |(_, metric, _): &Column| {
            self.ratio(case, peers, *metric).map_or_else(String::new, |ratio| format!("{:.2}x", ratio.median))
        };
        let names = [case.to_string(), format!("{} / {}", peers.0, peers.1)];
        Some(names.into_iter().chain(COLUMNS.iter().map(cell)).collect())
    }
}

fn head() -> Vec<String> {
    let heads = COLUMNS.iter().map(|(head, ..)| *head);
    ["case", "peer"].into_iter().chain(heads).map(str::to_owned).collect()
}

fn once<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    all.fold(Vec::new(), |mut found, one| {
        if !found.contains(&one) {
            found.push(one);
        }
        found
    })
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
    format!("{figure:.0}")
}

fn tenths(figure: f64) -> String {
    format!("{figure:.1}")
}

fn milliseconds(microseconds: f64) -> String {
    format!("{:.2}", microseconds / 1_000.0)
}

fn mebibytes(bytes: f64) -> String {
    format!("{:.0}", bytes / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::case::Workload;
    use crate::compare::sample::Figures;

    fn sample(peer: &str, round: usize, operations: f64) -> Sample {
        let case = Case {
            workload: Workload::Put,
            clients: 64,
            keys: 1,
            value_size_bytes: 256,
            rate: None,
            native: false,
        };
        let figures = Figures([(Metric::OperationsASecond, operations)].into());
        Sample { case, peer: peer.to_owned(), round, figures }
    }

    #[test]
    fn peers_stand_side_by_side_with_their_ratio() {
        let rounds = [("ours", 1, 300.0), ("theirs", 1, 100.0), ("ours", 2, 500.0), ("theirs", 2, 250.0)];
        let all = rounds.map(|(peer, round, operations)| sample(peer, round, operations)).into();
        let table = Samples { all }.table();
        let lines: Vec<_> =
            table.lines().map(|line| line.split_whitespace().take(9).collect::<Vec<_>>()).collect();
        assert_eq!(lines[2][..7], ["|", "put", "64", "|", "ours", "|", "400"]);
        assert_eq!(lines[3][..7], ["|", "put", "64", "|", "theirs", "|", "175"]);
        assert_eq!(lines[4][..9], ["|", "put", "64", "|", "ours", "/", "theirs", "|", "2.50x"]);
    }
}
