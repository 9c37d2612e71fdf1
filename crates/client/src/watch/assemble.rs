//! Puts the messages of a stream together to whole events.
//!
//! A version or a reset that exceeds what fits one message comes in several, all but the last marked
//! `more`. They follow each other without anything between; whatever else arrives is a broken stream. But a
//! reset may be begun anew at a newer revision, when the node no longer keeps what it was reading.

use conclave_proto::config::v1::{WatchReset, WatchResponse, WatchVersion, watch_response::Event};
use prost::Message as _;

use super::{NamespaceState, Reset, VersionChange};
use crate::error::ClientError;

/// A whole event, as a node told it.
#[derive(Debug)]
pub(super) enum Whole {
    Version(VersionChange),
    Reset(Reset),
    Heartbeat(u64),
}

/// What has arrived of an event that is not whole yet.
#[derive(Debug)]
enum Part {
    Version(VersionChange),
    Reset(Reset),
}

/// The assembly of one stream; a new stream starts a new one.
#[derive(Debug)]
pub(super) struct Assembly {
    part: Option<Part>,
    size_bytes: usize,
    size_bytes_max: usize,
}

impl Assembly {
    pub(super) fn new(size_bytes_max: usize) -> Self {
        Self { part: None, size_bytes: 0, size_bytes_max }
    }

    /// Takes one message; tells the event that it completes.
    pub(super) fn take(&mut self, message: WatchResponse) -> Result<Option<Whole>, ClientError> {
        if self.begins_anew(&message) {
            self.part = None;
            self.size_bytes = 0;
        }
        self.size_bytes += message.encoded_len();
        if self.size_bytes > self.size_bytes_max {
            let limit = self.size_bytes_max;
            return Err(ClientError::too_large(format!("an event of the watch exceeds {limit} bytes")));
        }
        let whole = match message.event {
            Some(Event::Version(chunk)) => self.version(chunk)?,
            Some(Event::Reset(chunk)) => self.reset(chunk)?,
            Some(Event::Heartbeat(beat)) if self.part.is_none() => Some(Whole::Heartbeat(beat.revision)),
            Some(Event::Heartbeat(_)) => {
                return Err(broken("a heartbeat came between the parts of an event"));
            }
            None => return Err(broken("a message carries no event that this client knows")),
        };
        if self.part.is_none() {
            self.size_bytes = 0;
        }
        Ok(whole)
    }

    /// Whether a reset takes the place of one that is not whole yet.
    fn begins_anew(&self, message: &WatchResponse) -> bool {
        match (&self.part, &message.event) {
            (Some(Part::Reset(begun)), Some(Event::Reset(chunk))) => begun.revision < chunk.revision,
            _ => false,
        }
    }

    fn version(&mut self, chunk: WatchVersion) -> Result<Option<Whole>, ClientError> {
        let version = chunk.version.ok_or_else(|| broken("a version came without its number"))?;
        let event = match self.part.take() {
            None => VersionChange { namespace: chunk.namespace, version, changes: chunk.changes },
            Some(Part::Version(mut begun))
                if begun.namespace == chunk.namespace && begun.version.version == version.version =>
            {
                begun.changes.extend(chunk.changes);
                begun
            }
            Some(_) => return Err(broken("another version came between the parts of an event")),
        };
        if chunk.more {
            self.part = Some(Part::Version(event));
            return Ok(None);
        }
        Ok(Some(Whole::Version(event)))
    }

    fn reset(&mut self, chunk: WatchReset) -> Result<Option<Whole>, ClientError> {
        let mut reset = match self.part.take() {
            None => Reset { revision: chunk.revision, namespaces: Vec::new() },
            Some(Part::Reset(begun)) if begun.revision == chunk.revision => begun,
            Some(_) => return Err(broken("a reset came between the parts of an event")),
        };
        let more = chunk.more;
        add(&mut reset, chunk);
        if more {
            self.part = Some(Part::Reset(reset));
            return Ok(None);
        }
        Ok(Some(Whole::Reset(reset)))
    }
}

fn add(reset: &mut Reset, chunk: WatchReset) {
    match reset.namespaces.last_mut() {
        Some(state) if state.namespace == chunk.namespace => state.items.extend(chunk.items),
        _ => reset.namespaces.push(NamespaceState {
            namespace: chunk.namespace,
            version: chunk.version,
            deleted: chunk.deleted,
            items: chunk.items,
        }),
    }
}

