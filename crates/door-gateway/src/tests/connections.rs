//! What goes on over a connection: both ways at once, and when a client goes away it takes its call with it.

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

/// Reads on until that has come.
async fn read_until(client: &mut TcpStream, read: &mut Vec<u8>, end: &str) {
    while !String::from_utf8_lossy(read).contains(end) {
        assert_ne!(timeout(PATIENCE, client.read_buf(read)).await.unwrap().unwrap(), 0);
    }
}

#[tokio::test]
async fn a_watch_ends_with_its_client() {
    let (fake, mut tasks) = (Fake::default(), JoinSet::new());
    let address = serve(&fake, &mut tasks).await;
    let mut client = ask(address, "/v3/watch", r#"{"create_request":{"watch_id":7}}"#).await;
    let mut read = Vec::new();
    read_until(&mut client, &mut read, r#""watch_id":"7","created":true}}"#).await;
    let head = String::from_utf8_lossy(&read).to_lowercase();
    assert!(head.starts_with("http/1.1 200 ok\r\n") && head.contains("transfer-encoding: chunked"), "{head}");
    drop(client);
    timeout(PATIENCE, fake.given_up.notified()).await.expect("the call ends when its client goes away");
}

/// Sends a piece of a body that goes on.
async fn send_chunk(client: &mut TcpStream, text: &str) {
    client.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).await.unwrap();
}

#[tokio::test]
async fn a_watch_is_asked_while_it_answers_and_ends_in_the_middle_of_a_request() {
    let (fake, mut tasks) = (Fake::default(), JoinSet::new());
    let address = serve(&fake, &mut tasks).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let head = "POST /v3/watch HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    send_chunk(&mut client, r#"{"create_request":{"watch_id":7}} {"canc"#).await;
    read_until(&mut client, &mut read, r#""watch_id":"7","created":true}}"#).await;
    send_chunk(&mut client, r#"el_request":{"watch_id":7}}"#).await;
    read_until(&mut client, &mut read, r#""watch_id":"7","canceled":true}}"#).await;
    send_chunk(&mut client, r#"{"progress_"#).await;
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
