//! A namespace at hand: all its items in memory, kept current by a watch, and a last good copy in a file.
//!
//! | file | what |
//! |---|---|
//! | [`content`] | the items at one version |
//! | [`follow`] | the task that follows the watch, for as long as the cache lives |
//! | [`mod@file`] | the last good copy: written whole or not at all, believed only if its checksum fits |
//! | [`keep`] | the task that writes it |
//! | [`state`] | whether what is known is current |
//! | [`changes`] | what a program hears of changes |
//! | [`view`], [`value`], [`path`] | items as the program's own types |
//! | [`error`] | what can be wrong |
//!
//! Reading never waits and never fails for want of a cluster: it tells the last that was known, and
//! [`ConfigCache::state`] tells whether that is current. "Current" means as current as the node that
//! is watched, which sends a sign of life every few seconds, and ends the watch when it has heard of no
//! leader for longer than an election takes; who needs more reads with [`Client::get`](crate::Client::get).

mod changes;
mod content;
mod error;
mod file;
mod follow;
mod keep;
mod path;
mod state;
mod value;
mod view;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use conclave_proto::config::v1::Item;
use futures::{Stream, StreamExt as _};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use changes::CacheChange;
pub use content::Content;
pub use error::{CacheError, CacheFileError, ViewError};
pub use path::{KeyStep, key_steps};
pub use state::CacheState;

use self::file::CacheFile;
use self::follow::Follower;
use self::state::Known;
use crate::client::Client;

/// What a cache holds, and where it keeps its last good copy. Start from [`CacheOptions::of`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheOptions {
    /// The namespace; it must exist.
    pub namespace: String,
    /// Only items whose keys begin with this. Empty: all.
    pub key_prefix: String,
    /// Where the last good copy is kept, for starts while the cluster is away. None: nowhere.
    pub file: Option<PathBuf>,
    /// How long [`ConfigCache::open`] tries to reach the cluster before it starts from the file.
    pub start_timeout_ms: u64,
    /// How often the node sends a sign of life.
    pub heartbeat_interval_ms: u32,
    /// The largest state or version that is accepted.
    pub size_bytes_max: usize,
}

impl CacheOptions {
    /// A whole namespace, in memory only.
    pub fn of(namespace: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            key_prefix: String::new(),
            file: None,
            start_timeout_ms: 5_000,
            heartbeat_interval_ms: 5_000,
            size_bytes_max: 256 * 1024 * 1024,
        }
    }

    /// Keeps the last good copy in this file, which nobody else may read. Its folder is made if need be.
    #[must_use]
    pub fn with_file(self, file: impl Into<PathBuf>) -> Self {
        Self { file: Some(file.into()), ..self }
    }
}

/// A namespace in memory, kept current. Dropping it ends its tasks; [`ConfigCache::close`] also waits
/// for the last good copy to be written.
///
/// ```no_run
/// use conclave_client::{CacheOptions, Client, ClientOptions, ConfigCache};
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Settings {
///     db: Database,
/// }
///
/// #[derive(Deserialize)]
/// struct Database {
///     url: String,
///     pool: u32,
/// }
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::connect(ClientOptions::new(["127.0.0.1:4101", "127.0.0.1:4102"]))?;
/// let options = CacheOptions::of("payments/prod").with_file("/var/lib/payments/last-good");
/// let cache = ConfigCache::open(client, options).await?;
/// if !cache.state().is_fresh() {
///     eprintln!("the cluster is away: settings are {} s old", cache.state().age().as_secs());
/// }
///
/// let settings: Settings = cache.view()?; // the items db.url, db.pool, …
/// println!("{} with {} connections", settings.db.url, settings.db.pool);
/// let pool: Option<u32> = cache.get_as("db.pool")?;
///
/// cache.on_change(|change| println!("{:?} changed", change.keys));
/// # cache.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ConfigCache {
    known: watch::Receiver<Known>,
    end: watch::Sender<bool>,
    file: Option<Arc<CacheFile>>,
    tasks: JoinSet<()>,
    callbacks: Mutex<JoinSet<()>>,
}

