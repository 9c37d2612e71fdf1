//! What a version changes, counted while it is made.

use conclave_mvcc::Record;

use super::head::Counts;
use super::outcome::Usage;

/// How many items were added, changed and deleted, and what the namespace then holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) counts: Counts,
    pub(crate) usage: Usage,
}

impl Tally {
    /// Nothing was changed yet, and the namespace holds so much.
    pub(crate) fn new(usage: Usage) -> Self {
        Self { counts: Counts::default(), usage }
    }

    /// Notes what became of an item; `key` is the one within the namespace.
    pub(crate) fn note(&mut self, key: &str, before: Option<&Record>, after: Option<&Record>) {
        let size = |record: &Record| (key.len() + record.value.len() + record.annotations.len()) as u64;
        let (counts, usage) = (&mut self.counts, &mut self.usage);
        match (before, after) {
            (None, None) => return,
            (None, Some(_)) => (counts.added, usage.items) = (counts.added + 1, usage.items + 1),
            (Some(_), Some(_)) => counts.changed += 1,
            (Some(_), None) => {
                counts.deleted += 1;
                usage.items = usage.items.saturating_sub(1);
            }
        }
        let kept = usage.size_bytes.saturating_sub(before.map_or(0, size));
        usage.size_bytes = kept + after.map_or(0, size);
    }
}