fn broken(message: &str) -> ClientError {
    ClientError::stream_broken(format!("the watch stream is broken: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use conclave_proto::config::v1::{Item, ItemChange, Version, WatchHeartbeat};

    fn version(number: u64, key: &str, more: bool) -> WatchResponse {
        let chunk = WatchVersion {
            namespace: "a".into(),
            version: Some(Version { version: number, ..Default::default() }),
            changes: vec![ItemChange { key: key.into(), ..Default::default() }],
            more,
        };
        WatchResponse { event: Some(Event::Version(chunk)) }
    }

    fn reset(namespace: &str, key: &str, more: bool) -> WatchResponse {
        reset_at(5, namespace, key, more)
    }

    fn reset_at(revision: u64, namespace: &str, key: &str, more: bool) -> WatchResponse {
        let items = vec![Item { key: key.into(), ..Default::default() }];
        let chunk = WatchReset { namespace: namespace.into(), revision, items, more, ..Default::default() };
        WatchResponse { event: Some(Event::Reset(chunk)) }
    }

    fn heartbeat() -> WatchResponse {
        WatchResponse { event: Some(Event::Heartbeat(WatchHeartbeat { revision: 9 })) }
    }

    #[test]
    fn chunks_of_a_version_become_one_event() {
        let mut assembly = Assembly::new(1_000);
        assert!(assembly.take(version(1, "x", true)).expect("a first part").is_none());
        let Ok(Some(Whole::Version(event))) = assembly.take(version(1, "y", false)) else {
            panic!("no event")
        };
        let keys: Vec<_> = event.changes.iter().map(|change| change.key.as_str()).collect();
        assert_eq!(keys, ["x", "y"]);
    }

    #[test]
    fn a_reset_spans_messages_and_namespaces() {
        let mut assembly = Assembly::new(1_000);
        assert!(assembly.take(reset("a", "x", true)).expect("a first part").is_none());
        assert!(assembly.take(reset("a", "y", true)).expect("a second part").is_none());
        let Ok(Some(Whole::Reset(event))) = assembly.take(reset("b", "z", false)) else { panic!("no event") };
        let counts: Vec<_> =
            event.namespaces.iter().map(|state| (state.namespace.as_str(), state.items.len())).collect();
        assert_eq!(counts, [("a", 2), ("b", 1)]);
    }

    #[test]
    fn a_reset_that_begins_anew_makes_void_what_came_of_it() {
        let mut assembly = Assembly::new(40);
        for revision in 5..10 {
            let part = reset_at(revision, "a", "0123456789", true);
            assert!(assembly.take(part).expect("another first part").is_none());
        }
        let Ok(Some(Whole::Reset(event))) = assembly.take(reset_at(10, "a", "x", false)) else {
            panic!("no event")
        };
        let keys: Vec<_> = event.namespaces[0].items.iter().map(|item| item.key.as_str()).collect();
        assert_eq!((event.revision, event.namespaces.len(), keys), (10, 1, vec!["x"]));

        assembly.take(reset_at(12, "a", "x", true)).expect("a first part");
        let error = assembly.take(reset_at(11, "a", "x", true)).expect_err("revisions never go back");
        assert_eq!(error.reason(), crate::reason::STREAM_BROKEN);
    }

    #[test]
    fn whatever_comes_between_parts_breaks_the_stream() {
        for intruder in
            [heartbeat(), version(2, "x", false), reset("a", "x", false), WatchResponse::default()]
        {
            let mut assembly = Assembly::new(1_000);
            assembly.take(version(1, "x", true)).expect("a first part");
            let error = assembly.take(intruder).expect_err("an intruder");
            assert_eq!(error.reason(), crate::reason::STREAM_BROKEN);
        }
    }

    #[test]
    fn the_bound_is_per_event() {
        let mut assembly = Assembly::new(40);
        for number in 0..10 {
            assembly.take(version(number, "x", false)).expect("a small event");
        }
        assembly.take(version(1, "0123456789", true)).expect("a first part");
        let error = assembly.take(version(1, "0123456789", true)).expect_err("too large");
        assert_eq!(error.code(), tonic::Code::OutOfRange);
    }
}
