//! A bucket in memory that speaks as much of S3 as backups need: put, get, delete, and listings of one page.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

type Objects = BTreeMap<String, Bytes>;

/// A bucket that is served until it is dropped.
pub(crate) struct FakeBucket {
    url: String,
    objects: Arc<Mutex<Objects>>,
    _serving: JoinSet<()>,
}

impl FakeBucket {
    /// Begins to serve it.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        let objects: Arc<Mutex<Objects>> = Arc::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&objects));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            axum::serve(listener, router).await.expect("it serves until it is aborted");
        });
        Self { url, objects, _serving: serving }
    }

    /// Where it is served.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Names of all objects.
    pub(crate) fn names(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// Flips a byte of the largest object whose name begins so.
    pub(crate) fn flip_a_byte(&self, prefix: &str) {
        let mut objects = self.lock();
        let found = objects.iter_mut().filter(|(name, _)| name.starts_with(prefix));
        let (_, content) = found.max_by_key(|(_, content)| content.len()).expect("there is such an object");
        let mut bytes = content.to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        *content = bytes.into();
    }

    fn lock(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().expect("no test panicked")
    }
}

async fn answer(
    State(objects): State<Arc<Mutex<Objects>>>,
    method: Method,
    uri: Uri,
    Query(query): Query<BTreeMap<String, String>>,
    body: Bytes,
) -> Response {
    let mut objects = objects.lock().expect("no test panicked");
    let name = uri.path().to_owned();
    match method {
        Method::PUT => {
            objects.insert(name, body);
            ([("etag", "\"1\"")], "").into_response()
        }
        Method::GET if query.contains_key("list-type") => {
            let prefix = query.get("prefix").cloned().unwrap_or_default();
            listing(&objects, name.trim_end_matches('/'), &prefix).into_response()
        }
        Method::GET => match objects.get(&name) {
            Some(content) => {
                let headers = [("etag", "\"1\""), ("last-modified", "Sat, 28 Feb 2026 17:00:00 GMT")];
                (headers, content.clone()).into_response()
            }
            None => StatusCode::NOT_FOUND.into_response(),
        },
        Method::DELETE => {
            objects.remove(&name);
            StatusCode::NO_CONTENT.into_response()
        }
        _ => StatusCode::NOT_IMPLEMENTED.into_response(),
    }
}

/// What lies in a bucket under a prefix.
fn listing(objects: &Objects, bucket: &str, prefix: &str) -> String {
    let entry = |(name, content): (&String, &Bytes)| {
        let key = name.strip_prefix(bucket)?.trim_start_matches('/');
        key.starts_with(prefix).then(|| {
            format!(
                "<Contents><Key>{key}</Key><LastModified>2026-02-28T17:00:00.000Z</LastModified>\
                 <ETag>\"1\"</ETag><Size>{}</Size></Contents>",
                content.len()
            )
        })
    };
    let entries: String = objects.iter().filter_map(entry).collect();
    format!("<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>")
}
