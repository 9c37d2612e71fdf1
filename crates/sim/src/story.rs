//! What happened: a hash over all of it, and the last of it in words.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::Arc;

use parking_lot::Mutex;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// So much is kept in words.
const LINES_KEPT: usize = 400;

/// The story of one run. Clones tell the same one.
#[derive(Clone, Default)]
pub(crate) struct Story {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    now_ms: u64,
    hash: u64,
    events: u64,
    lines: VecDeque<String>,
    /// Whether lines are shown as they come.
    is_live: bool,
}

impl Story {
    /// Has lines shown on standard error as they come.
    pub(crate) fn show(&self) {
        self.inner.lock().is_live = true;
    }

    pub(crate) fn time_is(&self, now_ms: u64) {
        self.inner.lock().now_ms = now_ms;
    }

    /// Something happened that is worth a line.
    pub(crate) fn tell(&self, words: impl FnOnce() -> String) {
        let inner = &mut *self.inner.lock();
        let mut line = format!("{:>7} ms  ", inner.now_ms);
        line.push_str(&words());
        if inner.is_live {
            // Whoever looks on may have left.
            let _ = writeln!(io::stderr(), "{line}");
        }
        inner.hash = xxh3_64_with_seed(line.as_bytes(), inner.hash);
        inner.events += 1;
        if inner.lines.len() == LINES_KEPT {
            inner.lines.pop_front();
        }
        inner.lines.push_back(line);
    }

    /// Something happened that is only hashed.
    pub(crate) fn note(&self, one: u64, two: u64, three: u64) {
        let inner = &mut *self.inner.lock();
        let mut bytes = [0; 24];
        for (chunk, number) in bytes.chunks_mut(8).zip([one, two, three]) {
            chunk.copy_from_slice(&number.to_le_bytes());
        }
        inner.hash = xxh3_64_with_seed(&bytes, inner.hash);
        inner.events += 1;
    }

    /// The hash over everything: equal for equal runs.
    pub(crate) fn hash(&self) -> u64 {
        self.inner.lock().hash
    }

    /// How much happened.
    pub(crate) fn events(&self) -> u64 {
        self.inner.lock().events
    }

    /// The last lines.
    pub(crate) fn lines(&self) -> String {
        let mut text = String::new();
        for line in &self.inner.lock().lines {
            let _ = writeln!(text, "{line}");
        }
        text
    }
}
