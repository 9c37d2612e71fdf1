//! What is drawn: every choice of the simulation follows from one seed.

use std::ops::RangeInclusive;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const MILLION: u32 = 1_000_000;

/// A source of choices. Each part of the simulation has its own, so that one part's choices do not shift another's.
pub(crate) struct Dice {
    rng: StdRng,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed) }
    }

    /// Another source, that follows from this one.
    pub(crate) fn split(&mut self) -> Self {
        Self::new(self.rng.random())
    }

    /// One of the range, each as likely.
    pub(crate) fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        self.rng.random_range(range)
    }

    /// Whether something happens that happens so many times in a million.
    pub(crate) fn happens_ppm(&mut self, ppm: u32) -> bool {
        ppm > 0 && self.rng.random_range(0..MILLION) < ppm
    }

    /// Whether something happens that happens so many times in a hundred.
    pub(crate) fn happens(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    /// One of them, each as likely.
    ///
    /// # Panics
    /// If there is none.
    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.rng.random_range(0..of.len())]
    }

    /// Puts them into any order.
    pub(crate) fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.rng.random_range(0..=last));
        }
    }
}
