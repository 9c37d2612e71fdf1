//! The bounds of a hub, each with its unit and its default.

/// Bounds of a [`Hub`](crate::Hub) and of its watchers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchOptions {
    /// Most bytes (keys and values) that the tail in memory holds, but for the newest revision, which it holds
    /// whatever its size. Default: 64 MiB.
    pub tail_size_bytes_max: usize,
    /// Most revisions that the tail in memory holds; at least 1. Default: 16,384.
    pub tail_revisions_max: usize,
    /// A watcher whose cursor lies before the tail and so many revisions behind the newest one is told
    /// that it is behind, instead of replaying. Default: 100,000.
    pub behind_revisions_max: u64,
    /// Most revisions that one catch-up read brings. Default: 256.
    pub catch_up_revisions_max: usize,
    /// Most bytes that one catch-up read brings (it brings at least one revision), and so the most that
    /// one watcher holds. Default: 1 MiB.
    pub catch_up_size_bytes_max: usize,
    /// Most catch-up reads that run at once; the others wait for their turn. At least 1. Default: 4.
    pub catch_up_reads_max: u32,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            tail_size_bytes_max: 64 << 20,
            tail_revisions_max: 16_384,
            behind_revisions_max: 100_000,
            catch_up_revisions_max: 256,
            catch_up_size_bytes_max: 1 << 20,
            catch_up_reads_max: 4,
        }
    }
}
