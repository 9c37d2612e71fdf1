//! Revisions, tables, transactions, history and events over an ordered map.
//!
//! Underneath is an ordered map of bytes ([`ReadMap`]): RocksDB in a node, [`MemoryMap`] in tests.
//! This crate keeps *versioned keys* in it. A [`Revision`] is the store's clock: each transaction
//! that changes a key takes the next one, and all that it changes carries it. What a key was at any
//! revision can be read, and what happened at any revision can be replayed, until it is collected.
//!
//! # What lies in the map
//!
//! The first byte of every row names its table.
//!
//! | table | row key | row value |
//! |---|---|---|
//! | `01` versions | escaped key, inverted revision | the [`Record`], or a tombstone |
//! | `02` changes | revision, sequence | how which key changed |
//! | `03` meta | –; `01` | the newest revision; that of table `05` |
//! | `04` floors | the end of a range, or the start of one without | up to which revision its changes may be gone |
//! | `05` present | key | the [`Record`] of a key of which only the present is kept |
//! | `10` to `ef` | side tables ([`TableId`]) | what the layer above keeps there, without history |
//! | `f0` to `ff` | the storage layer's own | never seen here |
//!
//! Numbers are big-endian, so that rows lie in their order; the revision of a version is inverted,
//! so that a key's newest version comes first and "the newest at or before R" is one seek.
//! Keys are escaped ([`TableId`] rows are not), so that they sort as bytes and none is another's prefix.
//!
//! # How it is written
//!
//! A [`Transaction`] gathers the writes of one command over a view and gives them as a [`WriteSet`].
//! A [`Batch`] gathers those of several transactions over one view, each seeing those before it, so
//! that the map beneath is written once; [`Recent`] spares it the search for keys that changed lately.
//! Nothing here does I/O, reads a clock or draws a number: the same view and the same calls give the
//! same bytes.

mod batch;
mod changed;
mod changes;
mod collect;
mod event;
mod floors;
mod history;
mod kept;
mod key_range;
mod map;
mod memory;
mod present;
mod range;
mod recent;
mod record;
mod revision;
mod rows;
mod sweep;
mod table;
mod transaction;
mod write_set;

pub use batch::Batch;
pub use changed::{Changed, ChangedCursor};
pub use changes::{ChangeLimits, ChangedKey, ChangedKeys, changed_keys, changes_since};
pub use collect::{CollectQuery, Collection, Place, Within};
pub use event::{ChangeKind, Event, EventKind, Revised};
pub use floors::{floor_of, write_floor};
pub use history::{get_at, history, newest_revision, skip_to_revision};
pub use kept::{Kept, KeptPlace, KeptQuery, visit_kept};
pub use key_range::KeyRange;
pub use map::{Cursor, MapError, ReadMap};
pub use memory::MemoryMap;
pub use present::{PresentCursor, get_present, newest_present, skip_to_present};
pub use range::{RangeCursor, RangeLimits, RangePage, range_at};
pub use recent::Recent;
pub use record::Record;
pub use revision::Revision;
pub use rows::key_part;
pub use sweep::{ChangePlace, SweepQuery, Swept};
pub use table::TableId;
pub use transaction::{Sealed, Transaction};
pub use write_set::WriteSet;
