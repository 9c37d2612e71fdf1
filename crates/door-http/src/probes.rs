//! Probes: whether to start the process anew, and whether to send it requests.

use axum::extract::State;
use axum::http::StatusCode;
use conclave_node::Readiness;
use tokio::sync::watch;

/// The process answers. A node that cannot go on ends its process by itself.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// Whether the node can serve, and if not, why.
pub(crate) async fn ready(State(readiness): State<watch::Receiver<Readiness>>) -> (StatusCode, &'static str) {
    let readiness = *readiness.borrow();
    answer(readiness)
}

fn answer(readiness: Readiness) -> (StatusCode, &'static str) {
    match readiness {
        Readiness::Ready => (StatusCode::OK, "ok\n"),
        Readiness::Recovering => unready("recovering: the node does not know yet what is committed\n"),
        Readiness::NoLeader => unready("no-leader: the node knows no leader and serves local reads only\n"),
        Readiness::Corrupt => {
            unready("corrupt: what the node has applied is not what most others have: replace it\n")
        }
        Readiness::ShuttingDown => unready("shutting-down: the node is about to stop\n"),
    }
}

fn unready(reason: &'static str) -> (StatusCode, &'static str) {
    (StatusCode::SERVICE_UNAVAILABLE, reason)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    async fn asked(path: &str, readiness: Readiness) -> (StatusCode, String) {
        let (_told, state) = watch::channel(readiness);
        let router = Router::new().route("/livez", get(live)).route("/readyz", get(ready)).with_state(state);
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let answer = router.oneshot(request).await.unwrap();
        let status = answer.status();
        let body = to_bytes(answer.into_body(), 1_024).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn only_a_ready_node_is_sent_requests() {
        assert_eq!(asked("/readyz", Readiness::Ready).await, (StatusCode::OK, "ok\n".into()));
        let unready = [
            (Readiness::Recovering, "recovering:"),
            (Readiness::NoLeader, "no-leader:"),
            (Readiness::Corrupt, "corrupt:"),
            (Readiness::ShuttingDown, "shutting-down:"),
        ];
        for (readiness, reason) in unready {
            let (status, text) = asked("/readyz", readiness).await;
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
            assert!(text.starts_with(reason), "{text}");
        }
    }

    #[tokio::test]
    async fn a_node_without_a_leader_lives() {
        assert_eq!(asked("/livez", Readiness::NoLeader).await.0, StatusCode::OK);
    }
}
