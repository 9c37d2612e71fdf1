//! The error table: what each refusal is on the wire. The one place that makes a status.
//!
//! A status carries `google.rpc.ErrorInfo` (domain `conclave`, a stable reason, details by name), and where
//! it applies `BadRequest` (which fields) and `RetryInfo` (when to try again). docs/api.md lists them all.

use std::collections::HashMap;
use std::fmt::Display;
use std::time::Duration;

use conclave_core::Rejection;
use conclave_core::auth::AuthRejection;
use conclave_core::cluster::ClusterRejection;
use conclave_core::kv::KvRejection;
use conclave_core::lease::LeaseRejection;
use conclave_core::lock::LockRejection;
use conclave_node::{MembersRefusal, RequestError};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use crate::violations::clipped;
use crate::{Refusal, Violations};

const DOMAIN: &str = "conclave";
const INVALID_ARGUMENT: &str = "invalid-argument";
/// Longest text in a status, in bytes. All of it travels in headers, of which clients bound the size.
const TEXT_SIZE_BYTES_MAX: usize = 1_024;
/// When a stream that found no place should be tried again.
const STREAM_RETRY_AFTER: Duration = Duration::from_secs(1);

/// A row of the table.
struct Row {
    code: Code,
    reason: &'static str,
    message: String,
    metadata: Vec<(&'static str, String)>,
    retry_after: Option<Duration>,
}

impl Row {
    fn new(code: Code, reason: &'static str, message: impl ToString) -> Self {
        Self { code, reason, message: message.to_string(), metadata: Vec::new(), retry_after: None }
    }

    fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.metadata.push((name, value.to_string()));
        self
    }

    fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let row = row(&refusal);
        let mut details = ErrorDetails::new();
        let metadata = row.metadata.into_iter();
        let metadata = metadata.map(|(name, value)| (name.to_owned(), clipped(&value, TEXT_SIZE_BYTES_MAX)));
        details.set_error_info(row.reason, DOMAIN, metadata.collect::<HashMap<_, _>>());
        if let Refusal::Violations(violations) = &refusal {
            details.set_bad_request(bad_request(violations));
        }
        if row.retry_after.is_some() {
            details.set_retry_info(row.retry_after);
        }
        Self::with_error_details(row.code, clipped(&row.message, TEXT_SIZE_BYTES_MAX), details)
    }
}

fn row(refusal: &Refusal) -> Row {
    match refusal {
        Refusal::Violations(violations) => {
            Row::new(Code::InvalidArgument, INVALID_ARGUMENT, summary(violations))
        }
        Refusal::PageTokenInvalid => Row::new(
            Code::InvalidArgument,
            "page-token-invalid",
            "page_token is not one that this request got: begin at the first page, or send the other fields as they were",
        ),
        Refusal::Rejection(rejection) => of_rejection(rejection),
        Refusal::Members(refusal) => of_members_refusal(refusal),
        Refusal::Request(error) => of_request_error(error),
        Refusal::Streams { what, streams_max } => {
            let message =
                format!("this node serves {streams_max} {what} already, the most it may: ask another one");
            Row::new(Code::ResourceExhausted, "overloaded", message).retry_after(STREAM_RETRY_AFTER)
        }
        Refusal::LockWaitOver { name, wait_ms } => {
            let message =
                format!("lock {name:?} could not be had within {wait_ms} ms: try again, or wait longer");
            let row = Row::new(Code::FailedPrecondition, "lock-wait-over", message);
            row.with("name", name).with("wait_ms", wait_ms)
        }
        Refusal::UnknownService { service } => {
            let message = format!("this node has no service {service:?}");
            Row::new(Code::NotFound, "service-not-found", message).with("service", service)
        }
    }
}

