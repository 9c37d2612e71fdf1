//! The flags of what is held while a program runs, as types.

use std::collections::BTreeMap;
use std::time::Duration;

use conclave_client::SessionOptions;

use crate::cli::options::{duration, span_ms};
use crate::cli::session::Session;

/// Bounds of a session's TTL, in milliseconds: a second to a day.
const TTL_MS: (u64, u64) = (1_000, 86_400_000);
/// Bounds of a wait that has an end, in milliseconds: up to a week.
const WAIT_MS: (u64, u64) = (1, 7 * 86_400_000);
/// Most permits that a lock can have.
const CAPACITY_MAX: u32 = 1_000_000;

/// Flags of what is held while a program runs.
#[derive(Debug, Clone, clap::Args)]
pub(in crate::cli) struct HoldArgs {
    /// How long the session lives without being renewed, 1s to 24h: what a dead holder had is another's so much
    /// later, and a holder that reaches no node for so long has lost it
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = ttl)]
    ttl: Duration,
    /// How long to wait at most [default: as long as it takes]
    #[arg(long, value_name = "DURATION", value_parser = wait)]
    wait: Option<Duration>,
    /// Do not wait: it is to be had now, or not at all
    #[arg(long, conflicts_with = "wait")]
    no_wait: bool,
    /// Who, for people [default: the author and the host]
    #[arg(long, value_name = "TEXT")]
    owner: Option<String>,
    /// How long COMMAND may take to end, once it was told to, before it is killed
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    pub(in crate::cli) grace: Duration,
}

impl HoldArgs {
    /// The session to open.
    pub(in crate::cli) fn session_options(&self, session: &Session) -> SessionOptions {
        let owner = self.owner.clone().unwrap_or_else(|| owner(session.author()));
        let metadata = BTreeMap::from([("pid".to_owned(), std::process::id().to_string())]);
        SessionOptions { ttl: self.ttl, owner, metadata }
    }

    /// How long to wait. None: as long as it takes.
    pub(in crate::cli) fn wait(&self) -> Option<Duration> {
        if self.no_wait { Some(Duration::ZERO) } else { self.wait }
    }
}

/// Who does it where.
fn owner(author: &str) -> String {
    let system = rustix::system::uname();
    let host = system.nodename().to_string_lossy();
    if author.is_empty() { host.into_owned() } else { format!("{author}@{host}") }
}

/// Some of a number of permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Permits {
    pub(super) count: u32,
    pub(super) capacity: u32,
}

/// Reads `N/CAPACITY`.
pub(super) fn permits(text: &str) -> Result<Permits, String> {
    let (count, capacity) = text.split_once('/').unwrap_or_default();
    let numbers = count.parse().ok().zip(capacity.parse().ok());
    let permits = numbers.map(|(count, capacity)| Permits { count, capacity });
    permits
        .filter(|it| (1..=CAPACITY_MAX).contains(&it.capacity) && (1..=it.capacity).contains(&it.count))
        .ok_or_else(|| {
            format!("it must be N/CAPACITY, as in 1/3: N of CAPACITY permits, {CAPACITY_MAX} of them at most")
        })
}

fn ttl(text: &str) -> Result<Duration, String> {
    span_ms(text, TTL_MS.0, TTL_MS.1).map(Duration::from_millis)
}

fn wait(text: &str) -> Result<Duration, String> {
    span_ms(text, WAIT_MS.0, WAIT_MS.1).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ttl_is_a_second_to_a_day() {
        assert_eq!(ttl("24h"), Ok(Duration::from_secs(86_400)));
        for wrong in ["999ms", "25h", "15", ""] {
            ttl(wrong).expect_err(wrong);
        }
        assert_eq!(wait("100h"), Ok(Duration::from_secs(360_000)));
        wait("0s").expect_err("--no-wait says that");
    }

    #[test]
    fn permits_are_some_of_a_number() {
        assert_eq!(permits("1/3"), Ok(Permits { count: 1, capacity: 3 }));
        for wrong in ["", "1", "/", "0/3", "4/3", "1/0", "1/1000001", "-1/3", "1/3/5"] {
            permits(wrong).expect_err(wrong);
        }
    }

    #[test]
    fn an_owner_is_somebody_somewhere() {
        let host = owner("");
        assert!(!host.is_empty());
        assert_eq!(owner("ada"), format!("ada@{host}"));
    }
}
