//! How much one transaction changes and goes through, and how much it may.

use crate::rejection::Rejection;
use crate::stop::Stop;

/// Most items that change at one revision.
pub const ITEMS_CHANGED_MAX: u64 = 200_000;
/// Most bytes that the items take which change at one revision, before and after: 256 MiB.
pub const SIZE_BYTES_CHANGED_MAX: u64 = 256 << 20;
/// Most items that are gone through to find those that change, also such as were deleted before.
pub const ITEMS_SEEN_MAX: u64 = 2_000_000;

/// What a transaction changes so far.
#[derive(Debug, Default)]
pub(crate) struct Extent {
    items: u64,
    size_bytes: u64,
    seen: u64,
}

impl Extent {
    /// One item more, of this size. Refuses when that is too much: nothing more is gathered then.
    pub(crate) fn add(&mut self, size_bytes: usize) -> Result<(), Stop> {
        self.items += 1;
        self.size_bytes += size_bytes as u64;
        if self.items <= ITEMS_CHANGED_MAX && self.size_bytes <= SIZE_BYTES_CHANGED_MAX {
            return Ok(());
        }
        Err(self.too_large(self.items, ITEMS_CHANGED_MAX))
    }

    /// How many items may still be gone through.
    pub(crate) fn left_to_see(&self) -> usize {
        usize::try_from(ITEMS_SEEN_MAX - self.seen).unwrap_or(usize::MAX)
    }

    /// So many more were gone through. Refuses when they were not all.
    pub(crate) fn see(&mut self, items: usize, were_all: bool) -> Result<(), Stop> {
        self.seen = ITEMS_SEEN_MAX.min(self.seen + items as u64);
        if were_all {
            return Ok(());
        }
        Err(self.too_large(self.seen + 1, ITEMS_SEEN_MAX))
    }

    fn too_large(&self, items: u64, items_max: u64) -> Stop {
        Stop::Rejected(Rejection::ChangeTooLarge {
            items,
            items_max,
            size_bytes: self.size_bytes,
            size_bytes_max: SIZE_BYTES_CHANGED_MAX,
        })
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

    #[test]
    fn what_is_gone_through_adds_up() {
        let mut extent = Extent::default();
        assert!(extent.see(1_500_000, true).is_ok());
        assert_eq!(extent.left_to_see(), 500_000);
        assert!(extent.see(500_000, true).is_ok());
        assert_eq!(extent.left_to_see(), 0);
        assert!(extent.see(1, false).is_err());
    }
}
