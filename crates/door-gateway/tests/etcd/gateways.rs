//! etcd's gateway and ours, and what both are asked.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use conclave_door_gateway::{Health, MESSAGE_SIZE_BYTES_MAX_DEFAULT, Options};
use conclave_testkit::EtcdCluster;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::transport::Channel;
use tower::{ServiceExt as _, service_fn};

use crate::server::{self, VERSION};

/// Larger answers are a mistake.
const ANSWER_SIZE_BYTES_MAX: usize = 1 << 20;
/// How long streams are read that do not end by themselves.
const READ_FOR: (&str, &str) = ("Grpc-Timeout", "2S");
/// Longer than any other call takes.
const PATIENCE: (&str, &str) = ("Grpc-Timeout", "30S");
/// The line of an error for a deadline that has passed. Whether that has code 4 (504) or 2 (500) is a race within etcd.
const TOO_LATE: &str = "too late";
/// What differs between any two clusters, and from one moment to the next.
const MASKED: [&str; 14] = [
    "ID",
    "blob",
    "clientURLs",
    "cluster_id",
    "dbSize",
    "dbSizeInUse",
    "hash",
    "leader",
    "member_id",
    "peerURLs",
    "raft_term",
    "raftAppliedIndex",
    "raftIndex",
    "token",
];

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) body: &'static str,
    pub(crate) header: (&'static str, &'static str),
}

impl Asked {
    pub(crate) fn post(path: &'static str, body: &'static str) -> Self {
        let is_endless = path.ends_with("/watch") || path.ends_with("/observe");
        Self { method: "POST", path, body, header: if is_endless { READ_FOR } else { PATIENCE } }
    }

    /// The same with that header.
    pub(crate) fn with(&self, name: &'static str, value: &'static str) -> Self {
        Self { header: (name, value), ..self.clone() }
    }
}

/// What was answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) status: u16,
    content_type: String,
    lines: Vec<String>,
}

impl Told {
    fn new(status: u16, content_type: String, text: &[u8]) -> Self {
        let lines = masked(text);
        let is_late_at_once = lines.first().is_some_and(|line| line.trim_end() == TOO_LATE);
        // It is told by the status, too, then: see `TOO_LATE`.
        let status = if is_late_at_once && status == 500 { 504 } else { status };
        Self { status, content_type, lines }
    }
}

/// The two, each before an etcd of its own: what one is asked must not show in what the other answers.
pub(crate) struct Gateways {
    theirs: EtcdCluster,
    ours: Router,
    _behind_ours: EtcdCluster,
}

impl Gateways {
    pub(crate) async fn start() -> Self {
        let (theirs, behind_ours) = (server::start().await, server::start().await);
        let channel = behind_ours.member(0).channel();
        let options = Options {
            message_size_bytes_max: MESSAGE_SIZE_BYTES_MAX_DEFAULT,
            server_version: VERSION.into(),
            cluster_version: "3.5.0".into(),
        };
        let ours = conclave_door_gateway::routes(grpc_of(channel), options, async |_| Health::Healthy);
        Self { theirs, ours, _behind_ours: behind_ours }
    }

    /// Asks both; the answers must be the same.
    pub(crate) async fn compare(&self, asked: &Asked) {
        let (theirs, ours) = self.ask(asked).await;
        assert_eq!(ours, theirs, "{asked:?}");
    }

    /// Asks both; the statuses and codes must be the same, and not those of success.
    pub(crate) async fn compare_code(&self, asked: &Asked) {
        let (theirs, ours) = self.ask(asked).await;
        let code = |told: &Told| serde_json::from_str::<Value>(&told.lines[0]).unwrap()["code"].clone();
        assert_eq!((ours.status, code(&ours)), (theirs.status, code(&theirs)), "{asked:?}");
        assert_ne!(ours.status, 200, "{asked:?}");
    }

    async fn ask(&self, asked: &Asked) -> (Told, Told) {
        let Asked { method, path, body, header: (name, value) } = asked;
        let header = format!("{name}: {value}\r\n");
        let address = self.theirs.member(0).address();
        let theirs = over_http(&address, method, path, &header, body);
        let request = Request::builder().method(*method).uri(*path).header(*name, *value);
        let request = request.body(Body::from(*body)).unwrap();
        let ours = async {
            let (head, body) = self.ours.clone().oneshot(request).await.unwrap().into_parts();
            (head, to_bytes(body, ANSWER_SIZE_BYTES_MAX).await.unwrap())
        };
        let (theirs, (head, text)) = tokio::join!(theirs, ours);
        let (status, headers) = (head.status.as_u16(), head.headers);
        let content_type = headers.get("content-type").map(|it| it.to_str().unwrap().to_owned());
        (theirs.expect("etcd answers"), Told::new(status, content_type.unwrap_or_default(), &text))
    }
}

/// A router that hands all calls over to a server.
fn grpc_of(channel: Channel) -> Router {
    Router::new().fallback_service(service_fn(move |mut request: Request<Body>| {
        // The channel would watch it, too, and end the call without a status.
        request.headers_mut().remove("grpc-timeout");
        let called = channel.clone().oneshot(request.map(tonic::body::Body::new));
        async move { Ok(called.await.expect("etcd answers").map(Body::new)) }
    }))
}

/// Asks over HTTP/1.0, whose answers are never in chunks; none if nobody answers.
async fn over_http(address: &str, method: &str, path: &str, header: &str, body: &str) -> Option<Told> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let size = body.len();
    let request = format!("{method} {path} HTTP/1.0\r\n{header}content-length: {size}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let content_type = head.lines().find_map(|line| line.strip_prefix("Content-Type: ")).unwrap_or_default();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Told::new(status, content_type.to_owned(), &answer[end + 4..]))
}

/// The lines of an answer, without what differs between any two clusters.
fn masked(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8(text.to_vec()).unwrap();
    let line = |line: &str| match serde_json::from_str::<Value>(line) {
        Ok(json) if json["error"]["message"] == "context deadline exceeded" => TOO_LATE.to_owned(),
        Ok(mut json) => {
            mask(&mut json);
            json.to_string()
        }
        Err(_) => line.to_owned(),
    };
    text.split_inclusive('\n').map(|it| line(it) + if it.ends_with('\n') { "\n" } else { "" }).collect()
}

fn mask(json: &mut Value) {
    match json {
        Value::Array(list) => list.iter_mut().for_each(mask),
        Value::Object(fields) => {
            for (name, value) in fields {
                if MASKED.contains(&name.as_str()) && !value.is_object() {
                    *value = "masked".into();
                }
                mask(value);
            }
        }
        _ => {}
    }
}
