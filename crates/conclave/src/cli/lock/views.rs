//! Locks, those who hold them and those who wait, as reports tell them.
//!
//! Ids of sessions are numbers of 64 bits, drawn at random: programs get them as texts, because many readers
//! of JSON would round them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use conclave_client::lock::lock_mode::Mode;
use conclave_client::lock::{ForcedRelease, Holder, Lock, LockMode, Waiter};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::cli::colour::Paint;
use crate::cli::text;

/// How much of an owner's name is shown.
const OWNER_CHARS_MAX: usize = 40;

/// How a lock is held or is to be held.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(in crate::cli) struct ModeView {
    mode: &'static str,
    /// How many permits. None: it is no lock of permits.
    #[serde(skip_serializing_if = "Option::is_none")]
    permits: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity: Option<u32>,
}

impl From<Option<LockMode>> for ModeView {
    fn from(mode: Option<LockMode>) -> Self {
        let without_permits = |mode| Self { mode, permits: None, capacity: None };
        match mode.and_then(|mode| mode.mode) {
            None | Some(Mode::Exclusive(_)) => without_permits("exclusive"),
            Some(Mode::Shared(_)) => without_permits("shared"),
            Some(Mode::Permits(permits)) => Self {
                mode: "permits",
                permits: Some(permits.count.max(1)),
                capacity: Some(permits.capacity),
            },
        }
    }
}

impl ModeView {
    /// `exclusive`, or `2 of 10 permits`.
    pub(in crate::cli) fn text(&self) -> String {
        match (self.permits, self.capacity) {
            (Some(permits), Some(capacity)) => format!("{permits} of {capacity} permits"),
            _ => self.mode.into(),
        }
    }
}

/// What is told of a holder: as `value` if it is UTF-8, else as `value_base64`; never both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct BytesView(pub(in crate::cli) Bytes);

impl BytesView {
    /// The first characters; of what is no text, the size.
    pub(in crate::cli) fn preview(&self, chars_max: usize) -> String {
        text::value_preview(&self.0, chars_max)
    }
}

impl Serialize for BytesView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match std::str::from_utf8(&self.0) {
            Ok(text) => map.serialize_entry("value", text)?,
            Err(_) => map.serialize_entry("value_base64", &BASE64.encode(&self.0))?,
        }
        map.end()
    }
}

/// A grant.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(in crate::cli) struct HolderView {
    pub(in crate::cli) token: u64,
    pub(in crate::cli) session_id: String,
    #[serde(flatten)]
    pub(in crate::cli) mode: ModeView,
    pub(in crate::cli) owner: String,
    #[serde(flatten)]
    pub(in crate::cli) value: BytesView,
    pub(in crate::cli) since: String,
    pub(in crate::cli) ticket: u64,
}

impl From<Holder> for HolderView {
    fn from(holder: Holder) -> Self {
        Self {
            token: holder.token,
            session_id: holder.session_id.to_string(),
            mode: holder.mode.into(),
            owner: holder.owner,
            value: BytesView(holder.metadata),
            since: text::time(holder.since_ms),
            ticket: holder.ticket,
        }
    }
}

/// A place in a queue.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(in crate::cli) struct WaiterView {
    pub(in crate::cli) ticket: u64,
    pub(in crate::cli) session_id: String,
    #[serde(flatten)]
    pub(in crate::cli) mode: ModeView,
    pub(in crate::cli) owner: String,
    pub(in crate::cli) since: String,
}

impl From<Waiter> for WaiterView {
    fn from(waiter: Waiter) -> Self {
        Self {
            ticket: waiter.ticket,
            session_id: waiter.session_id.to_string(),
            mode: waiter.mode.into(),
            owner: waiter.owner,
            since: text::time(waiter.since_ms),
        }
    }
}

/// A release by force.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(in crate::cli) struct ForcedView {
    token: u64,
    owner: String,
    session_id: String,
    author: String,
    reason: String,
    time: String,
}

impl From<ForcedRelease> for ForcedView {
    fn from(forced: ForcedRelease) -> Self {
        Self {
            token: forced.token,
            owner: forced.owner,
            session_id: forced.session_id.to_string(),
            author: forced.author,
            reason: forced.reason,
            time: text::time(forced.time_ms),
        }
    }
}

impl ForcedView {
    /// `by ada: it hangs`.
    pub(in crate::cli) fn text(&self) -> String {
        format!("by {}: {}", owner(&self.author), text::one_line(&self.reason, usize::MAX))
    }

    /// The same, with when and from whom.
    pub(in crate::cli) fn full_text(&self) -> String {
        format!("{} from {} (token {}) {}", self.time, owner(&self.owner), self.token, self.text())
    }
}