impl ConfigCache {
    /// Reads the namespace and begins to follow it. While the cluster is away, starts from the last good
    /// copy, if there is one.
    ///
    /// # Errors
    /// If the cluster cannot be reached within [`CacheOptions::start_timeout_ms`] and there is no good
    /// copy; or if the cluster answers that the namespace does not exist, or refuses otherwise.
    pub async fn open(client: Client, options: CacheOptions) -> Result<Self, CacheError> {
        let file = options.file.clone().map(|path| Arc::new(CacheFile::new(path, &options)));
        let saved = match &file {
            Some(file) => file.load().await,
            None => None,
        };
        let problem = file.as_ref().and_then(|file| file.problem());
        let (follower, known) = Follower::start(client, options, saved)
            .await
            .map_err(|cluster| CacheError { cluster, file: problem })?;
        let (end, ends) = watch::channel(false);
        let mut tasks = JoinSet::new();
        if let Some(file) = &file {
            tasks.spawn(keep::keep(Arc::clone(file), known.clone(), ends.clone()));
        }
        tasks.spawn(follower.run(ends));
        Ok(Self { known, end, file, tasks, callbacks: Mutex::default() })
    }

    /// An item, as it was last known.
    pub fn get(&self, key: &str) -> Option<Item> {
        self.known.borrow().content.get(key).cloned()
    }

    /// An item's value as a type of the program's: text, a number, a boolean, or whatever the JSON in it
    /// says. None if there is no such item.
    pub fn get_as<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ViewError> {
        self.content().get_as(key)
    }

    /// The whole namespace as one type: see [`Content::view`].
    pub fn view<T: DeserializeOwned>(&self) -> Result<T, ViewError> {
        self.content().view()
    }

    /// All items at one version. What is read from it stays as it is, whatever changes meanwhile.
    pub fn content(&self) -> Arc<Content> {
        Arc::clone(&self.known.borrow().content)
    }

    /// The version of the namespace that was last known.
    pub fn version(&self) -> u64 {
        self.known.borrow().content.version()
    }

    /// Whether what is known is current.
    pub fn state(&self) -> CacheState {
        self.known.borrow().state.clone()
    }

    /// What is wrong with the file of the last good copy, if anything is: it could not be read, it was
    /// damaged and passed over, or it cannot be written.
    pub fn file_problem(&self) -> Option<CacheFileError> {
        self.file.as_ref()?.problem()
    }

    /// Tells each change from now on. Changes that come faster than they are taken are told as one, so
    /// the newest content is always the next to be told; nothing piles up. Ends with the cache.
    pub fn changes(&self) -> impl Stream<Item = CacheChange> + Send + Unpin + use<> {
        changes::stream(self.known.clone())
    }

    /// Tells the state each time that it turns, from the present one on. Ends with the cache.
    pub fn states(&self) -> impl Stream<Item = CacheState> + Send + Unpin + use<> {
        changes::states(self.known.clone())
    }

    /// Calls `callback` at each change from now on, as [`ConfigCache::changes`] tells them, until the
    /// cache ends. It must not block.
    pub fn on_change(&self, mut callback: impl FnMut(CacheChange) + Send + 'static) {
        let mut changes = self.changes();
        // A callback that panics ends only its own task.
        self.callbacks.lock().unwrap_or_else(PoisonError::into_inner).spawn(async move {
            while let Some(change) = changes.next().await {
                callback(change);
            }
        });
    }

    /// Ends the cache, and returns when the last good copy is written.
    pub async fn close(mut self) {
        self.end.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

impl CacheOptions {
    fn start_timeout(&self) -> Duration {
        Duration::from_millis(self.start_timeout_ms)
    }
}
