//! Calls of one answer.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::{MESSAGE_SIZE_BYTES_MAX_DEFAULT, pieces, post, send, told, told_with};

const RANGE: &str = "/v3/kv/range";
const FOO: &str = r#"{"key":"Zm9v"}"#;
const FOO_TOLD: &str = r#"{"header":{"cluster_id":"324","member_id":"331","revision":"2","raft_term":"2"},"kvs":[{"key":"Zm9v","create_revision":"2","mod_revision":"2","version":"1","value":"YmFy"}],"count":"1"}"#;

/// The body of a failed call.
fn failed(code: i32, message: &str) -> String {
    format!(r#"{{"error":"{message}","code":{code},"message":"{message}"}}"#)
}

#[tokio::test]
async fn a_call_is_answered_in_json() {
    let told = send(post(RANGE, FOO)).await;
    assert_eq!((told.status.as_u16(), told.text.as_str()), (200, FOO_TOLD));
    assert_eq!(told.headers["content-type"], "application/json");
    assert_eq!(told.headers["grpc-metadata-content-type"], "application/grpc");
    assert!(!told.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn what_comes_after_the_message_is_not_read() {
    assert_eq!(told(RANGE, r#" {"key":"Zm9v"} trailing"#).await, (200, FOO_TOLD.into()));
}

#[tokio::test]
async fn a_body_may_come_in_pieces() {
    let told = send(post(RANGE, pieces(vec!["{\"ke", "y\":\"Zm", "9v\"", "}"]))).await;
    assert_eq!((told.status.as_u16(), told.text.as_str()), (200, FOO_TOLD));
}

#[tokio::test]
async fn an_empty_body_is_an_empty_message() {
    for path in ["/v3/lease/leases", "/v3/kv/lease/leases", "/v3beta/lease/leases"] {
        let json = r#"{"header":{"cluster_id":"324","member_id":"331","revision":"3","raft_term":"2"},"leases":[{"ID":"777"}]}"#;
        assert_eq!(told(path, "").await, (200, json.into()), "{path}");
        assert_eq!(told(path, "{}").await, (200, json.into()), "{path}");
    }
    let refused = (400, failed(3, "etcdserver: key is not provided"));
    assert_eq!(told(RANGE, "").await, refused);
    assert_eq!(told(RANGE, " \n").await, refused);
}

#[tokio::test]
async fn what_cannot_be_read_is_the_callers_mistake() {
    let mistakes = [
        ("{\"key\":\"Zm9v\"", "unexpected EOF"),
        ("[]", "a message is a JSON object"),
        (
            "{\"limit\":3.5}",
            "limit must be a whole number in its range, in quotes or not at line 1 column 12",
        ),
    ];
    for (body, why) in mistakes {
        assert_eq!(told(RANGE, body).await, (400, failed(3, why)), "{body}");
    }
}

#[tokio::test]
async fn each_code_has_its_status() {
    let statuses = [
        (1, 408),
        (2, 500),
        (3, 400),
        (4, 504),
        (5, 404),
        (6, 409),
        (7, 403),
        (8, 429),
        (9, 400),
        (10, 409),
        (11, 400),
        (12, 501),
        (13, 500),
        (14, 503),
        (15, 500),
        (16, 401),
    ];
    for (code, status) in statuses {
        let key = BASE64_STANDARD.encode(format!("code {code}"));
        let told = send(post(RANGE, format!(r#"{{"key":"{key}"}}"#))).await;
        let expected = (status, failed(code, "etcdserver: no\\n\\\"way\\\""));
        assert_eq!((told.status.as_u16(), told.text), expected, "{code}");
        assert_eq!(told.headers["content-type"], "application/json");
        assert!(!told.headers.contains_key("grpc-metadata-content-type"));
    }
}

#[tokio::test]
async fn a_call_that_is_not_served_is_not_implemented() {
    let (status, text) = told("/v3/auth/status", "").await;
    assert_eq!(status, 501);
    assert!(text.contains(r#""code":12"#), "{text}");
}

#[tokio::test]
async fn the_token_and_marked_headers_are_metadata() {
    // The key names the metadata; its value is the value of the key.
    let value = |value: &str| {
        let value = BASE64_STANDARD.encode(value);
        (200, format!(r#"{{"kvs":[{{"value":"{value}"}}]}}"#))
    };
    let authorization = r#"{"key":"YXV0aG9yaXphdGlvbg=="}"#;
    assert_eq!(told_with(RANGE, authorization, ("Authorization", "abc.1")).await, value("abc.1"));
    assert_eq!(told_with(RANGE, authorization, ("Cookie", "x")).await, (200, r#"{"kvs":[{}]}"#.into()));
    let token = r#"{"key":"dG9rZW4="}"#;
    assert_eq!(told_with(RANGE, token, ("Grpc-Metadata-Token", "abc.1")).await, value("abc.1"));
    assert_eq!(told_with(RANGE, token, ("Token", "abc.1")).await, (200, r#"{"kvs":[{}]}"#.into()));
    let timeout = r#"{"key":"Z3JwYy10aW1lb3V0"}"#;
    assert_eq!(told_with(RANGE, timeout, ("Grpc-Timeout", "1234567890S")).await, value("20576132M"));
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_wait_is_told_in_time() {
    let late = (504, failed(4, "context deadline exceeded"));
    let lock = r#"{"name":"bG9jaw=="}"#;
    assert_eq!(told_with("/v3/lock/lock", lock, ("Grpc-Timeout", "500m")).await, late);
    let no_timeout = (400, failed(3, "invalid grpc-timeout: 500x"));
    assert_eq!(told_with("/v3/lock/lock", lock, ("Grpc-Timeout", "500x")).await, no_timeout);
    assert_eq!(told_with(RANGE, FOO, ("Grpc-Timeout", "0S")).await, (200, FOO_TOLD.into()));
}

#[tokio::test(start_paused = true)]
async fn the_time_counts_while_the_body_comes() {
    let body =
        axum::body::Body::from_stream(futures::stream::pending::<Result<&str, std::convert::Infallible>>());
    let mut request = post(RANGE, body);
    request.headers_mut().insert("grpc-timeout", "1S".parse().unwrap());
    let told = send(request).await;
    assert_eq!((told.status.as_u16(), told.text), (504, failed(4, "context deadline exceeded")));
}

/// A put of a value of that size.
fn put(value_size_bytes: usize) -> String {
    let value = BASE64_STANDARD.encode(vec![b'v'; value_size_bytes]);
    format!(r#"{{"key":"YQ==","value":"{value}"}}"#)
}

#[tokio::test]
async fn a_request_is_as_large_as_it_may_be_and_no_larger() {
    // The key takes three bytes, the key and length of a value this large four.
    let largest = MESSAGE_SIZE_BYTES_MAX_DEFAULT - 7;
    let told = send(post("/v3/kv/put", put(largest))).await;
    assert_eq!(told.status, 200, "{}", told.text);
    assert!(told.text.contains(&format!(r#""revision":"{largest}""#)), "{}", told.text);
    let refused = send(post("/v3/kv/put", put(largest + 1))).await;
    let why = "grpc: received message larger than max (2097153 vs. 2097152)";
    assert_eq!((refused.status.as_u16(), refused.text), (429, failed(8, why)));
    let text = send(post("/v3/kv/put", " ".repeat(9 << 20) + &put(4 << 20))).await;
    assert_eq!(text.status, 429, "{}", text.text);
}
