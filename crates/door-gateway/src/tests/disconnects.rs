//! A client that goes away takes its call with it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use super::fake::Fake;
use super::options;
use crate::Health;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Serves the gateway as the program does; ends with the set.
async fn serve(fake: &Fake, tasks: &mut JoinSet<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let gateway = crate::routes(fake.clone().routes(), options(), async |_| Health::Healthy);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let server = Server::builder().accept_http1(true).add_routes(Routes::from(gateway));
    tasks.spawn(async move { server.serve_with_incoming(incoming).await.unwrap() });
    address
}

async fn ask(address: SocketAddr, path: &str, body: &str) -> TcpStream {
    let mut client = TcpStream::connect(address).await.unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    client.write_all((head + body).as_bytes()).await.unwrap();
    client
}

#[tokio::test]
async fn a_watch_ends_with_its_client() {
    let (fake, mut tasks) = (Fake::default(), JoinSet::new());
    let address = serve(&fake, &mut tasks).await;
    let mut client = ask(address, "/v3/watch", r#"{"create_request":{"watch_id":7}}"#).await;
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains(r#""watch_id":"7","created":true}}"#) {
        assert_ne!(timeout(PATIENCE, client.read_buf(&mut read)).await.unwrap().unwrap(), 0);
    }
    let head = String::from_utf8_lossy(&read).to_lowercase();
    assert!(head.starts_with("http/1.1 200 ok\r\n") && head.contains("transfer-encoding: chunked"), "{head}");
    drop(client);
    timeout(PATIENCE, fake.given_up.notified()).await.expect("the call ends when its client goes away");
}

#[tokio::test]
async fn a_lock_that_is_waited_for_is_given_up_with_its_client() {
    let (fake, mut tasks) = (Fake::default(), JoinSet::new());
    let address = serve(&fake, &mut tasks).await;
    let client = ask(address, "/v3/lock/lock", r#"{"name":"bG9jaw=="}"#).await;
    timeout(PATIENCE, fake.waits.notified()).await.expect("the call comes");
    drop(client);
    timeout(PATIENCE, fake.given_up.notified()).await.expect("the call ends when its client goes away");
}
