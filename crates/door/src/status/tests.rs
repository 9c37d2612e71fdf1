//! The whole table, golden; and what a status may hold.

use conclave_mvcc::MapError;

use super::*;

const WAIT: Duration = Duration::from_millis(200);

fn named(name: &str) -> String {
    name.to_owned()
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
    ]
}

fn request_errors() -> Vec<RequestError> {
    vec![
        RequestError::NoLeader { retry_after: WAIT },
        RequestError::OutcomeUnknown,
        RequestError::Overloaded { retry_after: WAIT },
        RequestError::ShuttingDown { retry_after: WAIT },
        RequestError::Recovering { retry_after: WAIT },
        RequestError::DeadlineExceeded,
        RequestError::NodeFailed { cause: named("disk full") },
    ]
}

fn refusals() -> Vec<Refusal> {
    let mut two = Violations::one("key", "it is empty");
    two.add("namespace", "it is too long");
    let mut refusals = vec![
        Refusal::Violations(Violations::one("key", "it is empty")),
        Refusal::Violations(two),
        Refusal::PageTokenInvalid,
        Refusal::WatchStreams { streams_max: 3 },
        Refusal::UnknownService { service: named("x.Y") },
        MapError::new("damaged row").into(),
    ];
    refusals.extend(rejections().into_iter().map(Refusal::from));
    refusals.extend(request_errors().into_iter().map(Refusal::from));
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
    let golden = include_str!("table.golden").lines();
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
        assert!(size_bytes <= 14 << 10, "{size_bytes} bytes of {refusal:.100?}");
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
