//! The commands of Conclave and what they do to the keyspace.
//!
//! [`apply()`] is a function: the same state, log entry and context give the same answer and the same
//! bytes, on every node and at every replay. Time and ids come in the command, stamped by the leader.
//! Nothing here does I/O, waits, reads a clock or draws a number.
//!
//! A failure that depends only on state and command is a [`Rejection`]: an answer like any other, the
//! same on all nodes. One that this node alone may have (an unreadable row, an undecodable entry) is an
//! [`ApplyError`] and stops the node before it can answer anything.
//!
//! # What lies in the map
//!
//! | key of `conclave_mvcc` | value |
//! |---|---|
//! | `conclave/config/<namespace>//<item key>` | the item's value as it is; content type and labels as annotations |
//! | `conclave/namespace/<namespace>` | the encoded head: what is known of the namespace's newest version |
//! | `conclave/settings/<namespace>` | description, owner, labels, retention and quota |
//! | `conclave/defaults` | what holds for namespaces that do not say otherwise |
//! | `conclave/tag/<namespace>//<tag>` | the version that the tag names |
//! | `conclave/snapshot/<snapshot>` | the revision that the snapshot names, and of which namespaces |
//! | `conclave/lease/<id>` | a lease: a session of a worker |
//! | `conclave/lock/<lock>` | how many hold the lock, and how; how many wait |
//! | `conclave/lock-holder/<lock>//<token>` | a ticket for the lock that is granted |
//! | `conclave/lock-queue/<lock>//<number>` | one that waits |
//!
//! Every version rewrites the head, also one that changes no item. So the history of the head's key is
//! the history of the namespace, and a watcher finds each version as one event on it. Settings, defaults, tags and
//! snapshots have no history: what they were before goes when they change. Leases and locks are never more than what
//! they are.
//!
//! | side table | row key | row value |
//! |---|---|---|
//! | `10` versions | namespace, `00`, version | the revision that the version took |
//! | `11` requests | request id | fingerprint of its command, and the answer |
//! | `12` request order | sequence | request id: which to forget next |
//! | `13` ledger | – | last entry, digest, time and number of requests so far |
//! | `14` totals | name | how many namespaces, leases, users and roles there are, the greatest fencing token |
//! | `15` collection | namespace | the oldest version that is kept, and how far the rest was removed |
//! | `16` nodes | node id | what is known of the node; and the highest id |
//! | `17` tickets | lease, lock | the lease's tickets for the lock |
//! | `18`, `19` forced | lock; sequence | the last release of the lock by force; which to forget next |
//! | `1a` kept | namespace, version | an old version that is kept for what names it |
//! | `20` leased keys | lease, key | nothing: the key hangs on the lease |
//! | `21` compacted | – | from which revision on plain keys can be read, and how far what was before was removed |
//! | `30` auth | – | whether callers are asked who they are, the auth revision, what tokens are signed with |
//! | `31` users | name | the user's password and roles |
//! | `32` roles | name | what the role permits |
//!
//! All that is persisted begins with a format byte and is held by golden bytes in tests. What follows it
//! is [postcard](https://postcard.jamesmunns.com/wire-format): fields and variants are only ever added
//! under a new format byte, never moved.
//!
//! ```
//! use bytes::Bytes;
//! use conclave_core::config::{self, At, Authorship, ConfigCommand, CreateNamespace};
//! use conclave_core::{Command, EntryContext, EntryKind, NamespaceName, Proposal, RequestId};
//! use conclave_mvcc::{Batch, MemoryMap};
//!
//! let namespace = NamespaceName::parse("payments/prod")?;
//! let create = CreateNamespace {
//!     namespace: namespace.clone(),
//!     settings: config::SettingsChange {
//!         description: Some("Settings of the payment service".into()),
//!         ..Default::default()
//!     },
//!     authorship: Authorship { author: "ann".into(), message: "first step".into() },
//! };
//! let proposal = Proposal {
//!     request_id: RequestId::parse("7f3a")?,
//!     time_ms: 1_700_000_000_000,
//!     command: Command::Config(ConfigCommand::CreateNamespace(create)),
//! };
//! let entry = conclave_core::encode_proposal(&proposal);
//!
//! let mut map = MemoryMap::default();
//! let mut batch = Batch::new(&map);
//! let context = EntryContext { index: 1, term: 1 };
//! let applied = conclave_core::apply(&mut batch, context, EntryKind::Proposal(&entry))?;
//! assert!(matches!(applied.answer, Some(Ok(_))));
//! let writes = batch.into_writes();
//! map.write(&writes);
//!
//! let found = config::get_namespace(&map, &namespace)?;
//! assert_eq!(found.unwrap().description, "Settings of the payment service");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access;
mod answer;
mod apply;
pub mod auth;
pub mod cluster;
mod command;
pub mod config;
mod digest;
mod encoding;
mod execute;
mod ids;
pub mod kv;
pub mod lease;
mod ledger;
pub mod lock;
mod names;
mod nesting;
mod rejection;
mod requests;
mod stop;
mod tables;
mod times;
mod totals;
mod version;

pub use access::{may_administer, may_do_txn, may_know_keys_of};
pub use answer::{Answer, Outcome, decode_answer, encode_answer};
pub use apply::{Applied, ApplyError, EntryContext, EntryKind, apply, preview};
pub use command::{
    By, Command, Guarded, GuardedKeys, Proposal, decode_command, decode_proposal, encode_command,
    encode_proposal,
};
pub use digest::{Digest, applied_index, applied_time_ms, digest};
pub use encoding::DecodeError;
pub use ids::{FencingToken, LeaseId, NoLease, TicketId};
pub use names::{ItemKey, LockName, NameError, NamespaceName, PinName, RequestId};
pub use rejection::{QuotaKind, Rejection};
pub use version::Version;
