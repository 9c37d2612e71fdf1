//! Seeds that have failed once. They are run first, each with what it found.
//!
//! A seed tells the same story only as long as the code asks for the same choices: an old one may have become a story
//! like any other. What it found has a test of its own where that could be had.

/// The seeds, and what they found.
pub const REGRESSIONS: &[(u64, &str)] = &[(
    5056,
    "a node that was to replace another one got its vote by other hands, and the operator asked for ever",
)];
