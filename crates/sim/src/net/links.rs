//! What is wrong with the way from a host to another.

use std::ops::RangeInclusive;

/// How long a call waits for a sign of life across a cut before it is given up: keep-alive's interval and timeout.
pub(super) const GIVEN_UP_AFTER_MS: u64 = 4_000;
/// After so long without an answer from the other side, a new connection would be needed.
pub(super) const RECONNECT_AFTER_MS: u64 = GIVEN_UP_AFTER_MS;

/// The way from one host to another; the way back is another one.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// How long a piece takes, in milliseconds.
    pub(crate) delay_ms: RangeInclusive<u64>,
    /// Of a million pieces, so many break their call.
    pub(crate) broken_ppm: u32,
    /// Of a million calls that may be made twice, so many are.
    pub(crate) repeated_ppm: u32,
    /// Nothing passes.
    pub(crate) is_cut: bool,
}

impl Default for Link {
    fn default() -> Self {
        Self { delay_ms: 1..=2, broken_ppm: 0, repeated_ppm: 0, is_cut: false }
    }
}

/// How a host ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// The process is killed: the system tells the other sides at once.
    Killed,
    /// The machine loses power: the other sides find out by themselves.
    PowerLost,
}

impl Death {
    /// After how many milliseconds the other sides know.
    pub(super) fn told_after_ms(self) -> u64 {
        match self {
            Self::Killed => 1,
            Self::PowerLost => GIVEN_UP_AFTER_MS,
        }
    }
}