fn of_rejection(rejection: &Rejection) -> Row {
    let row = Row::new(code_of(rejection), rejection.reason(), rejection);
    match rejection {
        Rejection::NamespaceNotFound { namespace } | Rejection::NamespaceExists { namespace } => {
            row.with("namespace", namespace)
        }
        Rejection::KeyNotFound { namespace, key } => row.with("namespace", namespace).with("key", key),
        Rejection::VersionNotFound { namespace, version, newest } => {
            row.with("namespace", namespace).with("version", version).with("newest", newest)
        }
        Rejection::RevisionNotFound { revision, newest } => {
            row.with("revision", revision).with("newest", newest)
        }
        Rejection::VersionMismatch { namespace, expected, found } => {
            row.with("namespace", namespace).with("expected", expected).with("found", found)
        }
        Rejection::ItemRevisionMismatch { namespace, key, expected, found } => {
            let row = row.with("namespace", namespace).with("key", key);
            row.with("expected", expected).with("found", found)
        }
        Rejection::RequestIdReused { request_id } => row.with("request_id", request_id),
        Rejection::VersionDropped { namespace, version, oldest } => {
            row.with("namespace", namespace).with("version", version).with("oldest", oldest)
        }
        Rejection::RevisionDropped { namespace, revision, oldest } => {
            row.with("namespace", namespace).with("revision", revision).with("oldest", oldest)
        }
        Rejection::NoVersionThen { namespace, time_ms, oldest_ms, dropped: _ } => {
            row.with("namespace", namespace).with("time_ms", time_ms).with("oldest_ms", oldest_ms)
        }
        Rejection::TagNotFound { namespace, tag } => row.with("namespace", namespace).with("tag", tag),
        Rejection::TagExists { namespace, tag, version } => {
            row.with("namespace", namespace).with("tag", tag).with("version", version)
        }
        Rejection::SnapshotNotFound { snapshot } | Rejection::SnapshotExists { snapshot } => {
            row.with("snapshot", snapshot)
        }
        Rejection::NotInSnapshot { snapshot, namespace } => {
            row.with("snapshot", snapshot).with("namespace", namespace)
        }
        Rejection::QuotaExceeded { namespace, quota, used, allowed, retry_after_ms } => {
            let row = row.with("namespace", namespace).with("quota", quota.name());
            let retry_after = (*retry_after_ms > 0).then(|| Duration::from_millis(*retry_after_ms));
            Row { retry_after, ..row.with("used", used).with("allowed", allowed) }
        }
        Rejection::ChangeTooLarge { items, items_max, size_bytes, size_bytes_max } => {
            let row = row.with("items", items).with("items_max", items_max);
            row.with("size_bytes", size_bytes).with("size_bytes_max", size_bytes_max)
        }
        Rejection::Cluster(rejection) => of_cluster_rejection(rejection),
        Rejection::Lease(rejection) => of_lease_rejection(rejection),
        Rejection::Lock(rejection) => of_lock_rejection(rejection),
        Rejection::Kv(rejection) => Row::new(code_of_kv(rejection), rejection.reason(), rejection),
        Rejection::Auth(rejection) => Row::new(code_of_auth(rejection), rejection.reason(), rejection),
    }
}

fn code_of(rejection: &Rejection) -> Code {
    match rejection {
        Rejection::NamespaceNotFound { .. }
        | Rejection::KeyNotFound { .. }
        | Rejection::VersionNotFound { .. }
        | Rejection::RevisionNotFound { .. }
        | Rejection::NoVersionThen { dropped: false, .. }
        | Rejection::TagNotFound { .. }
        | Rejection::SnapshotNotFound { .. }
        | Rejection::NotInSnapshot { .. } => Code::NotFound,
        Rejection::VersionDropped { .. }
        | Rejection::RevisionDropped { .. }
        | Rejection::NoVersionThen { dropped: true, .. } => Code::OutOfRange,
        Rejection::NamespaceExists { .. } | Rejection::SnapshotExists { .. } => Code::AlreadyExists,
        Rejection::VersionMismatch { .. }
        | Rejection::ItemRevisionMismatch { .. }
        | Rejection::RequestIdReused { .. }
        | Rejection::TagExists { .. } => Code::FailedPrecondition,
        Rejection::QuotaExceeded { .. } | Rejection::ChangeTooLarge { .. } => Code::ResourceExhausted,
        Rejection::Cluster(rejection) => code_of_cluster(rejection),
        Rejection::Lease(rejection) => code_of_lease(rejection),
        Rejection::Lock(rejection) => code_of_lock(rejection),
        Rejection::Kv(rejection) => code_of_kv(rejection),
        Rejection::Auth(rejection) => code_of_auth(rejection),
    }
}

fn of_lease_rejection(rejection: &LeaseRejection) -> Row {
    let row = Row::new(code_of_lease(rejection), rejection.reason(), rejection);
    match rejection {
        LeaseRejection::NotFound { id } | LeaseRejection::Exists { id } => row.with("session_id", id),
        LeaseRejection::Full { leases_max } => row.with("sessions_max", leases_max),
        LeaseRejection::OtherTerm { term } => row.with("term", term),
    }
}

fn code_of_lease(rejection: &LeaseRejection) -> Code {
    match rejection {
        LeaseRejection::NotFound { .. } => Code::NotFound,
        LeaseRejection::Exists { .. } => Code::AlreadyExists,
        LeaseRejection::Full { .. } => Code::ResourceExhausted,
        // Only what leaders propose themselves is refused so.
        LeaseRejection::OtherTerm { .. } => Code::FailedPrecondition,
    }
}

