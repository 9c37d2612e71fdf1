//! A real etcd's own gateway and ours are asked the same, each before an etcd of its own, and must answer the same:
//! the status, the type of the body, and every line of it.
//!
//! What differs between any two clusters is masked, and so are the words about JSON that cannot be read, which are those
//! of another language. `make etcd` brings the etcd and runs this.

#[cfg(test)]
mod gateways;
#[cfg(test)]
mod server;

/// What both are asked, one after the other.
#[cfg(test)]
const ASKED: &[(&str, &str)] = &[
    ("/v3/kv/put", r#"{"key":"Zm9v","value":"YmFy"}"#),
    ("/v3/kv/put", r#"{"key":"Zm9v","value":"YmF6","prev_kv":true}"#),
    ("/v3/kv/put", r#"{"key":"","value":"YmFy"}"#),
    ("/v3/kv/put", r#"{"key":"Zm9v","value":"YmFy","lease":"777"}"#),
    ("/v3/kv/range", r#"{"key":"Zm9v"}"#),
    ("/v3beta/kv/range", r#"{"key":"Zm9v"}"#),
    ("/v3/kv/range", r#"{"key":"Zm9v"} trailing"#),
    ("/v3/kv/range", r#"{"key":"Zm9v","nope":{"a":[1,{}]},"KEY":1}"#),
    (
        "/v3/kv/range",
        r#"{"key":"AA==","rangeEnd":"AA==","limit":"1","sort_order":"DESCEND","sort_target":4}"#,
    ),
    ("/v3/kv/range", r#"{"key":"AA==","range_end":"AA==","count_only":true}"#),
    ("/v3/kv/range", r#"{"key":"Zm9v","range_end":null,"limit":null,"sort_order":null,"serializable":null}"#),
    ("/v3/kv/range", r#"{"key":"Zm9v","limit":"-1","keys_only":true}"#),
    ("/v3/kv/range", r#"{"key":"Zm\n9v"}"#),
    ("/v3/kv/range", r#"{"key":"Zm9v","revision":1000}"#),
    ("/v3/kv/range", ""),
    ("/v3/kv/range", "{}"),
    ("/v3/kv/range/", "{}"),
    ("/v3/nope", "{}"),
    ("/v3/lease/grant", r#"{"TTL":600,"ID":"777"}"#),
    ("/v3/lease/grant", r#"{"TTL":600,"ID":"777"}"#),
    ("/v3/kv/put", r#"{"key":"bGVhc2Vk","lease":777}"#),
    ("/v3/lease/keepalive", r#"{"ID":777} {"ID":"778"} {"ID":777}"#),
    ("/v3/lease/keepalive", r#"{"ID":777} {"ID":"x"} {"ID":777}"#),
    ("/v3/lease/keepalive", ""),
    ("/v3/lease/timetolive", r#"{"ID":778,"keys":true}"#),
    ("/v3/lease/leases", ""),
    ("/v3/kv/lease/leases", "{}"),
    ("/v3/kv/lease/grant", "{}"),
    ("/v3/lock/lock", r#"{"name":"bG9jaw==","lease":777}"#),
    ("/v3/lock/unlock", r#"{"key":"bG9jay8zMDk="}"#),
    ("/v3/election/campaign", r#"{"name":"ZWw=","lease":777,"value":"eA=="}"#),
    ("/v3/election/leader", r#"{"name":"ZWw="}"#),
    ("/v3/election/leader", r#"{"name":"bm9uZQ=="}"#),
    ("/v3/election/observe", r#"{"name":"ZWw="}"#),
    (
        "/v3/election/proclaim",
        r#"{"leader":{"name":"ZWw=","key":"ZWwvMzA5","rev":"7","lease":"777"},"value":"eQ=="}"#,
    ),
    ("/v3/election/resign", r#"{"leader":{"name":"ZWw=","key":"ZWwvMzA5","rev":"7","lease":"777"}}"#),
    ("/v3/lease/revoke", r#"{"ID":777}"#),
    ("/v3/kv/lease/revoke", r#"{"ID":777}"#),
    ("/v3/watch", r#"{"create_request":{"key":"Zm9v","start_revision":"1","prev_kv":true}}"#),
    (
        "/v3/watch",
        r#"{"create_request":{"key":"YQ==","watch_id":7}}{"cancel_request":{"watch_id":7}} {"progress_request":{}}"#,
    ),
    ("/v3/watch", r#"{"create_request":{"key":"Zm9v","filters":["NOPUT",1,null]}} nope"#),
    ("/v3/watch", r#"{"cancel_request":{"watch_id":7},"create_request":{}}"#),
    (
        "/v3/kv/txn",
        r#"{"compare":[{"result":"EQUAL","target":"VERSION","key":"Zm9v","version":"9"}],"success":[{"request_range":{"key":"Zm9v"}}],"failure":[{"request_put":{"key":"YQ==","value":"Yg=="}},{"requestDeleteRange":{"key":"Zm9v","range_end":"AA==","prev_kv":true}}]}"#,
    ),
    ("/v3/kv/txn", r#"{"success":[{"request_txn":{"success":[{"request_range":{"key":"YQ=="}}]}}]}"#),
    ("/v3/kv/txn", r#"{"success":[{"request_put":{"key":"YQ=="},"request_range":{"key":"YQ=="}}]}"#),
    ("/v3/kv/txn", r#"{"compare":[{"key":"YQ==","target":"VALUE","value":""}]}"#),
    ("/v3/kv/txn", r#"{"compare":[null]}"#),
    ("/v3/kv/txn", r#"{"success":[null]}"#),
    ("/v3/kv/txn", r#"{"compare":null,"success":[]}"#),
    ("/v3/kv/deleterange", r#"{"key":"YQ==","prev_kv":true}"#),
    ("/v3/kv/compaction", r#"{"revision":"3"}"#),
    ("/v3/kv/compaction", r#"{"revision":"3"}"#),
    ("/v3/watch", r#"{"create_request":{"key":"Zm9v","start_revision":"1"}}"#),
    ("/v3/cluster/member/list", ""),
    ("/v3/cluster/member/add", r#"{"peerURLs":[null]}"#),
    // One change of members only: etcd never answers one that comes before the one before is applied.
    ("/v3/cluster/member/remove", r#"{"ID":"18446744073709551615"}"#),
    ("/v3/maintenance/status", ""),
    ("/v3/maintenance/hash", ""),
    ("/v3/maintenance/defragment", ""),
    ("/v3/maintenance/transfer-leadership", r#"{"targetID":1}"#),
    ("/v3/maintenance/downgrade", r#"{"action":"VALIDATE","version":"3.4.0"}"#),
    ("/v3/maintenance/downgrade", r#"{"action":"VALIDATE","version":"9"}"#),
    ("/v3/maintenance/alarm", r#"{"action":"ACTIVATE","alarm":"NOSPACE"}"#),
    ("/v3/maintenance/alarm", r#"{"action":0}"#),
    ("/v3/kv/put", r#"{"key":"Zm9v"}"#),
    ("/v3/maintenance/alarm", r#"{"action":2,"alarm":1}"#),
    ("/v3/auth/status", ""),
    ("/v3/auth/user/add", r#"{"name":"a\"<&>é","password":"p"}"#),
    ("/v3/auth/user/list", ""),
    ("/v3/auth/user/get", r#"{"name":"zz"}"#),
    ("/v3/auth/role/add", r#"{"name":"r"}"#),
    (
        "/v3/auth/role/grant",
        r#"{"name":"r","perm":{"permType":"READWRITE","key":"Zm9v","range_end":"Zm9w"}}"#,
    ),
    ("/v3/auth/role/grant", r#"{"name":"r","perm":{"permType":0,"key":"YQ=="}}"#),
    ("/v3/auth/role/get", r#"{"role":"r"}"#),
    ("/v3/auth/user/add", r#"{"name":"root","password":"root"}"#),
    ("/v3/auth/role/add", r#"{"name":"root"}"#),
    ("/v3/auth/user/grant", r#"{"user":"root","role":"root"}"#),
    ("/v3/auth/enable", ""),
    ("/v3/kv/range", r#"{"key":"Zm9v"}"#),
    ("/v3/auth/authenticate", r#"{"name":"root","password":"nope"}"#),
    ("/v3/auth/authenticate", r#"{"name":"root","password":"root"}"#),
    ("/v3/auth/status", ""),
    ("/v3/maintenance/snapshot", ""),
    ("/v3/watch", r#"{"create_request":{"key":"Zm9v"}}"#),
];

/// What neither can read: the codes are the same, the words are not.
#[cfg(test)]
const UNREADABLE: &[&str] = &[
    r#"{"key":"Zm9v""#,
    "[]",
    "17",
    r#"{"nope":[}"#,
    r#"{"key":"Zm9"}"#,
    r#"{"key":"YQ"}"#,
    r#"{"key":"Zm9-"}"#,
    r#"{"key":17}"#,
    r#"{"key":{}}"#,
    r#"{"key":"Zm9v","limit":3.0}"#,
    r#"{"key":"Zm9v","limit":1e30}"#,
    r#"{"key":"Zm9v","limit":"x"}"#,
    r#"{"key":"Zm9v","limit":""}"#,
    r#"{"key":"Zm9v","limit":true}"#,
    r#"{"key":"Zm9v","serializable":"true"}"#,
    r#"{"key":"Zm9v","serializable":1}"#,
    r#"{"key":"Zm9v","sort_order":"NOPE"}"#,
    r#"{"key":"Zm9v","sort_order":"2"}"#,
    r#"{"key":"Zm9v","sort_order":1.0}"#,
    r#"{"key":"Zm9v","sort_order":4294967297}"#,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateways::{Asked, Gateways};

    #[tokio::test]
    async fn both_answer_the_same() {
        let gateways = Gateways::start().await;
        for (path, body) in ASKED {
            gateways.compare(&Asked::post(path, body)).await;
        }
    }

    #[tokio::test]
    async fn neither_reads_what_the_other_does_not() {
        let gateways = Gateways::start().await;
        for body in UNREADABLE {
            gateways.compare_code(&Asked::post("/v3/kv/range", body)).await;
        }
    }

    #[tokio::test]
    async fn headers_say_the_same_to_both() {
        let gateways = Gateways::start().await;
        let range = Asked::post("/v3/kv/range", r#"{"key":"Zm9v"}"#);
        for timeout in ["500x", "1", "0S", "1234567890S"] {
            gateways.compare(&range.with("Grpc-Timeout", timeout)).await;
        }
        for (name, value) in [
            ("Grpc-Metadata-Hasleader", "true"),
            ("Grpc-Metadata-Content-Type", "text/plain"),
            ("Grpc-Metadata-Grpc-Timeout", "1n"),
            ("Authorization", "nope"),
            ("Content-Type", "text/plain"),
        ] {
            gateways.compare(&range.with(name, value)).await;
        }
    }

    #[tokio::test]
    async fn other_methods_and_probes_are_the_same() {
        let gateways = Gateways::start().await;
        for (method, path) in [("GET", "/v3/kv/range"), ("PUT", "/v3/kv/range"), ("DELETE", "/v3/kv/range")] {
            gateways.compare(&Asked { method, ..Asked::post(path, "") }).await;
        }
        for path in ["/health", "/health?serializable=true", "/health?exclude=NOSPACE", "/version"] {
            gateways.compare(&Asked { method: "GET", ..Asked::post(path, "") }).await;
            gateways.compare(&Asked::post(path, "")).await;
        }
    }
}
