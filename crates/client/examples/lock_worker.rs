//! A worker that counts in a file, under a lock: many of them, on many machines, count exactly. The file stands for
//! whatever a lock protects: it remembers the greatest token, and refuses a smaller one.
//!
//! `cargo run -p conclave-client --example lock_worker -- 127.0.0.1:4101,127.0.0.1:4102 counter.txt 100`

#![allow(clippy::print_stdout, reason = "it is a program for people")]

use std::error::Error;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use conclave_client::{Client, ClientOptions, LockGuard, SessionOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [nodes, file, times] = &arguments[..] else { return Err("usage: NODES FILE TIMES".into()) };
    let client = Client::connect(ClientOptions::new(nodes.split(',')))?;
    let options = SessionOptions {
        ttl: Duration::from_secs(10),
        owner: format!("counter {}", std::process::id()),
        ..Default::default()
    };

    let mut session = client.open_session(options.clone()).await?;
    let mut left: u32 = times.parse()?;
    while left > 0 {
        let counted = match session.lock("example/counter").acquire().await {
            Ok(guard) => count(&guard, Path::new(file))?,
            // A worker whose session is lost begins anew; any other error is one.
            Err(_) if !session.is_alive() => None,
            Err(error) => return Err(error.into()),
        };
        match counted {
            Some(count) => {
                println!("{count}");
                left -= 1;
            }
            None if session.is_alive() => {}
            None => session = client.open_session(options.clone()).await?,
        }
    }
    session.close().await?;
    Ok(())
}

/// Counts one further, and releases the lock. None: the lock was lost before that was written.
fn count(guard: &LockGuard, file: &Path) -> Result<Option<u64>, Box<dyn Error>> {
    let (token, count) = read(file)?;
    if guard.token() < token || !guard.is_held() {
        return Ok(None);
    }
    // A file cannot compare and write in one step. What can, a database for one, makes this safe whatever happens.
    let next = file.with_extension(format!("{}", guard.token()));
    fs::write(&next, format!("{} {}\n", guard.token(), count + 1))?;
    fs::rename(&next, file)?;
    Ok(Some(count + 1))
}

/// The greatest token that wrote the file, and the count.
fn read(file: &Path) -> Result<(u64, u64), Box<dyn Error>> {
    match fs::read_to_string(file) {
        Ok(text) => {
            let (token, count) = text.trim().split_once(' ').ok_or("not a file of this program")?;
            Ok((token.parse()?, count.parse()?))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok((0, 0)),
        Err(error) => Err(error.into()),
    }
}
