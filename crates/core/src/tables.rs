//! The numbers of the side tables, in one place so that no two are the same.

use conclave_mvcc::TableId;

/// Namespace and version -> revision.
pub(crate) const VERSIONS: TableId = TableId::new(0x10);
/// Request id -> fingerprint and answer.
pub(crate) const REQUESTS: TableId = TableId::new(0x11);
/// Sequence of a remembered request -> its id.
pub(crate) const REQUEST_ORDER: TableId = TableId::new(0x12);
/// The one row of the ledger.
pub(crate) const LEDGER: TableId = TableId::new(0x13);
/// Counts over the whole store, by name.
pub(crate) const TOTALS: TableId = TableId::new(0x14);
/// Namespace -> how far what it need not keep was dropped.
pub(crate) const COLLECTION: TableId = TableId::new(0x15);
/// Node id -> what is known of it; and the highest id.
pub(crate) const NODES: TableId = TableId::new(0x16);
/// Session, and lock -> the session's tickets on it.
pub(crate) const TICKETS: TableId = TableId::new(0x17);
/// Lock -> its last release by force.
pub(crate) const FORCED: TableId = TableId::new(0x18);
/// Sequence of a release by force -> the lock: which to forget next.
pub(crate) const FORCED_ORDER: TableId = TableId::new(0x19);
/// Namespace -> the versions that are kept although older ones than the oldest, for what names them.
pub(crate) const KEPT: TableId = TableId::new(0x1a);
/// The one row of alarms that somebody raised.
pub(crate) const ALARMS: TableId = TableId::new(0x1b);
/// Lease, and key -> nothing: the keys that hang on the lease.
pub(crate) const LEASED_KEYS: TableId = TableId::new(0x20);
/// The one row that tells how far the past of plain keys was given up, and removed.
pub(crate) const COMPACTED: TableId = TableId::new(0x21);
/// The one row of who is asked who he is.
pub(crate) const AUTH: TableId = TableId::new(0x30);
/// User -> password, roles.
pub(crate) const USERS: TableId = TableId::new(0x31);
/// Role -> permissions.
pub(crate) const ROLES: TableId = TableId::new(0x32);
