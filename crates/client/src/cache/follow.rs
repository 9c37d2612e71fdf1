//! The task that follows the watch. It ends when it is told to, and for no other reason: what ends a
//! watch (the namespace is gone, an event is too large) makes the cache stale, and another watch is tried.

use std::sync::Arc;
use std::time::SystemTime;

use conclave_proto::config::v1::WatchTarget;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::CacheOptions;
use super::content::Content;
use super::file::Saved;
use super::state::{CacheState, Known};
use crate::client::Client;
use crate::error::ClientError;
use crate::options::ClientOptions;
use crate::retry::Backoff;
use crate::watch::{Reset, VersionChange, Watch, WatchEvent, WatchOptions};

/// The longest wait before a watch that ended for good is begun anew. Half of it is random.
const RESTART_WAIT_MS_MAX: u64 = 30_000;

/// What follows a namespace.
pub(super) struct Follower {
    client: Client,
    options: WatchOptions,
    watch: Watch,
    known: watch::Sender<Known>,
    /// When something was last heard.
    heard: SystemTime,
    backoff: Backoff,
}

impl Follower {
    /// Reads the namespace, or begins with what was saved if the cluster is away.
    pub(super) async fn start(
        client: Client,
        options: CacheOptions,
        saved: Option<Saved>,
    ) -> Result<(Self, watch::Receiver<Known>), ClientError> {
        let watched = watch_options(&options);
        // So bounded, a watch that cannot begin says why.
        let mut watch = client.with_timeout(options.start_timeout()).watch(watched.clone());
        let deadline = Instant::now() + options.start_timeout();
        let first = timeout_at(deadline, first_state(&mut watch)).await;
        let first = first.unwrap_or_else(|_| Err(ClientError::no_answer(options.start_timeout())));
        let (known, heard) = match (first, saved) {
            (Ok(known), _) => (known, SystemTime::now()),
            (Err(cause), Some(saved)) if cause.is_transient() => {
                let state = CacheState::Stale { since: saved.confirmed, from_file: true, cause };
                (Known { content: Arc::new(saved.content), state }, saved.confirmed)
            }
            (Err(cause), _) => return Err(cause),
        };
        if !known.state.is_fresh() {
            watch = client.watch(watched.clone());
        }
        let backoff =
            Backoff::new(&ClientOptions { backoff_max_ms: RESTART_WAIT_MS_MAX, ..client.options().clone() });
        let (known, shown) = watch::channel(known);
        Ok((Self { client, options: watched, watch, known, heard, backoff }, shown))
    }

    /// Follows until it is told to end.
    pub(super) async fn run(mut self, mut end: watch::Receiver<bool>) {
        tokio::select! {
            // A sender that is gone means the end, too.
            _ = end.wait_for(|end| *end) => {}
            () = self.follow() => {}
        }
    }

    async fn follow(&mut self) {
        loop {
            match self.watch.next().await {
                Ok(WatchEvent::Version(change)) => self.version(change),
                Ok(WatchEvent::Reset(reset)) => self.reset(reset),
                Ok(WatchEvent::Progress { revision }) => self.heard(revision, None),
                Ok(WatchEvent::Interrupted { cause }) => self.lost(cause),
                Err(cause) => {
                    self.lost(cause);
                    tokio::time::sleep(self.backoff.wait()).await;
                    self.watch = self.client.watch(self.options.clone());
                }
            }
        }
    }

    fn version(&mut self, change: VersionChange) {
        let content = self.known.borrow().content.after(change);
        self.heard(content.revision(), Some(content));
    }

    fn reset(&mut self, reset: Reset) {
        self.backoff.reset();
        let revision = reset.revision;
        // A watch of one namespace has the state of one.
        let state = reset.namespaces.into_iter().next();
        self.heard(revision, state.map(|state| Content::from_state(state, revision)));
    }

    fn heard(&mut self, revision: u64, content: Option<Content>) {
        self.heard = SystemTime::now();
        self.known.send_modify(|known| {
            if !known.state.is_fresh() {
                tracing::info!(revision, "the cache is current again");
            }
            known.state = CacheState::Fresh { revision };
            if let Some(content) = content {
                known.content = Arc::new(content);
            }
        });
    }

    fn lost(&mut self, cause: ClientError) {
        let heard = self.heard;
        self.known.send_modify(|known| {
            let from_file = matches!(known.state, CacheState::Stale { from_file: true, .. });
            if known.state.is_fresh() {
                tracing::warn!(reason = cause.reason(), %cause, "the cache may be out of date");
            }
            known.state = CacheState::Stale { since: heard, from_file, cause };
        });
    }
}

/// Waits for the present state.
async fn first_state(watch: &mut Watch) -> Result<Known, ClientError> {
    loop {
        if let WatchEvent::Reset(reset) = watch.next().await? {
            let state = reset.namespaces.into_iter().next();
            let state =
                state.ok_or_else(|| ClientError::stream_broken("a state came without a namespace"))?;
            let content = Arc::new(Content::from_state(state, reset.revision));
            return Ok(Known { content, state: CacheState::Fresh { revision: reset.revision } });
        }
    }
}

fn watch_options(options: &CacheOptions) -> WatchOptions {
    let target = WatchTarget { namespace: options.namespace.clone(), key_prefix: options.key_prefix.clone() };
    WatchOptions {
        targets: vec![target],
        start_revision: 0,
        heartbeat_interval_ms: options.heartbeat_interval_ms,
        event_size_bytes_max: options.size_bytes_max,
    }
}
