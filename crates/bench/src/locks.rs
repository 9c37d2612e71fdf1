//! Locks: how many are acquired and released, and how long it takes until a lock that is released is the next one's.
//!
//! Contenders acquire and release as fast as they can, each with a session of its own, spread over all nodes: first one
//! lock that all want, then each a lock of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use conclave_client::{Client, ClientOptions, Session, SessionOptions};
use conclave_testkit::{Cluster, ClusterOptions};
use hdrhistogram::Histogram;
use parking_lot::Mutex;
use tokio::task::JoinSet;

use crate::report::Report;

/// The longest time that is told apart, in microseconds.
const LONGEST_US: u64 = 60_000_000;
/// Digits of a time that are kept.
const DIGITS: u8 = 3;
/// Time that does not count: connections are made.
const WARM_UP: Duration = Duration::from_secs(1);

/// How locks are measured.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct LocksArgs {
    /// Contenders, each number in turn
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64])]
    contenders: Vec<usize>,
    /// How long each part takes, in seconds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
}

/// Measures, and prints each part as it is found.
pub(crate) async fn run(binary: &Path, args: &LocksArgs) -> anyhow::Result<()> {
    let binary = binary.to_str().context("the program's path is no text")?;
    let mut cluster = Cluster::start(ClusterOptions::new(binary, 3)).await;
    for contenders in &args.contenders {
        let contest = Contest::open(&mut cluster, *contenders).await?;
        for shape in [Shape::OneLock, Shape::LockEach] {
            contest.run(shape, WARM_UP).await?;
            let round = contest.run(shape, Duration::from_secs(args.seconds)).await?;
            round.report(shape, *contenders).print();
        }
    }
    Ok(())
}

/// Who wants what.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// All want the same lock.
    OneLock,
    /// Each wants its own.
    LockEach,
}

/// The contenders.
struct Contest {
    sessions: Vec<Arc<Session>>,
}

/// What a part has brought.
struct Round {
    /// From the moment at which a lock began to be released to the next grant of it, or from the moment at which a
    /// free one was asked for to its grant.
    taken_us: Histogram<u64>,
    took: Duration,
}

impl Contest {
    async fn open(cluster: &mut Cluster, contenders: usize) -> anyhow::Result<Self> {
        let mut sessions = Vec::with_capacity(contenders);
        let ids = cluster.ids();
        let addresses: Vec<String> =
            ids.into_iter().map(|id| cluster.node(id).client_address().to_string()).collect();
        for number in 0..contenders {
            // Each begins at another node.
            let mut endpoints = addresses.clone();
            endpoints.rotate_left(number % addresses.len());
            let client = Client::connect(ClientOptions::new(endpoints))?;
            let options =
                SessionOptions { owner: format!("contender-{number}"), ..SessionOptions::default() };
            sessions.push(Arc::new(client.open_session(options).await?));
        }
        Ok(Self { sessions })
    }

    async fn run(&self, shape: Shape, duration: Duration) -> anyhow::Result<Round> {
        let (began, released) = (Instant::now(), Arc::new(Mutex::new(None)));
        let mut contending = JoinSet::new();
        for (number, session) in self.sessions.iter().enumerate() {
            let (name, released) = match shape {
                Shape::OneLock => ("bench/one".to_owned(), Some(Arc::clone(&released))),
                Shape::LockEach => (format!("bench/each/{number}"), None),
            };
            contending.spawn(contend(Arc::clone(session), name, released, began + duration));
        }
        let mut taken_us = histogram();
        while let Some(ended) = contending.join_next().await {
            taken_us.add(ended.context("a contender was cut short")??)?;
        }
        Ok(Round { taken_us, took: began.elapsed() })
    }
}

/// Acquires and releases until a moment.
async fn contend(
    session: Arc<Session>,
    name: String,
    released: Option<Arc<Mutex<Option<Instant>>>>,
    until: Instant,
) -> anyhow::Result<Histogram<u64>> {
    let mut taken_us = histogram();
    while Instant::now() < until {
        let asked = Instant::now();
        let guard = session.lock(&name).acquire().await?;
        // Of a lock that was released before it was asked for, the time counts from when it was asked for.
        let free = released.as_ref().and_then(|released| *released.lock()).unwrap_or(asked).max(asked);
        taken_us.saturating_record(u64::try_from(free.elapsed().as_micros()).unwrap_or(u64::MAX));
        if let Some(released) = &released {
            *released.lock() = Some(Instant::now());
        }
        guard.release().await?;
    }
    Ok(taken_us)
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_US, DIGITS).expect("the bounds are in order")
}

impl Round {
    fn report(&self, shape: Shape, contenders: usize) -> Report {
        let (what, taken) = match shape {
            Shape::OneLock => ("one lock", "from the release to the next grant"),
            Shape::LockEach => ("a lock each", "from the request to the grant"),
        };
        let mut report = Report::titled(format!("{contenders} contenders, {what}"));
        report.rate("locks acquired and released", self.taken_us.len(), self.took);
        for (name, part) in [("p50", 0.5), ("p99", 0.99)] {
            let found = Duration::from_micros(self.taken_us.value_at_quantile(part));
            report.duration(&format!("{name} {taken}"), found, None);
        }
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_told_in_lines() {
        let mut taken_us = histogram();
        (1..=100).for_each(|ms| taken_us.saturating_record(ms * 1_000));
        let round = Round { taken_us, took: Duration::from_secs(2) };
        let text = round.report(Shape::OneLock, 16).to_string();
        for figure in ["16 contenders, one lock\n", "50 a second", "p50 from the release", "99.0"] {
            assert!(text.contains(figure), "{figure}: {text}");
        }
    }
}
