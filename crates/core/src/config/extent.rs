//! How much one transaction changes, and how much it may.

use super::stop::Stop;
use crate::rejection::Rejection;

/// Most items that change at one revision.
pub const ITEMS_CHANGED_MAX: u64 = 200_000;
/// Most bytes that the items take which change at one revision, before and after: 256 MiB.
pub const SIZE_BYTES_CHANGED_MAX: u64 = 256 << 20;

/// What a transaction changes so far.
#[derive(Debug, Default)]
pub(crate) struct Extent {
    items: u64,
    size_bytes: u64,
}

impl Extent {
    /// One item more, of this size. Refuses when that is too much: nothing more is gathered then.
    pub(crate) fn add(&mut self, size_bytes: usize) -> Result<(), Stop> {
        self.items += 1;
        self.size_bytes += size_bytes as u64;
        if self.items <= ITEMS_CHANGED_MAX && self.size_bytes <= SIZE_BYTES_CHANGED_MAX {
            return Ok(());
        }
        Err(Stop::Rejected(Rejection::ChangeTooLarge {
            items: self.items,
            items_max: ITEMS_CHANGED_MAX,
            size_bytes: self.size_bytes,
            size_bytes_max: SIZE_BYTES_CHANGED_MAX,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bounds_hold() {
        let mut items = Extent::default();
        assert!((0..ITEMS_CHANGED_MAX).all(|_| items.add(1).is_ok()) && items.add(1).is_err());
        let mut bytes = Extent::default();
        assert!(bytes.add(256 << 20).is_ok() && bytes.add(1).is_err());
    }
}
