//! How fast snapshots leave this node, all of them together.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};

/// Bytes of a file that are read or sent at once, at most.
pub(crate) const CHUNK_SIZE_BYTES: usize = 1 << 20;
/// And at least, however slow it is to be.
const CHUNK_SIZE_BYTES_MIN: usize = 4 << 10;
/// A piece is what may be sent in such a part of a second.
const CHUNKS_PER_S: u64 = 8;

/// A rate that all who send share.
#[derive(Debug)]
pub(crate) struct SnapshotRate {
    /// 0: as fast as it goes.
    bytes_per_s: u64,
    free_at: Mutex<Option<Instant>>,
}

impl SnapshotRate {
    /// At most so many bytes a second; with 0 there is no bound.
    pub(crate) fn new(bytes_per_s: u64) -> Self {
        Self { bytes_per_s, free_at: Mutex::default() }
    }

    /// What is to be sent at once.
    pub(crate) fn chunk_size_bytes(&self) -> usize {
        if self.bytes_per_s == 0 {
            return CHUNK_SIZE_BYTES;
        }
        let fitting = usize::try_from(self.bytes_per_s / CHUNKS_PER_S).unwrap_or(usize::MAX);
        fitting.clamp(CHUNK_SIZE_BYTES_MIN, CHUNK_SIZE_BYTES)
    }

    /// Waits for the turn of so many bytes.
    pub(crate) async fn pass(&self, size_bytes: usize) {
        if self.bytes_per_s > 0 {
            sleep_until(self.take_turn(size_bytes)).await;
        }
    }

    fn take_turn(&self, size_bytes: usize) -> Instant {
        let takes = Duration::from_micros((size_bytes as u64).saturating_mul(1_000_000) / self.bytes_per_s);
        let mut free_at = self.free_at.lock();
        let now = Instant::now();
        let turn = free_at.map_or(now, |free_at| free_at.max(now));
        *free_at = Some(turn + takes);
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn seconds_for(rate: &SnapshotRate, size_bytes: usize) -> f64 {
        let began = Instant::now();
        let mut left = size_bytes;
        while left > 0 {
            let piece = rate.chunk_size_bytes().min(left);
            rate.pass(piece).await;
            left -= piece;
        }
        began.elapsed().as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn it_keeps_to_the_rate() {
        for bytes_per_s in [100_000, 1_000_000, 128 << 20] {
            let rate = SnapshotRate::new(bytes_per_s);
            let seconds = seconds_for(&rate, usize::try_from(10 * bytes_per_s).unwrap()).await;
            assert!((9.7..=10.1).contains(&seconds), "{bytes_per_s}: {seconds}");
        }
        assert!(seconds_for(&SnapshotRate::new(0), 1 << 40).await < 0.001);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_send_at_once_share_it() {
        let rate = SnapshotRate::new(1_000_000);
        let (first, second) = tokio::join!(seconds_for(&rate, 2_000_000), seconds_for(&rate, 2_000_000));
        assert!((3.7..=4.1).contains(&first.max(second)), "{first} {second}");
    }

    #[test]
    fn pieces_are_of_a_size_that_leaves_room_for_others() {
        for (bytes_per_s, size_bytes) in [(0, 1 << 20), (1, 4 << 10), (800_000, 100_000), (1 << 40, 1 << 20)]
        {
            assert_eq!(SnapshotRate::new(bytes_per_s).chunk_size_bytes(), size_bytes);
        }
    }
}
