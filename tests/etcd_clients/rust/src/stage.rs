//! What all steps begin with: a client, faults that the test makes, and how the program tells what it does.

use std::env;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use etcd_client::{Client, ConnectOptions, Error};
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// How long anything that must come true may take.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// How long a call may take that nobody answers.
const CALL_LIMIT: Duration = Duration::from_secs(15);

/// A client that knows all nodes: as a user, if one is given with a password.
pub(crate) async fn client(user: Option<(&str, &str)>) -> Result<Client, Error> {
    let endpoints = env::var("CONCLAVE_TEST_ENDPOINTS").expect("the test names the nodes");
    let options = user.map(|(name, password)| ConnectOptions::new().with_user(name, password));
    Client::connect(endpoints.split(',').collect::<Vec<_>>(), options).await
}

/// Says what is done next.
pub(crate) fn says(what: &str) {
    // A program that cannot say anything has nobody who runs it.
    let _ = writeln!(io::stdout(), "{what}");
}

/// Has the test do something to the nodes.
pub(crate) async fn fault(what: &str) {
    says(&format!("> {what}"));
    let mut input = BufReader::new(tokio::io::stdin());
    input.read_line(&mut String::new()).await.expect("the test answers");
}

/// Asks until a call is answered with something: nodes may be away meanwhile.
pub(crate) async fn patiently<T>(what: &str, mut call: impl AsyncFnMut() -> Result<Option<T>, Error>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let last = tokio::time::timeout(CALL_LIMIT, call()).await;
        if let Ok(Ok(Some(found))) = last {
            return found;
        }
        let told = last.map(|told| told.map(|_| "not yet"));
        assert!(Instant::now() < deadline, "waited in vain: {what}: {told:?}");
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}
