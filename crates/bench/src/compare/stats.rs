//! Medians over rounds, and how far the rounds are apart.

/// The median of some rounds, and the least and the most of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// None if there are none.
    pub(crate) fn of(rounds: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = rounds.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let (below, above) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Some(Self { median: f64::midpoint(below, above), least, most })
    }

    /// What pairs that ran one after the other make of each other: the machine was the same for both.
    pub(crate) fn of_ratios(pairs: impl IntoIterator<Item = (f64, f64)>) -> Option<Self> {
        Self::of(pairs.into_iter().filter(|(_, base)| *base > 0.0).map(|(found, base)| found / base))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let told = |rounds: &[f64]| Spread::of(rounds.iter().copied());
        assert_eq!(told(&[]), None);
        assert_eq!(told(&[3.0, 1.0, 9.0]), Some(Spread { median: 3.0, least: 1.0, most: 9.0 }));
        assert_eq!(told(&[4.0, 2.0]).unwrap().median, 3.0);
    }

    #[test]
    fn ratios_are_made_within_a_round() {
        let ratios = Spread::of_ratios([(4.0, 2.0), (30.0, 10.0), (5.0, 1.0), (1.0, 0.0)]).unwrap();
        assert_eq!(ratios, Spread { median: 3.0, least: 2.0, most: 5.0 });
    }
}
