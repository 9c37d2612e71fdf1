//! The one error of this crate: why a call failed, as data that programs can act on.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use tonic::{Code, ConnectError, Status, TimeoutExpired};
use tonic_types::StatusExt;

/// Reasons that a node gives, and those that the client adds. They are stable.
pub mod reason {
    /// A field of the request breaks a rule; the field violations say which.
    pub const INVALID_ARGUMENT: &str = "invalid-argument";
    /// There is no such namespace, or no longer.
    pub const NAMESPACE_NOT_FOUND: &str = "namespace-not-found";
    /// A namespace of that name is there already.
    pub const NAMESPACE_EXISTS: &str = "namespace-exists";
    /// The namespace has no such key.
    pub const KEY_NOT_FOUND: &str = "key-not-found";
    /// The namespace has no such version.
    pub const VERSION_NOT_FOUND: &str = "version-not-found";
    /// The store has no such revision yet.
    pub const REVISION_NOT_FOUND: &str = "revision-not-found";
    /// The namespace is at another version than expected.
    pub const VERSION_MISMATCH: &str = "version-mismatch";
    /// The item is at another revision than expected.
    pub const ITEM_REVISION_MISMATCH: &str = "item-revision-mismatch";
    /// The request id was used for something else before.
    pub const REQUEST_ID_REUSED: &str = "request-id-reused";
    /// No leader is known to the node that answered.
    pub const NO_LEADER: &str = "no-leader";
    /// The write may have taken place or not.
    pub const OUTCOME_UNKNOWN: &str = "outcome-unknown";
    /// The node has too much to do.
    pub const OVERLOADED: &str = "overloaded";
    /// The leader has hardly any room on its disk. Nothing was changed.
    pub const NO_SPACE: &str = "no-space";
    /// The node is about to stop.
    pub const SHUTTING_DOWN: &str = "shutting-down";
    /// The node has started and still replays its log.
    pub const RECOVERING: &str = "recovering";
    /// What the node has applied is not what most others have.
    pub const CORRUPT: &str = "corrupt";
    /// The deadline passed.
    pub const DEADLINE_EXCEEDED: &str = "deadline-exceeded";
    /// The node stopped itself.
    pub const NODE_FAILED: &str = "node-failed";
    /// The page token is not one that a node made.
    pub const PAGE_TOKEN_INVALID: &str = "page-token-invalid";
    /// The version is no longer kept.
    pub const VERSION_DROPPED: &str = "version-dropped";
    /// What the namespace held at the revision is no longer kept.
    pub const REVISION_DROPPED: &str = "revision-dropped";
    /// Nothing was committed by that time, or what was is no longer kept.
    pub const NO_VERSION_THEN: &str = "no-version-then";
    /// The namespace has no such tag.
    pub const TAG_NOT_FOUND: &str = "tag-not-found";
    /// The tag names another version.
    pub const TAG_EXISTS: &str = "tag-exists";
    /// There is no such snapshot.
    pub const SNAPSHOT_NOT_FOUND: &str = "snapshot-not-found";
    /// A snapshot of this name exists already.
    pub const SNAPSHOT_EXISTS: &str = "snapshot-exists";
    /// The namespace is not in the snapshot.
    pub const NOT_IN_SNAPSHOT: &str = "not-in-snapshot";
    /// More than the quota allows would be used.
    pub const QUOTA_EXCEEDED: &str = "quota-exceeded";
    /// More would change in one commit than may.
    pub const CHANGE_TOO_LARGE: &str = "change-too-large";
    /// Another change of the members is under way.
    pub const CHANGE_UNDER_WAY: &str = "change-under-way";
    /// There is no such member.
    pub const MEMBER_NOT_FOUND: &str = "member-not-found";
    /// The voters that would be left and are well are no majority.
    pub const QUORUM_LOSS: &str = "quorum-loss";
    /// There is no such session, or no more.
    pub const SESSION_NOT_FOUND: &str = "session-not-found";
    /// There are as many sessions as there may be.
    pub const SESSIONS_FULL: &str = "sessions-full";
    /// Nobody holds the lock or waits for it, or nobody leads.
    pub const LOCK_NOT_FOUND: &str = "lock-not-found";
    /// The lock cannot be had now.
    pub const LOCK_HELD: &str = "lock-held";
    /// The lock could not be had in the time that the request gave.
    pub const LOCK_WAIT_OVER: &str = "lock-wait-over";
    /// As many wait for the lock as may.
    pub const LOCK_QUEUE_FULL: &str = "lock-queue-full";
    /// As many hold the lock as may.
    pub const LOCK_HOLDERS_FULL: &str = "lock-holders-full";
    /// The session holds or waits for as many locks as it may.
    pub const SESSION_TICKETS_FULL: &str = "session-tickets-full";
    /// The lock has another number of permits.
    pub const LOCK_CAPACITY_MISMATCH: &str = "lock-capacity-mismatch";
    /// The lock is one with permits, or is one without.
    pub const LOCK_KIND_MISMATCH: &str = "lock-kind-mismatch";
    /// The session holds the lock shared and asks for it exclusively, or the other way round.
    pub const LOCK_MODE_CHANGE: &str = "lock-mode-change";
    /// The session does not hold the lock, or not with this token.
    pub const LOCK_NOT_HELD: &str = "lock-not-held";
    /// A change depends on a lock that is not held with the token.
    pub const LOCK_TOKEN_MISMATCH: &str = "lock-token-mismatch";
    /// The request id is that of another ticket.
    pub const ACQUIRE_ID_REUSED: &str = "acquire-id-reused";
    /// Made by the client: the session is lost, or may be.
    pub const SESSION_LOST: &str = "session-lost";
    /// Made by the client: the node cannot be reached, or the connection to it broke.
    pub const UNREACHABLE: &str = "unreachable";
    /// Made by the client: a watch stream broke the protocol or went silent.
    pub const STREAM_BROKEN: &str = "stream-broken";
    /// Made by the client: an event of a watch exceeds the bound that the options set.
    pub const EVENT_TOO_LARGE: &str = "event-too-large";
    /// Made by the client: an option cannot be used.
    pub const INVALID_OPTIONS: &str = "invalid-options";
}

