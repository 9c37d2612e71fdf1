//! Calls of many answers.

use super::{pieces, post, send, told, told_with};

const TIMEOUT: (&str, &str) = ("Grpc-Timeout", "500m");
const LATE: &str = r#"{"error":{"grpc_code":4,"http_code":504,"message":"context deadline exceeded","http_status":"Gateway Timeout"}}"#;
const LATE_AT_ONCE: &str =
    r#"{"error":"context deadline exceeded","code":4,"message":"context deadline exceeded"}"#;

fn line(result: &str) -> String {
    let header = r#""header":{"cluster_id":"324","member_id":"331","revision":"3","raft_term":"2"}"#;
    format!("{{\"result\":{{{header}{result}}}}}\n")
}

fn elected() -> String {
    let kv = r#"{"key":"Zm9v","create_revision":"2","mod_revision":"2","version":"1","value":"YmFy"}"#;
    line(&format!(r#","kv":{kv}"#)).replace(r#""revision":"3""#, r#""revision":"10""#)
}

#[tokio::test]
async fn each_message_is_answered_by_a_line() {
    let body = pieces(vec!["{\"ID\":777} {\"ID\":\"7", "78\"}", "{\"ID\":777}\n"]);
    let told = send(post("/v3/lease/keepalive", body)).await;
    let renewed = line(r#","ID":"777","TTL":"60""#);
    let expected = [renewed.clone(), line(r#","ID":"778""#), renewed].concat();
    assert_eq!((told.status.as_u16(), told.text), (200, expected));
    assert_eq!(told.headers["content-type"], "application/json");
    assert_eq!(told.headers["grpc-metadata-content-type"], "application/grpc");
}

#[tokio::test]
async fn a_stream_without_messages_has_no_lines() {
    assert_eq!(told("/v3/lease/keepalive", "").await, (200, String::new()));
    assert_eq!(told("/v3/election/observe", r#"{"name":"ZW5kZWQ="}"#).await, (200, String::new()));
}

#[tokio::test]
async fn what_cannot_be_read_ends_what_is_asked_and_not_what_is_told() {
    let renewed = line(r#","ID":"777","TTL":"60""#);
    for rest in ["{\"ID\":\"x\"}", "nope", "[]", "{\"ID\":"] {
        let body = pieces(vec!["{\"ID\":777}", rest, " {\"ID\":778}"]);
        let told = send(post("/v3/lease/keepalive", body)).await;
        assert_eq!((told.status.as_u16(), told.text), (200, renewed.clone()), "{rest}");
    }
    let (status, text) = told("/v3/lease/keepalive", "{\"ID\":\"x\"} {\"ID\":777}").await;
    assert!(status == 400 && text.contains(r#""code":3"#), "{status} {text}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_goes_on_after_the_last_request_until_it_is_late() {
    let body = r#"{"create_request":{"key":"Zm9v"}}{"create_request":{"key":"YQ==","watch_id":7}}
        {"cancel_request":{"watch_id":7}} {"progress_request":{}}"#;
    let expected = [
        line(r#","created":true"#),
        line(r#","watch_id":"7","created":true"#),
        line(r#","watch_id":"7","canceled":true"#),
        line(r#","watch_id":"-1""#),
        LATE.into(),
    ];
    assert_eq!(told_with("/v3/watch", body, TIMEOUT).await, (200, expected.concat()));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_fails_ends_with_its_failure() {
    let broken = r#"{"error":{"grpc_code":14,"http_code":503,"message":"error reading from server: EOF","http_status":"Service Unavailable"}}"#;
    let observed = told("/v3/election/observe", r#"{"name":"cmVmdXNlZCBsYXRlcg=="}"#).await;
    assert_eq!(observed, (200, elected() + broken));
    let observed = told_with("/v3/election/observe", r#"{"name":"ZWxlY3RlZA=="}"#, TIMEOUT).await;
    assert_eq!(observed, (200, elected() + LATE));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_fails_before_its_first_line_has_a_status() {
    let refused = r#"{"error":{"grpc_code":2,"http_code":500,"message":"auth: user name is empty","http_status":"Internal Server Error"}}"#;
    let observed = told("/v3/election/observe", r#"{"name":"cmVmdXNlZA=="}"#).await;
    assert_eq!(observed, (500, refused.into()));
    let observed = told_with("/v3/election/observe", r#"{"name":"bm9uZQ=="}"#, TIMEOUT).await;
    assert_eq!(observed, (504, LATE_AT_ONCE.into()));
    let leaderless = r#"{"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader","http_status":"Service Unavailable"}}"#;
    assert_eq!(told("/v3/watch", "{}").await, (503, leaderless.into()));
}
