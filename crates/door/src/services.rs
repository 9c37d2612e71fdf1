//! gRPC services, found by the name in a call's path.
//!
//! What is called by name is asked at once. As routes of axum the same services take part in what else the port serves;
//! on that way each call is matched against all routes and boxed anew by every layer.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::Routes;
use tower::{Service, ServiceExt as _};

/// The content type of gRPC; what its messages are may follow.
const GRPC: &str = "application/grpc";

/// The answer to a call.
pub type Answering = BoxFuture<'static, Result<Response<Body>, Infallible>>;

/// The services of some doors.
#[derive(Clone, Default)]
pub struct Services {
    named: Vec<Named>,
    routes: Routes,
}

#[derive(Clone)]
struct Named {
    name: &'static str,
    service: Arc<dyn Answers>,
}

/// A service without its type.
trait Answers: Send + Sync {
    fn answer(&self, call: Request<Body>) -> Answering;
}

impl<S> Answers for S
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    fn answer(&self, call: Request<Body>) -> Answering {
        self.clone().oneshot(call).boxed()
    }
}

impl Services {
    /// Adds one.
    #[must_use]
    pub fn with<S>(mut self, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
        S: NamedService + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        self.named.push(Named { name: S::NAME, service: Arc::new(service.clone()) });
        self.routes = self.routes.add_service(service);
        self
    }

    /// All of them, as routes.
    pub fn routes(&self) -> Routes {
        self.routes.clone()
    }

    /// All of them, to be called by name.
    pub fn by_name(self) -> ByName {
        let mut named = self.named;
        named.sort_by_key(|named| named.name);
        ByName { named: named.into() }
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.named.iter().map(|named| named.name)).finish()
    }
}

/// Services in the order of their names.
#[derive(Clone)]
pub struct ByName {
    named: Arc<[Named]>,
}

impl ByName {
    /// The service that is called; none: this is no call of gRPC, or of no service here.
    pub fn called(&self, call: &Request<Body>) -> Option<Called<'_>> {
        let (name, method) = call.uri().path().strip_prefix('/')?.split_once('/')?;
        if method.is_empty() {
            return None;
        }
        let place = self.named.binary_search_by_key(&name, |named| named.name).ok()?;
        is_grpc(call.headers()).then(|| Called { service: self.named[place].service.as_ref() })
    }
}

/// A service that is called.
pub struct Called<'a> {
    service: &'a dyn Answers,
}

impl Called<'_> {
    /// Has it answer.
    pub fn answer(self, call: Request<Body>) -> Answering {
        self.service.answer(call)
    }
}

impl fmt::Debug for Called<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Called").finish_non_exhaustive()
    }
}

impl fmt::Debug for ByName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.named.iter().map(|named| named.name)).finish()
    }
}

/// Whether a request says that it is a call of gRPC.
pub fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let rest = kind.strip_prefix(GRPC.as_bytes());
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};
    use std::task::{Context, Poll};

    use super::*;

    macro_rules! service {
        ($type:ident, $name:literal) => {
            #[derive(Clone)]
            struct $type;

            impl NamedService for $type {
                const NAME: &'static str = $name;
            }

            impl Service<Request<Body>> for $type {
                type Response = Response<Body>;
                type Error = Infallible;
                type Future = Ready<Result<Response<Body>, Infallible>>;

                fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
                    Poll::Ready(Ok(()))
                }

                fn call(&mut self, _: Request<Body>) -> Self::Future {
                    ready(Ok(Response::builder().header("by", $name).body(Body::empty()).unwrap()))
                }
            }
        };
    }

    service!(First, "b.First");
    service!(Second, "a.Second");

    /// Who answers this.
    async fn who(path: &str, kind: &str) -> Option<String> {
        let services = Services::default().with(First).with(Second).by_name();
        let call = Request::builder().method("POST").uri(path).header(CONTENT_TYPE, kind);
        let call = call.body(Body::empty()).unwrap();
        let answer = services.called(&call)?.answer(call).await.unwrap();
        Some(answer.headers()["by"].to_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn each_service_is_found_by_its_name_alone() {
        let grpc = "application/grpc+proto";
        assert_eq!(who("/b.First/Get", grpc).await.as_deref(), Some("b.First"));
        assert_eq!(who("/a.Second/Get", "application/grpc").await.as_deref(), Some("a.Second"));
        for path in
            ["/", "/b.First", "/b.Firs/Get", "/b.First1/Get", "/b.First/", "/x/b.First/Get", "//b.First/Get"]
        {
            assert_eq!(who(path, grpc).await, None, "{path}");
        }
    }

    #[tokio::test]
    async fn what_does_not_say_that_it_is_grpc_is_not_called() {
        for kind in
            ["", "text/plain", "application/json", "application/grpc-web", "application/grpc-web+proto"]
        {
            assert_eq!(who("/b.First/Get", kind).await, None, "{kind}");
        }
        assert!(who("/b.First/Get", "application/grpc;charset=x").await.is_some());
    }
}
