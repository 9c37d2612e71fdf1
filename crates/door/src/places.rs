//! How many streams of a kind a node serves at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places for streams of a kind. Clones share them.
#[derive(Debug, Clone)]
pub struct Places {
    /// Which kind, in the plural.
    what: &'static str,
    streams_max: usize,
    free: Arc<Semaphore>,
}

/// A place that is taken: given back when it is dropped.
pub type Place = OwnedSemaphorePermit;

/// There is no place for another stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoPlace {
    /// Which kind, in the plural.
    pub what: &'static str,
    /// Most that this node serves at once.
    pub streams_max: usize,
}

impl Places {
    /// Of a kind, in the plural: so many.
    pub fn new(what: &'static str, streams_max: usize) -> Self {
        Self { what, streams_max, free: Arc::new(Semaphore::new(streams_max)) }
    }

    /// Takes a place; refused if there is none.
    ///
    /// # Errors
    /// All are taken.
    pub fn take(&self) -> Result<Place, NoPlace> {
        let Self { what, streams_max, free } = self;
        let place = Arc::clone(free).try_acquire_owned();
        place.map_err(|_| NoPlace { what, streams_max: *streams_max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back() {
        let places = Places::new("watches", 2);
        let (first, _second) = (places.take().unwrap(), places.clone().take().unwrap());
        assert!(matches!(places.take(), Err(NoPlace { what: "watches", streams_max: 2 })));
        drop(first);
        drop(places.take().unwrap());
    }
}
