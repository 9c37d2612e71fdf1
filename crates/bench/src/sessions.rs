//! Very many sessions: how fast they are opened and renewed, and what it does to writes when many end at once.
//!
//! Most live on. The others are opened so that all of them end at the same moment. Single writes at a fixed rate go on
//! through it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use conclave_client::lock::OpenSessionRequest;
use conclave_client::{Client, ClientOptions};
use conclave_testkit::{Cluster, ClusterOptions};
use parking_lot::Mutex;
use tokio::task::JoinSet;

use crate::latencies::SteadyWrites;
use crate::load::Load;
use crate::metrics::Metrics;
use crate::report::Report;

/// How many calls are under way at once.
const CALLERS: usize = 128;
/// TTL of the sessions that live on.
const LONG_TTL: Duration = Duration::from_secs(3_600);
/// Single writes a second.
const WRITES_A_SECOND: u32 = 200;
/// How long they are measured before any session ends.
const QUIET: Duration = Duration::from_secs(10);
/// How much longer than the slowest write of the quiet cluster one may take while sessions end.
const DELAY_GOAL: Duration = Duration::from_millis(100);
/// How often it is looked how many sessions are left.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// How long after their moment sessions may end.
const END_LIMIT: Duration = Duration::from_secs(60);

/// How many sessions.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SessionsArgs {
    /// Sessions that live on
    #[arg(long, default_value_t = 90_000)]
    live: u64,
    /// Sessions that end at the same moment
    #[arg(long, default_value_t = 10_000)]
    ending: u64,
}

/// Measures, and prints what it found.
pub(crate) async fn run(binary: &Path, args: &SessionsArgs) -> anyhow::Result<()> {
    let binary = binary.to_str().context("the program's path is no text")?;
    let mut cluster = Cluster::start(ClusterOptions::new(binary, 3)).await;
    let leader = cluster.all_serve().await;
    let ids = cluster.ids();
    let endpoints: Vec<String> =
        ids.into_iter().map(|id| cluster.node(id).client_address().to_string()).collect();
    let client = Client::connect(ClientOptions::new(endpoints))?;
    let node = cluster.node(leader).client_address();
    let mut report = Report::titled("sessions on three nodes");

    let began = Instant::now();
    let opened = open(&client, args.live, Instant::now() + LONG_TTL).await?;
    report.rate("sessions opened", args.live, began.elapsed());
    let began = Instant::now();
    renew(&client, opened).await?;
    report.rate("sessions renewed, one a call", args.live, began.elapsed());

    // Twice what it takes to open them, by what it took to open the others.
    let moment = Instant::now() + Duration::from_secs(10).max(began.elapsed());
    open(&client, args.ending, moment).await?;
    let load = Load::new(1_000, 256);
    load.fill(&client).await?;
    let steady = SteadyWrites { client, load, interval: Duration::from_secs(1) / WRITES_A_SECOND };
    let quiet_until = (moment - Duration::from_secs(1)).min(Instant::now() + QUIET);
    let ((), quiet) = steady.during(tokio::time::sleep_until(quiet_until.into())).await?;
    let all_but_one = Duration::from_millis(10);
    tokio::time::sleep_until((moment - all_but_one).into()).await;
    let (ended, busy) = steady.during(have_ended(node, args.live)).await?;
    report.duration(&format!("until {} sessions had ended, from their moment on", args.ending), ended?, None);
    busy.tell_beside(&quiet, &mut report);
    let goal = quiet.slowest() + DELAY_GOAL;
    report.duration("the slowest write while sessions ended", busy.slowest(), Some(goal));
    report.print();
    Ok(())
}

/// Opens sessions that end at a moment unless they are renewed; tells their ids.
async fn open(client: &Client, count: u64, moment: Instant) -> anyhow::Result<Vec<u64>> {
    let (left, ids) = (Arc::new(AtomicU64::new(count)), Arc::new(Mutex::new(Vec::new())));
    let mut opening = JoinSet::new();
    for _ in 0..CALLERS {
        let (client, left, ids) = (client.clone(), Arc::clone(&left), Arc::clone(&ids));
        opening.spawn(async move {
            let one_less = |left: u64| left.checked_sub(1);
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok() {
                let ttl = moment.saturating_duration_since(Instant::now());
                let ttl_ms = u64::try_from(ttl.as_millis())?.max(1_000);
                let request = OpenSessionRequest { ttl_ms, ..OpenSessionRequest::default() };
                let session = client.open_bare_session(request).await?.session.context("no session")?;
                ids.lock().push(session.id);
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = opening.join_next().await {
        ended.context("a caller was cut short")??;
    }
    Ok(std::mem::take(&mut *ids.lock()))
}

async fn renew(client: &Client, ids: Vec<u64>) -> anyhow::Result<()> {
    let ids = Arc::new(Mutex::new(ids));
    let mut renewing = JoinSet::new();
    for _ in 0..CALLERS {
        let (client, ids) = (client.clone(), Arc::clone(&ids));
        renewing.spawn(async move {
            loop {
                let next = ids.lock().pop();
                let Some(id) = next else { return anyhow::Ok(()) };
                client.renew_session(id).await?;
            }
        });
    }
    while let Some(ended) = renewing.join_next().await {
        ended.context("a caller was cut short")??;
    }
    Ok(())
}

/// How long it takes until so few sessions are left.
async fn have_ended(node: std::net::SocketAddr, left: u64) -> anyhow::Result<Duration> {
    let began = Instant::now();
    while Metrics::of(node).await?.sessions()? > left {
        anyhow::ensure!(began.elapsed() < END_LIMIT, "the sessions do not end");
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    Ok(began.elapsed())
}
