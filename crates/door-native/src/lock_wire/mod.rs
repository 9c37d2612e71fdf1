//! Between the messages of `conclave.lock.v1` and the core's commands, queries and answers.
//!
//! | file | what |
//! |---|---|
//! | `sessions.rs` | the requests about sessions, and their answers |
//! | `acquires.rs` | the requests that ask for a lock, or stand for election |
//! | `writes.rs` | the other requests that change locks |
//! | `reads.rs` | the requests that read locks |
//! | `messages.rs` | what all of them answer with: locks, holders, grants |
//!
//! All of it is pure: a request is read against the limits, a query is answered from a view of the store.

mod acquires;
mod messages;
mod reads;
mod sessions;
mod writes;

pub(crate) use acquires::{Asked, acquire, campaign, try_acquire};
pub(crate) use messages::{forced_release, grant, holder, lock, waiter};
pub(crate) use reads::{LISTED, Locks, Token, leader, leader_response, lock_response, one_lock};
pub(crate) use sessions::{Opening, Sessions, granted, open_session, revoked, session, session_id};
pub(crate) use writes::{LockWrite, force_release, metadata_set, proclaim, release, released, resign};
