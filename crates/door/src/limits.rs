//! The bounds on what a request may carry: those that the settings set, and those that are fixed.

use std::ops::RangeInclusive;

/// The bounds that the settings set (`limits.*`). The fixed ones are its associated constants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Longest key of an item, in bytes.
    pub key_size_bytes_max: usize,
    /// Largest value of an item, in bytes.
    pub value_size_bytes_max: usize,
    /// Most edits in one commit, over all its namespaces.
    pub commit_edits_max: usize,
    /// Largest commit, in bytes of keys, values, content types and labels.
    pub commit_size_bytes_max: usize,
    /// Longest message of a commit and description of a namespace, in bytes.
    pub message_size_bytes_max: usize,
    /// Longest name of an author, in bytes.
    pub author_size_bytes_max: usize,
    /// Most namespaces that one watch follows.
    pub watch_targets_max: usize,
    /// Most watches that a node serves at once.
    pub watch_streams_max: usize,
    /// Most calls that wait for locks, or tell when they are lost, that a node serves at once.
    pub acquire_streams_max: usize,
    /// Most streams of renewals that a node serves at once.
    pub keep_alive_streams_max: usize,
    /// How long a watch goes on while its node knows no leader, in milliseconds: longer than an election takes.
    pub watch_leaderless_ms_max: u64,
}

impl Limits {
    /// Longest prefix of a namespace's name that can be asked for, in bytes: as long as a name may be.
    pub const NAMESPACE_PREFIX_SIZE_BYTES_MAX: usize = 256;
    /// Most labels of an item.
    pub const LABELS_MAX: usize = 16;
    /// Longest name and longest value of a label, in bytes.
    pub const LABEL_SIZE_BYTES_MAX: usize = 128;
    /// Longest owner of a namespace, in bytes.
    pub const OWNER_SIZE_BYTES_MAX: usize = 256;
    /// Most namespaces that a snapshot, or a rollback to one, can name.
    pub const SNAPSHOT_NAMESPACES_MAX: usize = 10_000;
    /// Longest text that can be searched for, in bytes.
    pub const SEARCH_TEXT_SIZE_BYTES_MAX: usize = 256;
    /// Most items that one page of a search looks at.
    pub const SEARCH_ITEMS_MAX: usize = 10_000;
    /// Size of the items at which a page of a search ends, in bytes.
    pub const SEARCH_SIZE_BYTES_MAX: usize = 16 << 20;
    /// Larger values are left out of the matches of a search, in bytes.
    pub const MATCH_VALUE_SIZE_BYTES_MAX: usize = 4 << 10;
    /// Longest content type, in bytes.
    pub const CONTENT_TYPE_SIZE_BYTES_MAX: usize = 256;
    /// Most entries of any page.
    pub const PAGE_ENTRIES_MAX: usize = 1_000;
    /// Size at which a page of items, namespaces or versions is cut, in bytes.
    pub const PAGE_SIZE_BYTES_MAX: usize = 1 << 20;
    /// Size at which a page of differences is cut, in bytes.
    pub const DIFF_PAGE_SIZE_BYTES_MAX: usize = 2 << 20;
    /// Most changed keys that the history tells of one version.
    pub const VERSION_CHANGES_MAX: usize = 1_000;
    /// Longest page token that is looked at, in bytes.
    pub const PAGE_TOKEN_SIZE_BYTES_MAX: usize = 8 << 10;
    /// Size at which the changes or items in one message of a watch are cut, in bytes.
    pub const WATCH_CHUNK_SIZE_BYTES_MAX: usize = 1 << 20;
    /// Shortest interval between the heartbeats of a watch, in milliseconds.
    pub const HEARTBEAT_INTERVAL_MS_MIN: u32 = 100;
    /// The interval if the request names none, in milliseconds.
    pub const HEARTBEAT_INTERVAL_MS_DEFAULT: u32 = 10_000;
    /// Longest prefix of a lock's name that can be asked for, in bytes: as long as a name may be.
    pub const LOCK_PREFIX_SIZE_BYTES_MAX: usize = 256;
    /// Shortest and longest time that a session lives without being renewed, in milliseconds: a second to a day.
    pub const SESSION_TTL_MS: RangeInclusive<u64> = 1_000..=86_400_000;
    /// Most entries of what is to be known of a session.
    pub const SESSION_METADATA_MAX: usize = 16;
    /// Longest name and longest value of such an entry, in bytes.
    pub const SESSION_METADATA_SIZE_BYTES_MAX: usize = 128;
    /// Longest owner of a session or a lock, in bytes.
    pub const LOCK_OWNER_SIZE_BYTES_MAX: usize = 256;
    /// Largest metadata of the holder of a lock, in bytes.
    pub const LOCK_METADATA_SIZE_BYTES_MAX: usize = 4_096;
    /// Most permits of a lock.
    pub const LOCK_CAPACITY_MAX: u32 = 1_000_000;
    /// Longest reason of a release by force, in bytes.
    pub const FORCE_REASON_SIZE_BYTES_MAX: usize = 4_096;
    /// Most locks of which a commit can ask that they are held.
    pub const HELD_LOCKS_MAX: usize = 16;
    /// Most holders of one lock that are told.
    pub const LOCK_HOLDERS_TOLD_MAX: usize = 1_000;
    /// Most of those who wait for one lock that are told.
    pub const LOCK_WAITERS_TOLD_MAX: usize = 100;
    /// Most holders of each lock that a list tells.
    pub const LIST_HOLDERS_TOLD_MAX: usize = 10;
    /// Most calls for locks that do not wait, those among them whose outcome is to be given up, that a node serves at
    /// once.
    pub const LOCK_ATTEMPTS_MAX: usize = 10_000;
    /// Most renewals of one stream that are under way at once.
    pub const RENEWALS_UNDER_WAY_MAX: usize = 64;
    /// Largest request on the wire, in bytes.
    pub const REQUEST_SIZE_BYTES_MAX: usize = 8 << 20;
    /// Most reads that decoding a request may take. Each field takes two or three: key, length or number,
    /// content. That is 25,000 edits with everything but labels, or 2,700 with all labels that they may have.
    pub const REQUEST_READS_MAX: usize = 400_000;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            key_size_bytes_max: 512,
            value_size_bytes_max: 1 << 20,
            commit_edits_max: 1_000,
            commit_size_bytes_max: 4 << 20,
            message_size_bytes_max: 4_096,
            author_size_bytes_max: 256,
            watch_targets_max: 256,
            watch_streams_max: 10_000,
            acquire_streams_max: 50_000,
            keep_alive_streams_max: 100_000,
            watch_leaderless_ms_max: 3_000,
        }
    }
}
