//! `/metrics`: what is registered, as text.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics. Some are read from the store: on a thread that may block.
#[expect(clippy::disallowed_methods, reason = "metrics are of no node in particular")]
pub(crate) async fn tell(State(registry): State<Arc<Registry>>) -> Response {
    let encoding = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        encode(&mut text, &registry).map(|()| text)
    });
    match encoding.await {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Ok(Err(_)) | Err(_) => {
            tracing::warn!("the metrics could not be told");
            let reason = "the metrics could not be told: see the node's log\n";
            (StatusCode::INTERNAL_SERVER_ERROR, reason).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use prometheus_client::metrics::counter::Counter;

    use super::*;

    #[tokio::test]
    async fn what_is_registered_is_told() {
        let mut registry = Registry::default();
        let counter = Counter::<u64>::default();
        counter.inc();
        registry.register("conclave_things", "Things that were counted", counter);
        let answer = tell(State(Arc::new(registry))).await;
        assert_eq!(answer.headers()[header::CONTENT_TYPE], CONTENT_TYPE);
        let body = to_bytes(answer.into_body(), 4_096).await.unwrap();
        let text = std::str::from_utf8(&body).unwrap();
        assert!(text.contains("conclave_things_total 1") && text.ends_with("# EOF\n"), "{text}");
    }
}
