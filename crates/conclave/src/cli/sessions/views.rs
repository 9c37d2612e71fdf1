//! Sessions, as reports tell them. Programs get the id as a text: it is a number of 64 bits, and many readers of
//! JSON would round it.

use std::collections::BTreeMap;

use conclave_client::lock::Session;
use serde::Serialize;

use crate::cli::text;

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct SessionView {
    pub(super) id: String,
    pub(super) owner: String,
    pub(super) ttl_ms: u64,
    pub(super) remaining_ms: u64,
    pub(super) opened: String,
    /// How many locks it holds or waits for, each as often as it does.
    pub(super) tickets: u64,
    pub(super) metadata: BTreeMap<String, String>,
}

impl From<Session> for SessionView {
    fn from(session: Session) -> Self {
        Self {
            id: session.id.to_string(),
            owner: session.owner,
            ttl_ms: session.ttl_ms,
            remaining_ms: session.remaining_ms,
            opened: text::time(session.opened_ms),
            tickets: session.tickets,
            metadata: session.metadata.into_iter().collect(),
        }
    }
}

/// Milliseconds as seconds, to the tenth: `14.9s`.
pub(super) fn seconds(milliseconds: u64) -> String {
    match milliseconds {
        ..60_000 => format!("{}.{}s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        _ => text::duration(milliseconds / 1_000),
    }
}

#[cfg(test)]
pub(super) fn sample() -> SessionView {
    let session = Session {
        id: u64::MAX,
        ttl_ms: 15_000,
        remaining_ms: 14_980,
        owner: "worker-7".into(),
        metadata: [("pid".to_owned(), "42".to_owned())].into(),
        opened_ms: 0,
        tickets: 1_002,
    };
    session.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_get_the_id_as_a_text() {
        let json = serde_json::to_value(sample()).expect("plain data");
        assert_eq!(
            (json["id"].as_str(), json["ttl_ms"].as_u64()),
            (Some("18446744073709551615"), Some(15_000))
        );
        assert_eq!(json["metadata"]["pid"], "42");
    }

    #[test]
    fn short_times_are_told_to_the_tenth() {
        assert_eq!([0, 14_980, 90_000].map(seconds), ["0.0s", "14.9s", "1m 30s"].map(str::to_owned));
    }
}
