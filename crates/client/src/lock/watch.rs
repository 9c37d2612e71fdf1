//! What happens to locks.

use conclave_proto::lock::v1::watch_locks_response::Event;
use conclave_proto::lock::v1::{Lock, LockChange, LocksState, WatchLocksRequest, WatchLocksResponse};
use prost::Message as _;

use super::follow::{Follow, Told};
use crate::client::Client;
use crate::error::ClientError;

/// The largest state, put together from its parts, that is accepted.
const STATE_SIZE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// What a watch of locks tells.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "most events are the large one")]
pub enum LockEvent {
    /// All that is so now. What was known before is void.
    State {
        /// Locks in order of name, as in a list.
        locks: Vec<Lock>,
        /// Revision of the store.
        revision: u64,
    },
    /// Something happened.
    Change {
        /// What.
        change: LockChange,
        /// Revision of the store.
        revision: u64,
    },
    /// The stream was lost, and the watch goes on at the next node, with the state.
    Interrupted {
        /// Why the stream was lost.
        cause: ClientError,
    },
}

/// A running watch of locks. Dropping it ends it.
#[derive(Debug)]
pub struct LockWatch {
    client: Client,
    request: WatchLocksRequest,
    stream: Follow<WatchLocksResponse>,
    parts: Vec<Lock>,
    parts_size_bytes: usize,
}

impl Client {
    /// Watches one lock, or all whose names begin alike. Nothing is sent before the first [`LockWatch::next`].
    pub fn watch_locks(&self, request: WatchLocksRequest) -> LockWatch {
        LockWatch {
            client: self.clone(),
            request,
            stream: Follow::new(self.clone()),
            parts: Vec::new(),
            parts_size_bytes: 0,
        }
    }
}

impl LockWatch {
    /// Waits for the next event. Cancel-safe.
    ///
    /// # Errors
    /// The first answer must come within the client's timeout; a later loss is told, and mended for as long as it
    /// takes. What no retry can mend ends the watch.
    pub async fn next(&mut self) -> Result<LockEvent, ClientError> {
        loop {
            let (client, request) = (&self.client, &self.request);
            let told = self
                .stream
                .next(|channel| async { client.locks(channel).watch_locks(request.clone()).await });
            let event = match told.await? {
                Told::Message(message) => self.take(message)?,
                Told::Interrupted(cause) => {
                    self.clear();
                    Some(LockEvent::Interrupted { cause })
                }
            };
            if let Some(event) = event {
                return Ok(event);
            }
        }
    }

    fn take(&mut self, message: WatchLocksResponse) -> Result<Option<LockEvent>, ClientError> {
        let revision = message.revision;
        match message.event {
            None => Ok(None),
            Some(Event::Change(change)) => Ok(Some(LockEvent::Change { change, revision })),
            Some(Event::State(state)) => self.part(state, revision),
        }
    }

    /// Takes a part of the state; tells the whole with the last one.
    fn part(&mut self, state: LocksState, revision: u64) -> Result<Option<LockEvent>, ClientError> {
        self.parts_size_bytes += state.encoded_len();
        if self.parts_size_bytes > STATE_SIZE_BYTES_MAX {
            let message = format!("the state of the locks exceeds {STATE_SIZE_BYTES_MAX} bytes");
            return Err(ClientError::too_large(message));
        }
        self.parts.extend(state.locks);
        if state.more {
            return Ok(None);
        }
        let locks = std::mem::take(&mut self.parts);
        self.clear();
        Ok(Some(LockEvent::State { locks, revision }))
    }

    fn clear(&mut self) {
        self.parts.clear();
        self.parts_size_bytes = 0;
    }
}
