//! The requests that ask for a lock, or stand for election.

use bytes::Bytes;
use conclave_core::lock::{Acquire, Mode, Wait};
use conclave_door::{Limits, Refusal};
use conclave_proto::lock::v1 as wire;

use crate::fields::Fields;

/// A lock that was asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) acquire: Acquire,
    /// How long to wait at most, in milliseconds; none: as long as the session lives.
    pub(crate) wait_ms: Option<u64>,
    /// Whether the caller may ask again, and find the ticket that it asked for before.
    pub(crate) may_be_retried: bool,
}

/// What all these requests have.
struct Asking {
    name: String,
    session_id: u64,
    mode: Option<wire::LockMode>,
    wait_ms: Option<u64>,
    owner: String,
    /// What is told of the holder, and the field that it is in.
    metadata: (&'static str, Bytes),
    request_id: String,
}

pub(crate) fn acquire(request: wire::AcquireRequest, limits: &Limits) -> Result<Asked, Refusal> {
    let wire::AcquireRequest { name, session_id, mode, wait_ms, owner, metadata, request_id } = request;
    let metadata = ("metadata", metadata);
    asked(Asking { name, session_id, mode, wait_ms, owner, metadata, request_id }, limits)
}

pub(crate) fn try_acquire(request: wire::TryAcquireRequest, limits: &Limits) -> Result<Asked, Refusal> {
    let wire::TryAcquireRequest { name, session_id, mode, owner, metadata, request_id } = request;
    let metadata = ("metadata", metadata);
    asked(Asking { name, session_id, mode, wait_ms: Some(0), owner, metadata, request_id }, limits)
}

pub(crate) fn campaign(request: wire::CampaignRequest, limits: &Limits) -> Result<Asked, Refusal> {
    let wire::CampaignRequest { name, session_id, value, wait_ms, owner, request_id } = request;
    let metadata = ("value", value);
    asked(Asking { name, session_id, mode: None, wait_ms, owner, metadata, request_id }, limits)
}

fn asked(asking: Asking, limits: &Limits) -> Result<Asked, Refusal> {
    let Asking { name, session_id, mode, wait_ms, owner, metadata: (field, metadata), request_id } = asking;
    let mut fields = Fields::new(limits);
    let name = fields.lock_name("name", &name);
    let session = fields.session("session_id", session_id);
    let mode = self::mode(&mut fields, mode);
    fields.size("owner", owner.len(), Limits::LOCK_OWNER_SIZE_BYTES_MAX);
    fields.size(field, metadata.len(), Limits::LOCK_METADATA_SIZE_BYTES_MAX);
    let may_be_retried = !request_id.is_empty();
    let request_id = fields.request_id("request_id", request_id);
    let wait = match wait_ms {
        None => Wait::Forever,
        Some(0) => Wait::None,
        Some(wait_ms) => Wait::UpTo(wait_ms),
    };
    let read = name.zip(session).zip(request_id).map(|((name, session), request_id)| {
        let call = rand::random();
        let acquire = Acquire { name, session, mode, wait, owner, metadata, request_id, call };
        Asked { acquire, wait_ms, may_be_retried }
    });
    fields.finish(read)
}

fn mode(fields: &mut Fields<'_>, mode: Option<wire::LockMode>) -> Mode {
    let permits = match mode.and_then(|mode| mode.mode) {
        None | Some(wire::lock_mode::Mode::Exclusive(wire::Exclusive {})) => return Mode::Exclusive,
        Some(wire::lock_mode::Mode::Shared(wire::Shared {})) => return Mode::Shared,
        Some(wire::lock_mode::Mode::Permits(permits)) => permits,
    };
    let (count, capacity, most) = (permits.count.max(1), permits.capacity, Limits::LOCK_CAPACITY_MAX);
    if !(1..=most).contains(&capacity) {
        fields.refuse("mode.permits.capacity", format_args!("it is {capacity}: give 1 to {most}"));
    } else if count > capacity {
        let what = format_args!("they are {count}, of which there are {capacity}: ask for fewer");
        fields.refuse("mode.permits.count", what);
    }
    Mode::Permits { count, capacity }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::tests::told;

    fn permits(count: u32, capacity: u32) -> Option<wire::LockMode> {
        let permits = wire::lock_mode::Mode::Permits(wire::Permits { count, capacity });
        Some(wire::LockMode { mode: Some(permits) })
    }

    fn request() -> wire::AcquireRequest {
        wire::AcquireRequest { name: "orders/42".into(), session_id: 9, ..Default::default() }
    }

    #[test]
    fn what_is_unset_has_a_meaning() {
        let limits = Limits::default();
        let asked = acquire(request(), &limits).unwrap();
        assert_eq!((asked.acquire.mode, asked.acquire.wait), (Mode::Exclusive, Wait::Forever));
        assert!(!asked.may_be_retried);
        let again = acquire(request(), &limits).unwrap();
        assert_ne!(asked.acquire.request_id, again.acquire.request_id);
        assert_ne!(asked.acquire.call, again.acquire.call);

        let with = wire::AcquireRequest {
            wait_ms: Some(0),
            mode: permits(0, 3),
            request_id: "id-1".into(),
            ..request()
        };
        let asked = acquire(with, &limits).unwrap();
        assert_eq!(asked.acquire.mode, Mode::Permits { count: 1, capacity: 3 });
        assert_eq!((asked.acquire.wait, asked.may_be_retried), (Wait::None, true));
        let with = wire::AcquireRequest { wait_ms: Some(7), ..request() };
        assert_eq!(acquire(with, &limits).unwrap().acquire.wait, Wait::UpTo(7));
    }

    #[test]
    fn a_candidate_asks_for_the_lock_of_the_election() {
        let campaign = wire::CampaignRequest {
            name: "scheduler".into(),
            session_id: 9,
            value: "node-a".into(),
            owner: "ann".into(),
            ..Default::default()
        };
        let Acquire { name, mode, metadata, owner, .. } =
            super::campaign(campaign, &Limits::default()).unwrap().acquire;
        assert_eq!((name.as_str(), mode, owner.as_str()), ("scheduler", Mode::Exclusive, "ann"));
        assert_eq!(metadata, "node-a");
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let bad = wire::AcquireRequest {
            name: "a//b".into(),
            session_id: 0,
            mode: permits(4, 3),
            owner: "o".repeat(257),
            metadata: vec![b'm'; 4_097].into(),
            request_id: "a b".into(),
            wait_ms: None,
        };
        assert_eq!(
            told(acquire(bad, &Limits::default())),
            [
                "name: its segment 2 is \"\": join segments by one '/', none of them empty, \".\" or \"..\"",
                "session_id: it is 0: open a session, and give its id",
                "mode.permits.count: they are 4, of which there are 3: ask for fewer",
                "owner: it takes 257 bytes, of which 256 are allowed: shorten it",
                "metadata: it takes 4097 bytes, of which 4096 are allowed: shorten it",
                "request_id: it holds ' ' at byte 1: use only printable ASCII characters without spaces",
            ]
        );
        for capacity in [0, 1_000_001] {
            let bad = wire::AcquireRequest { mode: permits(1, capacity), ..request() };
            let what = format!("mode.permits.capacity: it is {capacity}: give 1 to 1000000");
            assert_eq!(told(acquire(bad, &Limits::default())), [what]);
        }
        let bad = wire::CampaignRequest {
            name: "a".into(),
            session_id: 1,
            value: vec![b'v'; 4_097].into(),
            ..Default::default()
        };
        assert_eq!(
            told(campaign(bad, &Limits::default())),
            ["value: it takes 4097 bytes, of which 4096 are allowed: shorten it"]
        );
    }
}