/// A field of the request that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// Path of the field, as in `namespaces[0].edits[3].key`.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

/// Why a call failed.
#[derive(Debug, Clone, thiserror::Error)]
pub struct ClientError {
    inner: Box<Inner>,
}

#[derive(Debug, Clone)]
struct Inner {
    code: Code,
    reason: String,
    message: String,
    field_violations: Vec<FieldViolation>,
    metadata: BTreeMap<String, String>,
    retry_after: Option<Duration>,
    origin: Origin,
    endpoint: String,
    request_id: Option<String>,
}

/// How far a failed attempt came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It never left this process.
    NotSent,
    /// A node answered with it.
    Answer,
    /// It was sent, and the answer never came.
    Lost,
}

impl ClientError {
    /// Status code, as gRPC defines them.
    pub fn code(&self) -> Code {
        self.inner.code
    }

    /// Stable reason in kebab-case, one of [`reason`]; empty if whoever answered gave none.
    pub fn reason(&self) -> &str {
        &self.inner.reason
    }

    /// What was wrong, for people.
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// The fields of the request that break a rule.
    pub fn field_violations(&self) -> &[FieldViolation] {
        &self.inner.field_violations
    }

    /// Details by name, such as `expected` and `found` of a failed precondition.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.inner.metadata
    }

    /// When the node wants to be asked again, if it said so.
    pub fn retry_after(&self) -> Option<Duration> {
        self.inner.retry_after
    }

    /// The node that answered, or that could not be reached. Empty if none was asked.
    pub fn endpoint(&self) -> &str {
        &self.inner.endpoint
    }

    /// The request id of the write that failed. The same write under the same id settles an
    /// unknown outcome.
    pub fn request_id(&self) -> Option<&str> {
        self.inner.request_id.as_deref()
    }

    /// Whether the call was a write that may have taken place or not.
    pub fn is_outcome_unknown(&self) -> bool {
        self.inner.reason == reason::OUTCOME_UNKNOWN
    }

    /// Whether a lock could not be had because others hold it, now or in the time that the request gave.
    pub fn is_lock_busy(&self) -> bool {
        [reason::LOCK_HELD, reason::LOCK_WAIT_OVER].contains(&self.reason())
    }

    pub(crate) fn local(code: Code, reason: &str, message: impl Into<String>) -> Self {
        Self::new(code, reason, message.into(), Origin::NotSent)
    }

    /// An attempt that its node did not answer in time.
    pub(crate) fn no_answer(after: Duration) -> Self {
        let message = format!("no answer within {} ms", after.as_millis());
        Self::new(Code::DeadlineExceeded, reason::DEADLINE_EXCEEDED, message, Origin::Lost)
    }

    pub(crate) fn too_large(message: String) -> Self {
        Self::new(Code::OutOfRange, reason::EVENT_TOO_LARGE, message, Origin::Lost)
    }

    pub(crate) fn stream_broken(message: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, reason::STREAM_BROKEN, message.into(), Origin::Lost)
    }

    /// Reads a status: from a node if it has no local cause, else made here by the transport.
    pub(crate) fn from_status(status: &Status) -> Self {
        if has_cause::<ConnectError>(status) {
            return Self::transport(status, Origin::NotSent);
        }
        if has_cause::<TimeoutExpired>(status) {
            let message = "the node did not answer in time".into();
            return Self::new(Code::DeadlineExceeded, reason::DEADLINE_EXCEEDED, message, Origin::Lost);
        }
        // Conclave never answers UNKNOWN: it is the transport's word for a connection that broke.
        if status.source().is_some() || status.code() == Code::Unknown {
            return Self::transport(status, Origin::Lost);
        }
        Self::answer(status)
    }

    fn transport(status: &Status, origin: Origin) -> Self {
        let root = root_cause(status);
        let message = match origin {
            Origin::NotSent => format!("cannot connect: {root}"),
            Origin::Lost | Origin::Answer => format!("the connection broke: {root}"),
        };
        Self::new(Code::Unavailable, reason::UNREACHABLE, message, origin)
    }

    fn answer(status: &Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info();
        let reason = info.map_or("", |info| info.reason.as_str());
        let mut error = Self::new(status.code(), reason, told(status), Origin::Answer);
        error.inner.metadata =
            info.map(|info| info.metadata.clone().into_iter().collect()).unwrap_or_default();
        error.inner.retry_after = details.retry_info().and_then(|info| info.retry_delay);
        error.inner.field_violations = details.bad_request().map(violations).unwrap_or_default();
        error
    }

    fn new(code: Code, reason: &str, message: String, origin: Origin) -> Self {
        let inner = Inner {
            code,
            reason: reason.into(),
            message,
            field_violations: Vec::new(),
            metadata: BTreeMap::new(),
            retry_after: None,
            origin,
            endpoint: String::new(),
            request_id: None,
        };
        Self { inner: Box::new(inner) }
    }

    pub(crate) fn at(mut self, endpoint: &str) -> Self {
        self.inner.endpoint = endpoint.into();
        self
    }

    pub(crate) fn under(mut self, request_id: &str) -> Self {
        self.inner.request_id = Some(request_id.into());
        self
    }

    /// The same failure, of a write of which it is not known whether it took place.
    pub(crate) fn into_outcome_unknown(mut self) -> Self {
        if !self.is_outcome_unknown() {
            self.inner.message =
                format!("it is not known whether the write took place: {}", self.inner.message);
            self.inner.reason = reason::OUTCOME_UNKNOWN.into();
        }
        self
    }

    /// Whether the same call may succeed later, or at another node.
    pub(crate) fn is_transient(&self) -> bool {
        match self.inner.code {
            Code::Unavailable | Code::DeadlineExceeded => true,
            Code::ResourceExhausted => self.inner.retry_after.is_some(),
            _ => false,
        }
    }

    /// Whether a write that failed like this may have taken place.
    pub(crate) fn leaves_write_open(&self) -> bool {
        match self.inner.origin {
            Origin::NotSent => false,
            Origin::Lost => true,
            Origin::Answer => self.is_transient() && !self.refuses(),
        }
    }

    /// Whether a node answered with it.
    pub(crate) fn is_answer(&self) -> bool {
        self.inner.origin == Origin::Answer
    }

    /// Whether a node refused the call for good, and said why.
    pub(crate) fn is_refusal(&self) -> bool {
        self.is_answer() && !self.is_transient() && !self.reason().is_empty()
    }

    /// Whether it never left this process.
    pub(crate) fn is_not_sent(&self) -> bool {
        self.inner.origin == Origin::NotSent
    }

    /// Whether a node said that it changed nothing. With a reason of its own RESOURCE_EXHAUSTED says so always: there
    /// is too little of something to begin, or a quota forbids it. UNAVAILABLE says so with some reasons.
    fn refuses(&self) -> bool {
        const REFUSALS: [&str; 4] =
            [reason::NO_LEADER, reason::RECOVERING, reason::CORRUPT, reason::SHUTTING_DOWN];
        match self.inner.code {
            Code::ResourceExhausted => !self.reason().is_empty(),
            _ => REFUSALS.contains(&self.reason()),
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.message)?;
        if !self.inner.endpoint.is_empty() && self.inner.origin != Origin::Answer {
            write!(f, " ({})", self.inner.endpoint)?;
        }
        Ok(())
    }
}

