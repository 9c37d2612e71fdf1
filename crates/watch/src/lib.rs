//! Fan-out of changes to any number of watchers, each at its own speed.
//!
//! A watcher is a cursor: the revision that it looks at next. There are no queues per watcher, so a
//! slow one costs nothing but being behind. The newest revisions wait in one bounded tail in memory,
//! shared by all; whoever is behind the tail reads the store's own history, on a blocking thread,
//! a bounded piece at a time; whoever is further behind than it reaches ([`Reach`]) is told so, and starts again from
//! a full read.
//!
//! ```text
//!  applied revisions ──► Hub ── tail (bounded) ──► Watcher: cursor in the tail
//!                         │
//!                         └──── ChangeSource ────► Watcher: cursor older than the tail
//! ```
//!
//! Promises, for each watcher, from its start:
//! - every revision that touches its ranges is given exactly once, whole, in order of revision;
//! - progress is never announced ahead of an event, and a start in the future gets nothing older;
//! - when it cannot go on it is told so ([`Watched::Behind`], [`WatchClosed`]), never left with a gap;
//! - [`Hub::publish`] never waits for a watcher, nor for the store.
//!
//! Absent on purpose: consensus, the store itself, and the wire.

mod filter;
mod hub;
mod metrics;
mod options;
mod tail;
mod watcher;

pub use filter::WatchFilter;
pub use hub::{ChangeSource, Hub, HubStats};
pub use options::WatchOptions;
pub use watcher::{Reach, WatchClosed, Watched, Watcher};
