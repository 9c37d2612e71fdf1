//! `conclave serve`: from the settings to a running node, and back down.
//!
//! Parse everything, bind, start the node, serve; on a signal hand leadership over, finish what was begun
//! within the grace period, end every task, and exit with 0.

mod logging;
mod server;
pub(crate) mod settings;
mod stop_signal;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use conclave_node::{
    AlarmOptions, JoinOptions, Machine, Node, NodeHandle, NodeOptions, PeerAddress, Token, WatchOptions,
};
use settings::{Mistake, Settings, Sources};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::stop_signal::StopSignal;

/// Most proposals of a node's clients that are under way at once.
const PROPOSALS_MAX: usize = 4_096;
/// Most reads that run at once on a node; each has a thread while it does.
const READS_MAX: usize = 64;
/// The share of the grace period within which leadership must be handed over.
const HAND_OVER_SHARE: u32 = 3;
/// How long threads that block may take to end when all else has.
const THREADS_END_MAX: Duration = Duration::from_secs(2);

/// The settings are wrong: the same exit code as for wrong arguments.
const EXIT_SETTINGS: u8 = 2;

/// Runs a node until it is told to stop, or cannot go on.
pub(crate) fn run(sources: &Sources) -> ExitCode {
    let settings = match Settings::read(sources) {
        Ok(settings) => settings,
        Err(mistakes) => return refuse(&mistakes),
    };
    match run_with(settings, sources) {
        Ok(code) => code,
        Err(error) => {
            // Without a standard error there is nobody to tell; the exit code still says it.
            let _ = writeln!(std::io::stderr(), "conclave serve: {}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error with its causes, but for those that it tells itself.
fn with_causes(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |told, cause| match cause.to_string() {
        cause if told.is_empty() => cause,
        cause if told.ends_with(&cause) => told,
        cause => format!("{told}: {cause}"),
    })
}

/// Tells every mistake in the settings.
fn refuse(mistakes: &[Mistake]) -> ExitCode {
    let mut text = String::from("conclave serve: these settings cannot be used:\n");
    for mistake in mistakes {
        text.push_str(&format!("  {mistake}\n"));
    }
    // Without a standard error there is nobody to tell; the exit code still says it.
    let _ = std::io::stderr().write_all(text.as_bytes());
    ExitCode::from(EXIT_SETTINGS)
}

/// An error is one that came before the log could tell it.
fn run_with(settings: Settings, sources: &Sources) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("conclave")
        .build()
        .context("the runtime cannot start")?;
    let entered = runtime.enter();
    let log = logging::start(&settings).context("spans cannot be sent (otlp_endpoint)")?;
    drop(entered);
    for variable in sources.passed_over() {
        tracing::warn!(variable, "this variable is not a setting: it is passed over");
    }
    let outcome = runtime.block_on(serve(settings, &log));
    let code = match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}", with_causes(&error));
            ExitCode::FAILURE
        }
    };
    log.end();
    runtime.shutdown_timeout(THREADS_END_MAX);
    Ok(code)
}

async fn serve(settings: Settings, log: &logging::Log) -> anyhow::Result<()> {
    let mut signal = StopSignal::listen().context("cannot listen for signals")?;
    let address = settings.client_listen.0;
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen for clients at {address} (client_listen)"))?;
    let grace = Duration::from_millis(settings.shutdown_grace_ms);
    let starting = Node::start(node_options(&settings));
    let node = tokio::select! {
        started = starting => started.context("the node cannot start")?,
        name = signal.received() => {
            tracing::info!(signal = name, "stopped before it had started");
            return Ok(());
        }
    };
    tell_started(&settings, &node.handle());

    let stop = CancellationToken::new();
    let terms = server::Terms::new(&settings, log.levels());
    let served = server::serve(node.handle(), terms, listener, stop.clone());
    tokio::pin!(served);
    tokio::select! {
        ended = &mut served => ended.context("the client service ended")?,
        cause = node.failed() => {
            // One that does not belong to the cluster any more ends in order; of one that failed nothing is known.
            if node.handle().is_outside() {
                let _ = tokio::time::timeout(grace, node.shutdown()).await;
            }
            anyhow::bail!("the node has stopped itself: {cause}");
        }
        name = signal.received() => tracing::info!(signal = name, grace_ms = settings.shutdown_grace_ms, "stopping"),
    }

    let deadline = Instant::now() + grace;
    node.hand_over(Instant::now() + grace / HAND_OVER_SHARE).await;
    stop.cancel();
    match tokio::time::timeout_at(deadline, served).await {
        Ok(ended) => ended.context("the client service ended badly")?,
        Err(_) => tracing::warn!("requests were still open at the end of the grace period"),
    }
    node.shutdown().await;
    tracing::info!("stopped");
    Ok(())
}

fn node_options(settings: &Settings) -> NodeOptions {
    let members = settings.initial_cluster.iter().map(|(id, member)| {
        let client = member.client.clone().unwrap_or_default();
        (*id, PeerAddress { peer: member.peer.clone(), client, name: String::new() })
    });
    NodeOptions {
        node_id: settings.node_id,
        node_id_given: settings.given.node_id,
        cluster_name: settings.cluster_name.clone(),
        cluster_name_given: settings.given.cluster_name,
        join: join_options(settings),
        data_dir: settings.data_dir.clone(),
        peer_listen: settings.peer_listen.0,
        members: members.collect(),
        heartbeat_ms: settings.heartbeat_ms,
        election_ms_min: settings.election_ms_min,
        election_ms_max: settings.election_ms_max,
        snapshot_entries: settings.snapshot_entries,
        snapshot_log_bytes: settings.snapshot_log_bytes,
        snapshot_rate_bytes_per_s: settings.snapshot_rate_bytes_per_s,
        alarms: AlarmOptions {
            space_reserve_bytes: settings.space_reserve_bytes,
            slow_fsync: Duration::from_millis(settings.slow_fsync_ms),
        },
        version: env!("CARGO_PKG_VERSION"),
        watch: WatchOptions::default(),
        proposals_max: PROPOSALS_MAX,
        reads_max: READS_MAX,
        machine: Machine::real(),
    }
}

fn join_options(settings: &Settings) -> Option<JoinOptions> {
    let token = Token(settings.token.clone()?);
    let known = "the settings were checked: both are told or can be taken from what is listened on";
    Some(JoinOptions {
        addresses: settings.join.0.clone(),
        token,
        peer_advertise: settings.peer_advertise.clone().expect(known),
        client_advertise: settings.client_advertise.clone().expect(known),
    })
}

fn tell_started(settings: &Settings, node: &NodeHandle) {
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        node_id = node.node_id(),
        cluster = node.cluster_name(),
        clients = %settings.client_listen.0,
        peers = %settings.peer_listen.0,
        data_dir = %settings.data_dir.display(),
        members = settings.initial_cluster.len(),
        "started"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cause_is_told_twice() {
        let cause = || std::io::Error::other("address in use");
        let error =
            conclave_node::StartError::Listen { address: ([127, 0, 0, 1], 1).into(), source: cause() };
        let error = anyhow::Error::new(error).context("the node cannot start");
        let expected =
            "the node cannot start: cannot listen for the other nodes at 127.0.0.1:1: address in use";
        assert_eq!(with_causes(&error), expected);
        assert_eq!(with_causes(&anyhow::Error::new(cause()).context("no")), "no: address in use");
    }
}
