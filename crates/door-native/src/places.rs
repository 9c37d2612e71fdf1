//! How many streams of a kind a node serves at once.

use std::sync::Arc;

use conclave_door::Refusal;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places for streams of a kind. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// Which kind, in the plural.
    what: &'static str,
    streams_max: usize,
    free: Arc<Semaphore>,
}

/// A place that is taken: given back when it is dropped.
pub(crate) type Place = OwnedSemaphorePermit;

impl Places {
    pub(crate) fn new(what: &'static str, streams_max: usize) -> Self {
        Self { what, streams_max, free: Arc::new(Semaphore::new(streams_max)) }
    }

    /// Takes a place; refused if there is none.
    pub(crate) fn take(&self) -> Result<Place, Refusal> {
        let Self { what, streams_max, free } = self;
        let place = Arc::clone(free).try_acquire_owned();
        place.map_err(|_| Refusal::Streams { what, streams_max: *streams_max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back() {
        let places = Places::new("watches", 2);
        let (first, _second) = (places.take().unwrap(), places.clone().take().unwrap());
        assert!(matches!(places.take(), Err(Refusal::Streams { what: "watches", streams_max: 2 })));
        drop(first);
        drop(places.take().unwrap());
    }
}
