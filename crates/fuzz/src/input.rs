//! An input: which seed it was made of, and its bytes.

use std::fmt;
use std::ops::Deref;

/// Bytes for a target. Shown as what stands between the quotes of a byte string, to be kept as a test.
#[derive(Clone, PartialEq, Eq)]
pub struct Input {
    /// The seed's place among the seeds.
    pub seed: usize,
    /// What became of it.
    pub bytes: Vec<u8>,
}

impl Deref for Input {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "of seed {}: b\"{}\"", self.seed, self.bytes.escape_ascii())
    }
}
