//! The whole table, as a client finds it.

use conclave_mvcc::MapError;

use conclave_core::QuotaKind;

use super::*;

/// A status as tonic makes it, without details.
pub(crate) fn made_by_tonic(code: Code, message: &str) -> Status {
    Status::new(code, message)
}

const WAIT: Duration = Duration::from_millis(200);

fn named(name: &str) -> String {
    name.to_owned()
}

fn quota_exceeded(quota: QuotaKind, retry_after_ms: u64) -> Rejection {
    let namespace = named("a/b");
    Rejection::QuotaExceeded { namespace, quota, used: 3, allowed: 2, retry_after_ms }
}

fn rejections() -> Vec<Rejection> {
    let namespace = || named("a/b");
    vec![
        Rejection::NamespaceNotFound { namespace: namespace() },
        Rejection::NamespaceExists { namespace: namespace() },
        Rejection::KeyNotFound { namespace: namespace(), key: named("k") },
        Rejection::VersionNotFound { namespace: namespace(), version: 9, newest: 7 },
        Rejection::RevisionNotFound { revision: 90, newest: 70 },
        Rejection::VersionMismatch { namespace: namespace(), expected: 6, found: 7 },
        Rejection::ItemRevisionMismatch { namespace: namespace(), key: named("k"), expected: 0, found: 70 },
        Rejection::RequestIdReused { request_id: named("id-1") },
        Rejection::VersionDropped { namespace: namespace(), version: 3, oldest: 5 },
        Rejection::RevisionDropped { namespace: namespace(), revision: 30, oldest: 50 },
        Rejection::NoVersionThen { namespace: namespace(), time_ms: 1, oldest_ms: 2, dropped: false },
        Rejection::NoVersionThen { namespace: namespace(), time_ms: 1, oldest_ms: 2, dropped: true },
        Rejection::TagNotFound { namespace: namespace(), tag: named("t") },
        Rejection::TagExists { namespace: namespace(), tag: named("t"), version: 3 },
        Rejection::SnapshotNotFound { snapshot: named("s") },
        Rejection::SnapshotExists { snapshot: named("s") },
        Rejection::NotInSnapshot { snapshot: named("s"), namespace: namespace() },
        quota_exceeded(QuotaKind::Items, 0),
        quota_exceeded(QuotaKind::VersionsPerMinute, 1_500),
        Rejection::QuotaExceeded {
            namespace: String::new(),
            quota: QuotaKind::Namespaces,
            used: 3,
            allowed: 2,
            retry_after_ms: 0,
        },
        Rejection::ChangeTooLarge { items: 4, items_max: 3, size_bytes: 20, size_bytes_max: 10 },
    ]
}

fn lease_rejections() -> Vec<LeaseRejection> {
    vec![
        LeaseRejection::NotFound { id: 9 },
        LeaseRejection::Exists { id: 9 },
        LeaseRejection::Full { leases_max: 3 },
        LeaseRejection::OtherTerm { term: 2 },
    ]
}

fn lock_rejections() -> Vec<LockRejection> {
    let name = || named("orders/42");
    vec![
        LockRejection::NotFound { name: name() },
        LockRejection::Held { name: name(), owner: named("ann"), session: 9, token: 70 },
        LockRejection::QueueFull { name: name(), waiters_max: 3 },
        LockRejection::TicketsFull { session: 9, tickets_max: 3 },
        LockRejection::CapacityMismatch { name: name(), capacity: 3, asked: 4 },
        LockRejection::ModeChange { name: name(), session: 9, token: 70 },
        LockRejection::NotHeld { name: name(), session: 9 },
        LockRejection::TokenMismatch { name: name(), token: 60, held_token: 70 },
        LockRejection::RequestIdReused { name: name(), request_id: named("id-1") },
        LockRejection::NothingTaken { name: name(), token: 60, held_token: 70 },
    ]
}

fn request_errors() -> Vec<RequestError> {
    vec![
        RequestError::NoLeader { retry_after: WAIT },
        RequestError::OutcomeUnknown,
        RequestError::ChangeOutcomeUnknown,
        RequestError::Overloaded { retry_after: WAIT },
        RequestError::NoSpace { retry_after: WAIT },
        RequestError::NoRoom { needed_bytes: 9, free_bytes: 7 },
        RequestError::ShuttingDown { retry_after: WAIT },
        RequestError::Recovering { retry_after: WAIT },
        RequestError::Corrupt { retry_after: WAIT },
        RequestError::DeadlineExceeded,
        RequestError::NodeFailed { cause: named("disk full") },
    ]
}

