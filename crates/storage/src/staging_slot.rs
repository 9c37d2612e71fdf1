//! The one place where a snapshot is received: nobody begins there while another is at it.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Who is at it, and since when nobody was. Clones are the same.
#[derive(Clone)]
pub(crate) struct StagingSlot {
    free_since: Arc<Mutex<Option<Instant>>>,
}

/// Somebody is at it, until this is dropped.
pub(crate) struct Taken {
    slot: StagingSlot,
}

impl StagingSlot {
    pub(crate) fn new() -> Self {
        Self { free_since: Arc::new(Mutex::new(Some(Instant::now()))) }
    }

    /// Takes it; none if somebody is at it.
    pub(crate) fn take(&self) -> Option<Taken> {
        let taken = self.free_since.lock().take();
        taken.map(|_| Taken { slot: self.clone() })
    }

    /// Takes it if nobody was at it for so long.
    pub(crate) fn take_idle(&self, idle: Duration) -> Option<Taken> {
        let mut free_since = self.free_since.lock();
        let is_idle = free_since.is_some_and(|since| since.elapsed() >= idle);
        is_idle.then(|| {
            *free_since = None;
            Taken { slot: self.clone() }
        })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        *self.slot.free_since.lock() = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_at_a_time() {
        let slot = StagingSlot::new();
        let taken = slot.take().unwrap();
        assert!(slot.take().is_none() && slot.take_idle(Duration::ZERO).is_none());
        drop(taken);
        assert!(slot.take_idle(Duration::from_secs(3600)).is_none(), "somebody was at it just now");
        assert!(slot.take_idle(Duration::ZERO).is_some());
        assert!(slot.take().is_some());
    }
}
