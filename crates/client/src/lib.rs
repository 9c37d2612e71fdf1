//! The Rust SDK of Conclave: failover, safe retries, and watches that resume.
//!
//! [`Client`] has one method for each RPC of `conclave.config.v1` and `conclave.cluster.v1`, and for those of
//! `conclave.lock.v1` that are no streams; they take and return the generated messages, which [`config`],
//! [`cluster`] and [`lock`] re-export. What it adds:
//!
//! - **Failover.** Any node answers any call. A call goes to the node that last answered, and moves
//!   on to the next when that one cannot be reached, is not ready, or stays silent for too long. After a
//!   while the client tries its own first node again: see [`ClientOptions::return_after_ms`].
//! - **Safe retries.** What failed for the moment is tried again within the deadline, with jittered
//!   exponential backoff. A write carries one request id through all its attempts (made here if the
//!   caller gave none), so it is applied once at most. If the deadline passes while it is not known
//!   whether a write took place, the error says so: [`ClientError::is_outcome_unknown`].
//! - **Whole pages.** [`Client::list_all`], [`Client::history_newest`] and their like follow page
//!   tokens; all pages of a listing are of one revision.
//! - **Watches that resume.** [`Client::watch`] outlives the nodes that it is connected to: it goes
//!   on at the next node from the revision after the last one seen, without a gap or a repetition.
//! - **Configuration at hand.** [`ConfigCache`] keeps a namespace in memory, current by a watch, and a
//!   last good copy in a file, from which a program starts while the cluster is away.
//! - **Sessions, locks, elections.** A [`Session`] renews itself and tells when it is lost before the cluster can have
//!   ended it; a [`LockGuard`] has the fencing token, tells when the lock is lost, and releases it when dropped; see
//!   [`Client::open_session`], [`Election`], and [`Fenced`] for commits that depend on a lock.
//! - **Even load.** Clients spread over the nodes by themselves: see [`ClientOptions::client_id`].
//!
//! ```no_run
//! use conclave_client::{Client, ClientOptions, WatchEvent, WatchOptions, edits};
//! use conclave_client::config::{Authorship, CommitRequest, NamespaceEdits};
//!
//! # async fn example() -> Result<(), conclave_client::ClientError> {
//! let client = Client::connect(ClientOptions::new(["127.0.0.1:4101", "127.0.0.1:4102"]))?;
//!
//! let answer = client
//!     .commit(CommitRequest {
//!         namespaces: vec![NamespaceEdits {
//!             namespace: "payments/prod".into(),
//!             edits: vec![edits::put("db.url", "postgres://db-2/payments")],
//!             create_if_missing: true,
//!             ..Default::default()
//!         }],
//!         authorship: Some(Authorship {
//!             author: "ada".into(),
//!             message: "move to the new primary".into(),
//!             ..Default::default()
//!         }),
//!         ..Default::default()
//!     })
//!     .await?;
//!
//! let mut watch = client.watch(WatchOptions::of(["payments/prod"]).from_revision(answer.revision + 1));
//! loop {
//!     match watch.next().await? {
//!         WatchEvent::Version(seen) => println!("{} keys changed", seen.changes.len()),
//!         WatchEvent::Reset(state) => println!("everything anew at revision {}", state.revision),
//!         WatchEvent::Progress { .. } | WatchEvent::Interrupted { .. } => {}
//!     }
//! }
//! # }
//! ```
//!
//! Work under a lock, which stops when the lock is lost:
//!
//! ```no_run
//! use conclave_client::{Client, ClientError, Fenced as _, SessionOptions, config::CommitRequest};
//!
//! # async fn ship(token: u64) {}
//! # async fn example(client: Client) -> Result<(), ClientError> {
//! let session = client.open_session(SessionOptions { owner: "worker-7".into(), ..Default::default() }).await?;
//! let guard = session.lock("orders/42").acquire().await?;
//! tokio::select! {
//!     biased;
//!     lost = guard.lost() => println!("stopped: {lost}"),
//!     () = ship(guard.token()) => {
//!         // Refused if another holds the lock by now.
//!         client.commit(CommitRequest::default().held(&guard)).await?;
//!         guard.release().await?;
//!     }
//! }
//! session.close().await?;
//! # Ok(())
//! # }
//! ```

mod backup;
mod cache;
mod calls;
mod client;
mod cluster_calls;
pub mod edits;
mod error;
mod homing;
mod keep_calls;
pub mod lock;
mod nodes;
mod options;
mod pages;
mod request_id;
mod retry;
mod spread;
mod watch;

pub use backup::BackupStream;
pub use cache::{
    CacheChange, CacheError, CacheFileError, CacheOptions, CacheState, ConfigCache, Content, KeyStep,
    ViewError, key_steps,
};
pub use client::Client;
pub use error::{ClientError, FieldViolation, reason};
pub use lock::election::{Election, Leader};
pub use lock::fence::Fenced;
pub use lock::guard::LockGuard;
pub use lock::lost::{LockLost, SessionLost, SessionLostCause};
pub use lock::observe::{Leadership, Observer};
pub use lock::request::LockRequest;
pub use lock::session::{Session, SessionOptions};
pub use lock::watch::{LockEvent, LockWatch};
pub use options::ClientOptions;
pub use pages::{Differences, Listing};
pub use request_id::new_request_id;
pub use tonic::Code;
pub use watch::{NamespaceState, Reset, VersionChange, Watch, WatchEvent, WatchOptions};

/// The messages of the configuration service.
pub mod config {
    pub use conclave_proto::config::v1::*;
}

/// The messages of the cluster service.
pub mod cluster {
    pub use conclave_proto::cluster::v1::*;
}