/// A lock.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(in crate::cli) struct LockView {
    pub(in crate::cli) name: String,
    /// How many permits there are. None: it is held exclusively or shared.
    pub(in crate::cli) capacity: Option<u32>,
    pub(in crate::cli) holder_count: u64,
    pub(in crate::cli) holders: Vec<HolderView>,
    pub(in crate::cli) waiter_count: u64,
    /// Not in a list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) waiters: Vec<WaiterView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) forced_release: Option<ForcedView>,
}

impl From<Lock> for LockView {
    fn from(lock: Lock) -> Self {
        Self {
            name: lock.name,
            capacity: Some(lock.capacity).filter(|capacity| *capacity > 0),
            holder_count: lock.holder_count,
            holders: lock.holders.into_iter().map(HolderView::from).collect(),
            waiter_count: lock.waiter_count,
            waiters: lock.waiters.into_iter().map(WaiterView::from).collect(),
            forced_release: lock.forced_release.map(ForcedView::from),
        }
    }
}

impl LockView {
    pub(in crate::cli) fn heading(&self, paint: Paint) -> String {
        paint.heading(&text::one_line(&self.name, usize::MAX))
    }
}

/// An owner's name, or a dash.
pub(in crate::cli) fn owner(name: &str) -> String {
    if name.is_empty() { "-".into() } else { text::one_line(name, OWNER_CHARS_MAX) }
}

#[cfg(test)]
pub(in crate::cli) mod samples {
    //! Locks for tests.

    use conclave_client::lock::{Exclusive, Permits};

    use super::*;

    pub(in crate::cli) fn exclusive() -> Option<LockMode> {
        Some(LockMode { mode: Some(Mode::Exclusive(Exclusive {})) })
    }

    pub(in crate::cli) fn permits(count: u32, capacity: u32) -> Option<LockMode> {
        Some(LockMode { mode: Some(Mode::Permits(Permits { count, capacity })) })
    }

    pub(in crate::cli) fn holder(token: u64, owner: &str) -> Holder {
        let mode = exclusive();
        Holder { session_id: u64::MAX, token, mode, owner: owner.into(), ..Holder::default() }
    }

    pub(in crate::cli) fn waiter(ticket: u64, owner: &str) -> Waiter {
        let mode = exclusive();
        Waiter { session_id: 7, ticket, mode, owner: owner.into(), since_ms: 1_000 }
    }

    pub(in crate::cli) fn forced() -> ForcedRelease {
        ForcedRelease {
            token: 9,
            owner: "worker-1".into(),
            session_id: 7,
            author: "ada".into(),
            reason: "it hangs".into(),
            time_ms: 0,
        }
    }

    pub(in crate::cli) fn lock(name: &str, holders: Vec<Holder>, waiters: Vec<Waiter>) -> Lock {
        Lock {
            name: name.into(),
            holder_count: holders.len() as u64,
            waiter_count: waiters.len() as u64,
            holders,
            waiters,
            ..Lock::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{forced, holder, lock, permits, waiter};
    use super::*;

    #[test]
    fn programs_get_session_ids_as_texts_and_values_as_they_are() {
        let mut grant = holder(17, "worker-7");
        grant.metadata = b"node-a".to_vec().into();
        let json = serde_json::to_value(HolderView::from(grant.clone())).expect("plain data");
        assert_eq!(
            (json["token"].as_u64(), json["session_id"].as_str()),
            (Some(17), Some("18446744073709551615"))
        );
        assert_eq!((json["mode"].as_str(), json["value"].as_str()), (Some("exclusive"), Some("node-a")));
        assert_eq!(json.get("permits"), None);
        grant.metadata = vec![0xff].into();
        let json = serde_json::to_value(HolderView::from(grant)).expect("plain data");
        assert_eq!((json.get("value"), json["value_base64"].as_str()), (None, Some("/w==")));
    }

    #[test]
    fn permits_are_told_with_their_capacity() {
        let view = ModeView::from(permits(2, 10));
        assert_eq!(view.text(), "2 of 10 permits");
        let json = serde_json::to_value(view).expect("plain data");
        assert_eq!((json["permits"].as_u64(), json["capacity"].as_u64()), (Some(2), Some(10)));
        assert_eq!(ModeView::from(permits(0, 3)).text(), "1 of 3 permits");
        assert_eq!(ModeView::from(None).text(), "exclusive");
    }

    #[test]
    fn a_lock_is_one_object() {
        let view = LockView::from(lock("a", vec![holder(1, "x")], vec![waiter(2, "y")]));
        let json = serde_json::to_value(view).expect("plain data");
        assert_eq!((json["name"].as_str(), json["holders"][0]["token"].as_u64()), (Some("a"), Some(1)));
        assert_eq!(json["waiters"][0]["ticket"].as_u64(), Some(2));
        assert!(json["capacity"].is_null());
    }

    #[test]
    fn a_release_by_force_says_who_and_why() {
        let expected = "1970-01-01T00:00:00.000Z from worker-1 (token 9) by ada: it hangs";
        assert_eq!(ForcedView::from(forced()).full_text(), expected);
    }
}
