//! What is drawn: faults, calls and pauses follow from one seed, as far as real processes let them.

use std::ops::RangeInclusive;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

/// A source of choices. Each part of a run has its own.
pub(crate) struct Dice {
    rng: StdRng,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed) }
    }

    /// A seed for another source.
    pub(crate) fn seed(&mut self) -> u64 {
        self.rng.random()
    }

    /// Another source, that follows from this one.
    pub(crate) fn split(&mut self) -> Self {
        Self::new(self.seed())
    }

    /// One of the range, each as likely.
    pub(crate) fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        self.rng.random_range(range)
    }

    /// A time between two, in milliseconds.
    pub(crate) fn ms(&mut self, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.within(range))
    }

    /// Whether something happens that happens so many times in a hundred.
    pub(crate) fn happens(&mut self, percent: u64) -> bool {
        self.within(1..=100) <= percent
    }

    /// All of them in some order, each as likely.
    pub(crate) fn shuffled<T: Copy>(&mut self, of: &[T]) -> Vec<T> {
        let mut shuffled = of.to_vec();
        shuffled.shuffle(&mut self.rng);
        shuffled
    }

    /// One of them, each as likely.
    ///
    /// # Panics
    /// If there is none.
    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.rng.random_range(0..of.len())]
    }
}
