//! Whether what clients saw can be what one store, step by step, would have told them.
//!
//! ```
//! use conclave_checker::kv::{Answer, Call, Entry, Kv, revision_order};
//! use conclave_checker::{Failure, Limits, Recorder, check, monotonic_clock};
//!
//! let recorder = Recorder::new(monotonic_clock());
//! recorder.call(1, Call::put("colour", "red")).answered(Answer::Written { revision: 2 });
//! recorder.call(2, Call::put("colour", "blue")).unknown();
//! let entry = Some(Entry { value: "red".into(), mod_revision: 2 });
//! recorder.call(3, Call::get("colour")).answered(Answer::Found { revision: 2, entry });
//! assert!(check(&Kv, &recorder.history(), Limits::default()).is_ok());
//! assert!(revision_order(&recorder.history()).is_ok());
//!
//! recorder.call(3, Call::get("colour")).answered(Answer::Found { revision: 2, entry: None });
//! let failure = check(&Kv, &recorder.history(), Limits::default()).unwrap_err();
//! assert!(matches!(failure, Failure::Violation(violation) if violation.culprit.place == 3));
//! ```
//!
//! A test has its clients' calls noted by a [`Recorder`], under a simulation's clock or the system's. The [`History`]
//! is then checked:
//!
//! | check | what it promises |
//! |---|---|
//! | [`check()`] with a [`Model`] | the operations on each key are linearizable: some order that keeps real time explains all answers |
//! | … with [`kv::Kv`], [`config::Config`], [`lock::Lock`] | so are plain keys, namespaces, exclusive locks |
//! | [`kv::revision_order`] | revisions agree with real time, over all keys |
//! | [`lock::mutual_exclusion`] | no two workers could prove at once that they held a lock |
//! | [`lock::token_order`], [`lock::fenced_order`] | tokens grow, and no write under an older one comes late |
//! | [`watch::check_watch`] | a watcher was told every change once, in order, from its start on |
//!
//! Of a failure remains what is needed to see why: the error names the few answers that contradict each other,
//! [`timeline()`] draws them, and [`keep()`] writes all that into a folder; `--example check` checks a history again.
//!
//! An operation of which nobody knows whether it was done is [`End::Unknown`]: it may take effect at any later time, or
//! never. One that was surely not done is [`End::NotDone`]: nobody may see anything of it. Whoever records must tell
//! them apart with care: a timeout is never "not done".
//!
//! Nothing here reads a clock or draws a number but [`monotonic_clock`], and a check gives the same answer each time. A
//! search that comes to its [`Limits`] is [`Failure::Undecided`], which is no pass.

mod check;
pub mod config;
mod done;
mod help;
mod history;
mod holds;
mod kept;
pub mod kv;
mod lanes;
pub mod lock;
mod model;
mod order;
mod part;
mod recorder;
mod search;
mod seen;
mod shrink;
mod timeline;
mod violation;
pub mod watch;

pub use check::{Checked, Failure, check};
pub use history::{End, History, Operation};
pub use kept::keep;
pub use model::Model;
pub use order::{Numbered, OutOfOrder, real_time_order};
pub use recorder::{Pending, Recorder, monotonic_clock};
pub use search::Limits;
pub use timeline::timeline;
pub use violation::{Told, Undecided, Unplaced, Violation};
