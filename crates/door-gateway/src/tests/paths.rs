//! What is at which path.

use std::collections::BTreeSet;

use axum::http::Request;

use super::{Body, send, told};
use crate::paths::{PATHS, descriptors};

#[test]
fn every_call_but_one_has_a_path() {
    let pool = descriptors();
    let calls = pool.services().flat_map(|service| {
        let methods = service.methods().map(|it| format!("{}/{}", service.full_name(), it.name()));
        methods.collect::<Vec<_>>()
    });
    let mut calls: BTreeSet<_> = calls.collect();
    // Of etcd 3.7, which has no path for it either.
    assert!(calls.remove("etcdserverpb.KV/RangeStream"));
    assert_eq!(PATHS.iter().map(|(_, call)| (*call).to_owned()).collect::<BTreeSet<_>>(), calls);
}

#[tokio::test]
async fn other_paths_are_not_found() {
    for path in ["/v3/nope", "/v3/kv/range/", "/v3/kv/lease/grant", "/v3beta/nope"] {
        assert_eq!(told(path, "{}").await, (404, "Not Found\n".into()), "{path}");
    }
    assert_eq!(told("/v3alpha/kv/range", "{}").await.0, 404);
}

#[tokio::test]
async fn calls_are_posted() {
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let request = Request::builder().method(method).uri("/v3/kv/range").body(Body::empty()).unwrap();
        let told = send(request).await;
        let expected = (405, "Method Not Allowed\n");
        assert_eq!((told.status.as_u16(), told.text.as_str()), expected, "{method}");
    }
}