fn members_refusals() -> Vec<MembersRefusal> {
    let rejections = vec![
        ClusterRejection::NameTaken { name: named("db4"), id: 4 },
        ClusterRejection::AddressTaken { address: named("db4:4201"), id: 4 },
        ClusterRejection::AdmissionsFull { admissions_max: 64 },
        ClusterRejection::IdsUsedUp,
        ClusterRejection::NoSpaceAlarm,
        ClusterRejection::MemberUnknown { id: 4 },
    ];
    let mut refusals: Vec<_> = rejections.into_iter().map(MembersRefusal::from).collect();
    refusals.extend([
        MembersRefusal::ChangeUnderWay,
        MembersRefusal::OtherCluster { name: named("main"), told: named("other") },
        MembersRefusal::NoSuchMember { id: 4 },
        MembersRefusal::NotAVoter { id: 4 },
        MembersRefusal::NotALearner { id: 4 },
        MembersRefusal::Behind { id: 4, lag_entries: 2_000, lag_entries_max: 1_000 },
        MembersRefusal::Silent { id: 4 },
        MembersRefusal::QuorumLoss { voters: 3, healthy: 1, needed: 2 },
        MembersRefusal::LastVoter { id: 4 },
        MembersRefusal::NotHandedOver,
    ]);
    refusals
}

fn refusals() -> Vec<Refusal> {
    let mut two = Violations::one("key", "it is empty");
    two.add("namespace", "it is too long");
    let mut refusals = vec![
        Refusal::Violations(Violations::one("key", "it is empty")),
        Refusal::Violations(two),
        Refusal::PageTokenInvalid,
        Refusal::Streams { what: "watches", streams_max: 3 },
        Refusal::LockWaitOver { name: named("orders/42"), wait_ms: 1_500 },
        Refusal::UnknownService { service: named("x.Y") },
        MapError::new("damaged row").into(),
    ];
    refusals.extend(rejections().into_iter().map(Refusal::from));
    refusals.extend(lease_rejections().into_iter().map(|it| Rejection::from(it).into()));
    refusals.extend(lock_rejections().into_iter().map(|it| Rejection::from(it).into()));
    refusals.extend(request_errors().into_iter().map(Refusal::from));
    refusals.extend(members_refusals().into_iter().map(Refusal::from));
    refusals
}

/// One line, as a client finds it in the status.
fn line(refusal: Refusal) -> String {
    let status = Status::from(refusal);
    let details = status.get_error_details();
    let info = details.error_info().expect("every status tells its reason");
    assert_eq!(info.domain, "conclave");
    let mut metadata: Vec<_> = info.metadata.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    metadata.sort();
    let retry = details.retry_info().and_then(|info| info.retry_delay);
    let retry = retry.map(|wait| format!(" retry={}ms", wait.as_millis())).unwrap_or_default();
    let fields = details.bad_request().map(|it| it.field_violations.as_slice()).unwrap_or_default();
    let fields: String = fields.iter().map(|it| format!(" [{}: {}]", it.field, it.description)).collect();
    let (code, reason, metadata) = (status.code(), &info.reason, metadata.concat());
    format!("{code:?} {reason}{retry}{metadata}{fields} | {}", status.message())
}

#[test]
fn the_whole_table() {
    let table: Vec<String> = refusals().into_iter().map(line).collect();
    let golden = include_str!("status.golden").lines();
    for (told, expected) in table.iter().zip(golden.clone()) {
        assert_eq!(told, expected);
    }
    assert_eq!(table.len(), golden.count(), "{table:#?}");
}

#[test]
fn a_status_fits_into_headers_whatever_it_tells() {
    let mut violations = Violations::default();
    for number in 0..10_000 {
        violations.add(format_args!("namespaces[{number}].{}", "f".repeat(500)), "d".repeat(5_000));
    }
    let key = "ключ".repeat(10_000);
    let refusals = [
        Refusal::Violations(violations),
        Rejection::KeyNotFound { namespace: "n".repeat(10_000), key: key.clone() }.into(),
        RequestError::NodeFailed { cause: key }.into(),
        Refusal::UnknownService { service: "s".repeat(10_000) },
    ];
    for refusal in refusals {
        let answer: http::Response<()> = Status::from(refusal.clone()).into_http();
        let size_bytes: usize =
            answer.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
        assert!(size_bytes <= 10 << 10, "{size_bytes} bytes of {refusal:.100?}");
    }
}

#[test]
fn only_what_tonic_made_of_an_unreadable_request_is_changed() {
    let changed = |status: &Status| unreadable(status).map(|status| status.code());
    assert_eq!(changed(&Status::new(Code::Internal, "bad")), Some(Code::InvalidArgument));
    assert_eq!(changed(&Status::new(Code::OutOfRange, "large")), Some(Code::InvalidArgument));
    assert_eq!(changed(&Status::new(Code::Unimplemented, "no")), None);
    for refusal in refusals() {
        assert_eq!(changed(&Status::from(refusal)), None);
    }
}