/// The message of a status. Conclave's statuses have one; those of others, and of a port that is no client's, may not.
fn told(status: &Status) -> String {
    match (status.message(), status.code()) {
        ("", Code::Unimplemented) => {
            "the node does not know this call (UNIMPLEMENTED): is this its port for clients?".into()
        }
        ("", code) => format!("the node answered with the status {code:?} and no message: {code}"),
        (message, _) => message.into(),
    }
}

fn violations(bad_request: &tonic_types::BadRequest) -> Vec<FieldViolation> {
    let violation = |violation: &tonic_types::FieldViolation| FieldViolation {
        field: violation.field.clone(),
        description: violation.description.clone(),
    };
    bad_request.field_violations.iter().map(violation).collect()
}

fn causes(status: &Status) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(status.source(), |&error| error.source())
}

fn has_cause<E: Error + 'static>(status: &Status) -> bool {
    causes(status).any(|cause| cause.is::<E>())
}

fn root_cause(status: &Status) -> String {
    causes(status).last().map_or_else(|| status.message().to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::{ErrorDetails, StatusExt};

    fn answered(code: Code, reason: &str) -> ClientError {
        let details = ErrorDetails::with_error_info(reason, "conclave", [("found".into(), "8".into())]);
        ClientError::from_status(&Status::with_error_details(code, "no", details))
    }

    #[test]
    fn details_are_decoded() {
        let mut details = ErrorDetails::new();
        details.set_error_info("invalid-argument", "conclave", [("limit".to_owned(), "512".to_owned())]);
        details.add_bad_request_violation("key", "too long");
        details.set_retry_info(Some(Duration::from_millis(70)));
        let error =
            ClientError::from_status(&Status::with_error_details(Code::InvalidArgument, "bad key", details));

        assert_eq!(error.code(), Code::InvalidArgument);
        assert_eq!(error.reason(), reason::INVALID_ARGUMENT);
        assert_eq!(error.message(), "bad key");
        assert_eq!(error.metadata().get("limit").map(String::as_str), Some("512"));
        assert_eq!(error.retry_after(), Some(Duration::from_millis(70)));
        let expected = FieldViolation { field: "key".into(), description: "too long".into() };
        assert_eq!(error.field_violations(), [expected]);
        assert!(!error.is_transient());
    }

    #[test]
    fn only_what_a_node_refused_is_surely_not_done() {
        assert!(!answered(Code::Unavailable, reason::NO_LEADER).leaves_write_open());
        assert!(answered(Code::Unavailable, reason::OUTCOME_UNKNOWN).leaves_write_open());
        assert!(answered(Code::Unavailable, "").leaves_write_open());
        assert!(answered(Code::DeadlineExceeded, reason::DEADLINE_EXCEEDED).leaves_write_open());
        assert!(!answered(Code::FailedPrecondition, reason::VERSION_MISMATCH).leaves_write_open());
        assert!(ClientError::no_answer(Duration::from_secs(1)).leaves_write_open());
    }

    #[test]
    fn what_is_refused_for_want_of_something_changed_nothing() {
        let answered = |reason: &str| {
            let mut details = ErrorDetails::with_error_info(reason, "conclave", []);
            details.set_retry_info(Some(Duration::from_secs(9)));
            ClientError::from_status(&Status::with_error_details(Code::ResourceExhausted, "no", details))
        };
        let reasons = [reason::QUOTA_EXCEEDED, reason::OVERLOADED, reason::NO_SPACE, "made-up-later"];
        for reason in reasons {
            assert!(answered(reason).is_transient() && !answered(reason).leaves_write_open(), "{reason}");
        }
        assert!(answered("").leaves_write_open(), "whoever said that is no node");
    }

    #[test]
    fn a_status_without_a_message_is_told_by_its_code() {
        for (code, expected) in [(Code::Unimplemented, "UNIMPLEMENTED"), (Code::Internal, "Internal")] {
            let error = ClientError::from_status(&Status::new(code, ""));
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn an_unknown_outcome_keeps_the_code_and_says_why() {
        let error = ClientError::no_answer(Duration::from_secs(1)).into_outcome_unknown();
        assert!(error.is_outcome_unknown());
        assert_eq!(error.code(), Code::DeadlineExceeded);
        assert!(error.message().ends_with("no answer within 1000 ms"), "{error}");
        assert_eq!(error.clone().into_outcome_unknown().message(), error.message());
    }
}
