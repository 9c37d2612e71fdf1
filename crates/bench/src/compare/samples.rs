//! All samples of some runs, and what they make over the rounds.

use super::case::Case;
use super::sample::{Metric, Sample};
use super::stats::Spread;

/// All samples; the first peer is the one that is held against the others.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    pub(crate) all: Vec<Sample>,
}

impl Samples {
    /// The cases, each once, in the order in which they came.
    pub(crate) fn cases(&self) -> Vec<&Case> {
        once(self.all.iter().map(|sample| &sample.case))
    }

    /// The peers, likewise.
    pub(crate) fn peers(&self) -> Vec<&str> {
        once(self.all.iter().map(|sample| sample.peer.as_str()))
    }

    /// Whether a round was measured.
    pub(crate) fn have(&self, case: &Case, peer: &str, round: usize) -> bool {
        self.all.iter().any(|sample| sample.case == *case && sample.peer == peer && sample.round == round)
    }

    /// A figure over all rounds.
    pub(crate) fn spread(&self, case: &Case, peer: &str, metric: Metric) -> Option<Spread> {
        Spread::of(self.all_of(case, peer, metric))
    }

    /// A figure of each round.
    pub(crate) fn all_of(&self, case: &Case, peer: &str, metric: Metric) -> Vec<f64> {
        self.rounds(case, peer, metric).into_iter().map(|(_, figure)| figure).collect()
    }

    /// By how much one figure is above another one of the same run, for each round.
    pub(crate) fn above(&self, case: &Case, peer: &str, (metric, base): (Metric, Metric)) -> Vec<f64> {
        let of_peer = self.all.iter().filter(|sample| sample.case == *case && sample.peer == peer);
        let figure = |sample: &Sample, metric| sample.figures.0.get(&metric).copied();
        of_peer.filter_map(|sample| Some(figure(sample, metric)? - figure(sample, base)?)).collect()
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
}

fn once<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    all.fold(Vec::new(), |mut found, one| {
        if !found.contains(&one) {
            found.push(one);
        }
        found
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::compare::case::Workload;
    use crate::compare::case::tests::usual;
    use crate::compare::sample::Figures;

    /// A sample with these figures.
    pub(crate) fn sample(case: &Case, peer: &str, round: usize, figures: &[(Metric, f64)]) -> Sample {
        let figures = Figures(figures.iter().copied().collect());
        Sample { case: case.clone(), peer: peer.to_owned(), round, figures }
    }

    #[test]
    fn ratios_are_those_of_a_round() {
        let case = usual(Workload::Put, 64);
        let rounds = [("ours", 1, 300.0), ("theirs", 1, 100.0), ("ours", 2, 500.0), ("ours", 3, 1.0)];
        let of = |(peer, round, figure)| sample(&case, peer, round, &[(Metric::OperationsASecond, figure)]);
        let samples = Samples { all: rounds.map(of).into() };
        assert_eq!(samples.peers(), ["ours", "theirs"]);
        let ratio = samples.ratio(&case, ("ours", "theirs"), Metric::OperationsASecond).unwrap();
        assert_eq!(ratio, Spread { median: 3.0, least: 3.0, most: 3.0 });
        assert_eq!(samples.spread(&case, "ours", Metric::OperationsASecond).unwrap().median, 300.0);
        assert_eq!(samples.spread(&case, "ours", Metric::P50Us), None);
    }
}