fn of_lock_rejection(rejection: &LockRejection) -> Row {
    let row = Row::new(code_of_lock(rejection), rejection.reason(), rejection);
    match rejection {
        LockRejection::NotFound { name } => row.with("name", name),
        LockRejection::Held { name, owner, session, token } => {
            let row = row.with("name", name).with("owner", owner);
            row.with("session_id", session).with("token", token)
        }
        LockRejection::QueueFull { name, waiters_max } => {
            row.with("name", name).with("waiters_max", waiters_max).retry_after(STREAM_RETRY_AFTER)
        }
        LockRejection::TicketsFull { session, tickets_max } => {
            row.with("session_id", session).with("tickets_max", tickets_max)
        }
        LockRejection::CapacityMismatch { name, capacity, asked } => {
            row.with("name", name).with("capacity", capacity).with("asked", asked)
        }
        LockRejection::ModeChange { name, session, token } => {
            row.with("name", name).with("session_id", session).with("token", token)
        }
        LockRejection::NotHeld { name, session } => row.with("name", name).with("session_id", session),
        LockRejection::TokenMismatch { name, token, held_token }
        | LockRejection::NothingTaken { name, token, held_token } => {
            row.with("name", name).with("token", token).with("held_token", held_token)
        }
        LockRejection::RequestIdReused { name, request_id } => {
            row.with("name", name).with("request_id", request_id)
        }
    }
}

fn code_of_lock(rejection: &LockRejection) -> Code {
    match rejection {
        LockRejection::NotFound { .. } => Code::NotFound,
        LockRejection::QueueFull { .. } | LockRejection::TicketsFull { .. } => Code::ResourceExhausted,
        LockRejection::Held { .. }
        | LockRejection::CapacityMismatch { .. }
        | LockRejection::ModeChange { .. }
        | LockRejection::NotHeld { .. }
        | LockRejection::TokenMismatch { .. }
        | LockRejection::NothingTaken { .. }
        | LockRejection::RequestIdReused { .. } => Code::FailedPrecondition,
    }
}

fn code_of_kv(rejection: &KvRejection) -> Code {
    match rejection {
        KvRejection::LeaseNotFound { .. } => Code::NotFound,
        KvRejection::KeyNotFound => Code::InvalidArgument,
        KvRejection::Compacted { .. } | KvRejection::FutureRevision { .. } => Code::OutOfRange,
        KvRejection::Reserved { .. } => Code::PermissionDenied,
        KvRejection::TooManyChanges { .. } | KvRejection::TooMuchToTell { .. } => Code::ResourceExhausted,
    }
}

fn code_of_auth(rejection: &AuthRejection) -> Code {
    match rejection {
        AuthRejection::UserNotFound { .. } | AuthRejection::RoleNotFound { .. } => Code::NotFound,
        AuthRejection::UserExists { .. } | AuthRejection::RoleExists { .. } => Code::AlreadyExists,
        AuthRejection::UserNameEmpty | AuthRejection::RoleNameEmpty | AuthRejection::RangeInvalid => {
            Code::InvalidArgument
        }
        AuthRejection::NotEnabled
        | AuthRejection::RootUserNotFound
        | AuthRejection::RootRoleNotGranted
        | AuthRejection::RoleNotGranted { .. }
        | AuthRejection::PermissionNotGranted { .. }
        | AuthRejection::RootProtected => Code::FailedPrecondition,
        AuthRejection::LimitReached { .. } => Code::ResourceExhausted,
        AuthRejection::LoginFailed
        | AuthRejection::NoPassword { .. }
        | AuthRejection::NotAuthenticated
        | AuthRejection::TokenInvalid
        | AuthRejection::Outdated { .. } => Code::Unauthenticated,
        AuthRejection::PermissionDenied => Code::PermissionDenied,
    }
}

fn of_cluster_rejection(rejection: &ClusterRejection) -> Row {
    let row = Row::new(code_of_cluster(rejection), rejection.reason(), rejection);
    match rejection.node_id() {
        Some(id) => row.with("id", id),
        None => row,
    }
}

fn code_of_cluster(rejection: &ClusterRejection) -> Code {
    match rejection {
        ClusterRejection::NameTaken { .. } | ClusterRejection::AddressTaken { .. } => Code::AlreadyExists,
        ClusterRejection::AdmissionsFull { .. }
        | ClusterRejection::IdsUsedUp
        | ClusterRejection::NoSpaceAlarm => Code::ResourceExhausted,
        ClusterRejection::MemberUnknown { .. } | ClusterRejection::TokenUnknown => Code::NotFound,
        ClusterRejection::TokenUsed { .. }
        | ClusterRejection::TokenExpired { .. }
        | ClusterRejection::OtherAddress { .. }
        | ClusterRejection::MemberRemoved { .. }
        | ClusterRejection::OtherInstance { .. } => Code::FailedPrecondition,
    }
}

