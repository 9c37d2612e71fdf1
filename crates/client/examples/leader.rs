//! A program of which one instance leads and the others stand by: each stands for election, and works while it leads.
//!
//! `cargo run -p conclave-client --example leader -- 127.0.0.1:4101,127.0.0.1:4102 node-a`

#![allow(clippy::print_stdout, reason = "it is a program for people")]

use std::error::Error;
use std::pin::pin;
use std::time::Duration;

use conclave_client::config::{CommitRequest, NamespaceEdits};
use conclave_client::{
    Client, ClientError, ClientOptions, Fenced as _, Leader, Session, SessionOptions, edits, reason,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [nodes, name] = &arguments[..] else { return Err("usage: NODES NAME".into()) };
    let client = Client::connect(ClientOptions::new(nodes.split(',')))?;
    let options = SessionOptions { owner: name.clone(), ..Default::default() };
    let mut watching = pin!(watch_leaders(&client));
    loop {
        let session = client.open_session(options.clone()).await?;
        let goes_on = tokio::select! {
            led = stand(&client, &session, name) => led.map(|()| true)?,
            told = &mut watching => told.map(|()| false)?,
            stop = tokio::signal::ctrl_c() => stop.map(|()| false)?,
        };
        // Closing it gives leadership up: another need not wait until the TTL is over.
        let closed = session.close().await;
        if !goes_on {
            return Ok(closed?);
        }
    }
}

/// Stands for election again and again, until the session is lost.
async fn stand(client: &Client, session: &Session, name: &str) -> Result<(), ClientError> {
    while session.is_alive() {
        let leader = match session.election("example/leader").campaign(name.to_owned()).await {
            Ok(leader) => leader,
            Err(_) if !session.is_alive() => break,
            Err(error) => return Err(error),
        };
        println!("{name} leads with the token {}", leader.token());
        // What is under way when leadership is lost is dropped, where it next waits.
        tokio::select! {
            biased;
            lost = leader.lost() => println!("{name} leads no more: {lost}"),
            Err(error) = work(client, &leader, name) => match error.reason() {
                reason::LOCK_TOKEN_MISMATCH => println!("{name} leads no more: {error}"),
                _ => return Err(error),
            },
        }
    }
    Ok(())
}

/// What only the leader may do: a commit that is refused if another leads by then.
async fn work(client: &Client, leader: &Leader, name: &str) -> Result<(), ClientError> {
    let edit = NamespaceEdits {
        namespace: "example/leader".into(),
        edits: vec![edits::put("led-by", name)],
        create_if_missing: true,
        ..Default::default()
    };
    loop {
        let request = CommitRequest { namespaces: vec![edit.clone()], ..Default::default() };
        client.commit(request.held(leader)).await?;
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}

/// Tells who leads, whenever that changes.
async fn watch_leaders(client: &Client) -> Result<(), ClientError> {
    let mut observer = client.observe("example/leader");
    loop {
        match observer.next().await?.leader {
            Some(leader) => println!("leader: {}", String::from_utf8_lossy(&leader.metadata)),
            None => println!("nobody leads"),
        }
    }
}
