//! The port has two kinds of callers: those of gRPC, who are told in their own terms, and all others.

use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use conclave_door::is_grpc;

const GRPC: &str = "application/grpc";
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// `UNIMPLEMENTED` of gRPC.
const UNIMPLEMENTED: &str = "12";

/// Lets only what says that it is gRPC through to gRPC services: 415 for all else. A page that is open in a browser can send
/// bytes to any port, but not under that name.
pub async fn grpc_only(request: Request, next: Next) -> Response {
    if is_grpc(request.headers()) {
        return next.run(request).await;
    }
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, "this is a call of gRPC: its content type is application/grpc\n")
        .into_response()
}

/// What is at no path of any door: for a gRPC client a status, for all others 404.
pub async fn unknown(uri: Uri, headers: HeaderMap) -> Response {
    if is_grpc(&headers) {
        let message = [(GRPC_MESSAGE, unknown_service(uri.path()))];
        return ([(CONTENT_TYPE, GRPC), (GRPC_STATUS, UNIMPLEMENTED)], message, ()).into_response();
    }
    let text = "there is nothing here: /metrics, /livez and /readyz are what this port tells over HTTP\n";
    (StatusCode::NOT_FOUND, text).into_response()
}

/// As gRPC servers elsewhere have it. A path can be anything: only what is a name is told.
fn unknown_service(path: &str) -> String {
    let service = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    let is_name = service.chars().all(|it| it.is_ascii_alphanumeric() || it == '.' || it == '_');
    format!("unknown service {}", if is_name { service } else { "" })
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::HeaderValue;
    use axum::middleware::from_fn;
    use axum::routing::post;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn only_what_is_grpc_comes_through() {
        let answer = async |kind: &str| {
            let router = Router::new().route("/a.B/Get", post(async || "it came through"));
            let request = Request::builder().method("POST").uri("/a.B/Get").header(CONTENT_TYPE, kind);
            let request = request.body(Body::empty()).unwrap();
            router.route_layer(from_fn(grpc_only)).oneshot(request).await.unwrap().status()
        };
        for kind in ["application/grpc", "application/grpc+proto", "application/grpc; charset=x"] {
            assert_eq!(answer(kind).await, StatusCode::OK, "{kind}");
        }
        for kind in ["", "text/plain", "application/json", "application/grpc-web+proto"] {
            assert_eq!(answer(kind).await, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
        }
    }

    #[tokio::test]
    async fn what_is_nowhere_is_told_in_the_callers_own_terms() {
        let grpc = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/grpc+proto"))]);
        for (path, text) in [
            ("/a.B_2/Get", "unknown service a.B_2"),
            ("/a%0ab/Get", "unknown service "),
            ("/", "unknown service "),
        ] {
            let answer = unknown(Uri::from_static(path), grpc.clone()).await;
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(answer.headers()[GRPC_STATUS], "12");
            assert_eq!(answer.headers()[GRPC_MESSAGE], text);
        }
        let answer = unknown(Uri::from_static("/a.B/Get"), HeaderMap::new()).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    }
}
