//! Workers that count in a resource outside the store, under one lock: for tests that mix languages.
//!
//! `counter_worker NODES RESOURCE LOCK WORKERS`: until the resource says that it is done. The resource takes lines,
//! `read TOKEN` and `write TOKEN COUNT`, and refuses a token that is smaller than one it has seen.

use std::error::Error;
use std::time::Duration;

use conclave_client::{Client, ClientOptions, LockGuard, Session, SessionOptions};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

type Failed = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [nodes, resource, lock, workers] = &arguments[..] else {
        return Err("usage: NODES RESOURCE LOCK WORKERS".into());
    };
    let mut working = JoinSet::new();
    for number in 0..workers.parse()? {
        let client = Client::connect(ClientOptions::new(nodes.split(',')))?;
        let worker = Worker { client, resource: resource.clone(), lock: lock.clone(), number };
        working.spawn(worker.work());
    }
    while let Some(ended) = working.join_next().await {
        ended??;
    }
    Ok(())
}

struct Worker {
    client: Client,
    resource: String,
    lock: String,
    number: u32,
}

impl Worker {
    /// Counts until the resource is done. Whatever fails in between is begun anew, with a new session if need be.
    async fn work(self) -> Result<(), Failed> {
        loop {
            let owner = format!("rust-{}", self.number);
            let options = SessionOptions { ttl: Duration::from_secs(5), owner, ..SessionOptions::default() };
            let Ok(session) = self.client.open_session(options).await else { continue };
            while session.is_alive() {
                let Ok(guard) = session.lock(&self.lock).acquire().await else { break };
                if self.count(&session, &guard).await? {
                    return Ok(());
                }
                // An error means that the release goes on in the background.
                let _ = guard.release().await;
            }
        }
    }

    /// Counts one further; tells whether the resource is done.
    async fn count(&self, session: &Session, guard: &LockGuard) -> Result<bool, Failed> {
        let mut resource = BufReader::new(TcpStream::connect(&self.resource).await?);
        let token = guard.token();
        let count = match ask(&mut resource, &format!("read {token}")).await?.as_str() {
            "done" => return Ok(true),
            "stale" => return Ok(false),
            count => count.parse::<u64>()?,
        };
        if session.is_alive() && guard.is_held() {
            ask(&mut resource, &format!("write {token} {}", count + 1)).await?;
        }
        Ok(false)
    }
}

async fn ask(resource: &mut BufReader<TcpStream>, line: &str) -> Result<String, Failed> {
    resource.write_all(format!("{line}\n").as_bytes()).await?;
    let mut answer = String::new();
    resource.read_line(&mut answer).await?;
    Ok(answer.trim().to_owned())
}