fn of_members_refusal(refusal: &MembersRefusal) -> Row {
    let row = |code| Row::new(code, refusal.reason(), refusal);
    match refusal {
        MembersRefusal::Rejected(rejection) => of_cluster_rejection(rejection),
        MembersRefusal::ChangeUnderWay
        | MembersRefusal::OtherCluster { .. }
        | MembersRefusal::NotHandedOver => row(Code::FailedPrecondition),
        MembersRefusal::NoSuchMember { id } => row(Code::NotFound).with("id", id),
        MembersRefusal::NotAVoter { id }
        | MembersRefusal::NotALearner { id }
        | MembersRefusal::Silent { id }
        | MembersRefusal::LastVoter { id } => row(Code::FailedPrecondition).with("id", id),
        MembersRefusal::Behind { id, lag_entries, lag_entries_max } => row(Code::FailedPrecondition)
            .with("id", id)
            .with("lag_entries", lag_entries)
            .with("lag_entries_max", lag_entries_max),
        MembersRefusal::QuorumLoss { voters, healthy, needed } => row(Code::FailedPrecondition)
            .with("voters", voters)
            .with("healthy", healthy)
            .with("needed", needed),
    }
}

fn of_request_error(error: &RequestError) -> Row {
    let row = |code, reason| Row::new(code, reason, error);
    match error {
        RequestError::NoLeader { retry_after } => {
            row(Code::Unavailable, "no-leader").retry_after(*retry_after)
        }
        RequestError::OutcomeUnknown | RequestError::ChangeOutcomeUnknown => {
            row(Code::Unavailable, "outcome-unknown")
        }
        RequestError::Overloaded { retry_after } => {
            row(Code::ResourceExhausted, "overloaded").retry_after(*retry_after)
        }
        RequestError::NoSpace { retry_after } => {
            row(Code::ResourceExhausted, "no-space").retry_after(*retry_after)
        }
        RequestError::NoRoom { needed_bytes, free_bytes } => row(Code::ResourceExhausted, "no-space")
            .with("needed_bytes", needed_bytes)
            .with("free_bytes", free_bytes),
        RequestError::ShuttingDown { retry_after } => {
            row(Code::Unavailable, "shutting-down").retry_after(*retry_after)
        }
        RequestError::Recovering { retry_after } => {
            row(Code::Unavailable, "recovering").retry_after(*retry_after)
        }
        RequestError::Corrupt { retry_after } => row(Code::Unavailable, "corrupt").retry_after(*retry_after),
        RequestError::DeadlineExceeded => row(Code::DeadlineExceeded, "deadline-exceeded"),
        RequestError::NodeFailed { .. } => row(Code::Unavailable, "node-failed"),
    }
}

/// One sentence; the violations themselves are among the details.
fn summary(violations: &Violations) -> String {
    let first = violations.told().first();
    let first = first.map(|first| format!("{}: {}", first.field, first.description)).unwrap_or_default();
    match violations.count() {
        0 | 1 => first,
        count if count > violations.told().len() => {
            let told = violations.told().len();
            format!("{count} fields break a rule, of which {told} are told; the first is {first}")
        }
        count => format!("{count} fields break a rule; the first is {first}"),
    }
}

fn bad_request(violations: &Violations) -> Vec<FieldViolation> {
    let told = violations.told().iter();
    told.map(|violation| FieldViolation::new(&violation.field, &violation.description)).collect()
}

/// The clear form of a status that tonic made because the request could not be decoded: INVALID_ARGUMENT.
/// None if it is another one. Statuses made here carry details, and those that tonic makes do not; before a
/// handler runs it answers INTERNAL to what is not the message of the call, and OUT_OF_RANGE to what is
/// too large.
pub(crate) fn unreadable(status: &Status) -> Option<Status> {
    let by_tonic = status.details().is_empty();
    let is_unreadable = by_tonic && matches!(status.code(), Code::Internal | Code::OutOfRange);
    is_unreadable.then(|| undecodable(status.message()))
}

/// What is said of a request that cannot be decoded, or must not be.
pub(crate) fn undecodable(why: impl Display) -> Status {
    let message = format!("the request cannot be read: {why}");
    let details = ErrorDetails::with_error_info(INVALID_ARGUMENT, DOMAIN, HashMap::new());
    Status::with_error_details(Code::InvalidArgument, clipped(&message, TEXT_SIZE_BYTES_MAX), details)
}

#[cfg(test)]
pub(crate) mod tests;
