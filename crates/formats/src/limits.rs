//! What a file may cost: every bound of this crate, in one place.
//!
//! A file comes from a stranger. These bounds hold before memory is spent, whatever the file says:
//! aliases that multiply, nesting without end, one long key over a thousand children.

/// Largest file that is read.
pub const TEXT_SIZE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Most items that one file may hold.
pub const ITEMS_MAX: usize = 100_000;

/// Most maps, lists and values in one file, with every alias counted as often as it is used.
pub const NODES_MAX: usize = 250_000;

/// Most bytes of keys and values that one file may unfold to.
pub const UNFOLDED_SIZE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Deepest nesting of maps and lists.
pub const DEPTH_MAX: usize = 64;

/// Longest flat key. The store's own limit is lower; this one only bounds memory.
pub const KEY_SIZE_BYTES_MAX: usize = 4096;
