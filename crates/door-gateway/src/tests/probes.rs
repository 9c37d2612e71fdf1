//! Health and version.

use axum::Router;
use axum::http::Request;
use tower::ServiceExt as _;

use super::{Body, options, send, to_bytes};
use crate::{Health, HealthQuestion};

/// The gateway of a member that serves while nobody asks about the rest of the cluster, or about space.
fn unwell() -> Router {
    let health = async |asked: HealthQuestion| {
        let excludes = |alarm: &str| asked.excluded_alarms.iter().any(|it| it == alarm);
        match asked {
            ref it if !excludes("NOSPACE") => {
                Health::Unhealthy(format!("ALARM NOSPACE{}", if it.serializable { "!" } else { "" }))
            }
            HealthQuestion { serializable: false, .. } => Health::Unhealthy("RAFT NO LEADER".into()),
            _ => Health::Healthy,
        }
    };
    crate::routes(Router::new(), options(), health)
}

async fn asked(query: &str) -> (u16, String) {
    let request = Request::get(format!("/health{query}")).body(Body::empty()).unwrap();
    let answer = unwell().oneshot(request).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
    let status = answer.status().as_u16();
    let text = to_bytes(answer.into_body(), 1_024).await.unwrap();
    (status, String::from_utf8(text.to_vec()).unwrap())
}

#[tokio::test]
async fn health_is_told_with_its_reason() {
    let unhealthy = |reason: &str| (503, format!("{{\"health\":\"false\",\"reason\":\"{reason}\"}}\n"));
    assert_eq!(asked("").await, unhealthy("ALARM NOSPACE"));
    assert_eq!(asked("?serializable=true").await, unhealthy("ALARM NOSPACE!"));
    assert_eq!(asked("?serializable=false&exclude=CORRUPT").await, unhealthy("ALARM NOSPACE"));
    assert_eq!(asked("?exclude=CORRUPT&exclude=NOSPACE").await, unhealthy("RAFT NO LEADER"));
    let healthy = r#"{"health":"true","reason":""}"#;
    assert_eq!(asked("?exclude=NOSPACE&serializable=true&x&=").await, (200, healthy.into()));
}

#[tokio::test]
async fn the_version_is_told() {
    let told = send(Request::get("/version").body(Body::empty()).unwrap()).await;
    let version = r#"{"etcdserver":"3.5.1","etcdcluster":"3.5.0"}"#;
    assert_eq!((told.status.as_u16(), told.text.as_str()), (200, version));
    assert_eq!(told.headers["content-type"], "application/json");
}

#[tokio::test]
async fn probes_may_ask_by_head_and_change_nothing() {
    for path in ["/health", "/version"] {
        let with = |method: &str| Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let head = send(with("HEAD")).await;
        assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""), "{path}");
        let post = send(with("POST")).await;
        assert_eq!((post.status.as_u16(), post.text.as_str()), (405, "Method Not Allowed\n"), "{path}");
        assert!(post.headers["allow"].to_str().unwrap().contains("GET"), "{path}");
    }
}
