//! How RocksDB is set up: what both stores share, and in what they differ.

use std::path::Path;

use conclave_mvcc::key_part;
use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, DBCompressionType, DBRecoveryMode, Error, ErrorKind,
    LogLevel, LruCacheOptions, Options, SliceTransform, WriteBufferManager,
};

use crate::StorageError;

const MIB: usize = 1024 * 1024;

/// Blocks that were read, for both stores together.
const BLOCK_CACHE_SIZE_BYTES: usize = 32 * MIB;
/// It has so many parts, by the power of two: each is to have room for far more than one block.
const BLOCK_CACHE_SHARD_BITS: i32 = 3;
/// What is not yet flushed, for both stores together: beyond it, the older is flushed early.
const WRITE_BUFFERS_SIZE_BYTES: usize = 64 * MIB;
const STATE_WRITE_BUFFER_SIZE_BYTES: usize = 16 * MIB;
/// It bounds the write-ahead log too.
const LOG_WRITE_BUFFER_SIZE_BYTES: usize = 8 * MIB;
const WRITE_BUFFERS_MAX: i32 = 3;
/// Old write-ahead logs that are written over instead of new ones: such a write needs no new blocks,
/// so that its fsync is a third faster. Only with point-in-time recovery.
const RECYCLED_WALS: usize = 8;
const BACKGROUND_JOBS_MAX: i32 = 2;
/// Flush and compaction of a store write no faster, so that they do not hold up the log's fsync.
const BACKGROUND_BYTES_PER_S: i64 = 64 * MIB as i64;
const RATE_REFILL_US: i64 = 100_000;
const RATE_FAIRNESS: i32 = 10;
const OPEN_FILES_MAX: i32 = 256;
/// RocksDB's own report of what it does: `LOG` in its directory.
const REPORT_FILES: usize = 4;
const REPORT_SIZE_BYTES: usize = 4 * MIB;
const BLOOM_BITS_PER_KEY: f64 = 10.0;
/// So large a part of a table in memory is a filter of it.
const MEMTABLE_BLOOM_RATIO: f64 = 0.02;
const BLOCK_SIZE_BYTES: usize = 16 * 1024;
/// Filters and indexes are kept in blocks of this size: of a large store, those that are in use stay in the cache. As one
/// block a file they are larger than what the cache has room for, and are read again by every search.
const METADATA_BLOCK_SIZE_BYTES: usize = 8 * 1024;
/// A file of the state in which so many of so many rows in a row tell of a deletion is compacted soon: until then, they
/// are in the way of whoever passes over what was deleted.
const DELETIONS_WINDOW_ROWS: usize = 4_096;
const DELETIONS_WINDOW_MAX: usize = 2_048;
/// Nor may a whole file hold more than this part of them.
const DELETIONS_RATIO_MAX: f64 = 0.5;
/// The format of table files, fixed so that an upgrade of RocksDB is not one of the files.
const TABLE_FORMAT: i32 = 5;

/// What the stores of one node share.
pub(crate) struct Engine {
    cache: Cache,
    buffers: WriteBufferManager,
}

impl Engine {
    pub(crate) fn new() -> Self {
        Self {
            cache: cache(),
            buffers: WriteBufferManager::new_write_buffer_manager(WRITE_BUFFERS_SIZE_BYTES, false),
        }
    }

    /// For the log: every write is synced; small, short-lived, read in order.
    pub(crate) fn log_options(&self) -> Options {
        let mut options = self.options();
        options.set_write_buffer_size(LOG_WRITE_BUFFER_SIZE_BYTES);
        options.set_recycle_log_file_num(RECYCLED_WALS);
        options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
        options.set_compression_type(DBCompressionType::None);
        options
    }

    /// For the state: never synced by itself, so what is flushed together must be one moment.
    pub(crate) fn state_options(&self) -> Options {
        let mut options = self.options();
        options.set_write_buffer_size(STATE_WRITE_BUFFER_SIZE_BYTES);
        options.set_atomic_flush(true);
        options.set_avoid_unnecessary_blocking_io(true);
        options.add_compact_on_deletion_collector_factory(
            DELETIONS_WINDOW_ROWS,
            DELETIONS_WINDOW_MAX,
            DELETIONS_RATIO_MAX,
        );
        options.set_prefix_extractor(keys());
        options.set_memtable_prefix_bloom_ratio(MEMTABLE_BLOOM_RATIO);
        options.set_compression_type(DBCompressionType::Lz4);
        options.set_bottommost_compression_type(DBCompressionType::Zstd);
        options
    }

    fn options(&self) -> Options {
        let mut options = Options::default();
        options.set_paranoid_checks(true);
        options.set_write_buffer_manager(&self.buffers);
        options.set_max_write_buffer_number(WRITE_BUFFERS_MAX);
        options.set_max_background_jobs(BACKGROUND_JOBS_MAX);
        options.set_max_open_files(OPEN_FILES_MAX);
        options.set_ratelimiter(BACKGROUND_BYTES_PER_S, RATE_REFILL_US, RATE_FAIRNESS);
        options.set_keep_log_file_num(REPORT_FILES);
        options.set_max_log_file_size(REPORT_SIZE_BYTES);
        options.set_log_level(LogLevel::Warn);
        options.set_stats_dump_period_sec(0);
        options.set_stats_persist_period_sec(0);
        options.set_block_based_table_factory(&self.tables());
        options
    }

    fn tables(&self) -> BlockBasedOptions {
        let mut tables = BlockBasedOptions::default();
        tables.set_block_cache(&self.cache);
        tables.set_block_size(BLOCK_SIZE_BYTES);
        tables.set_bloom_filter(BLOOM_BITS_PER_KEY, false);
        tables.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
        tables.set_partition_filters(true);
        tables.set_metadata_block_size(METADATA_BLOCK_SIZE_BYTES);
        tables.set_format_version(TABLE_FORMAT);
        tables.set_cache_index_and_filter_blocks(true);
        tables.set_pin_l0_filter_and_index_blocks_in_cache(true);
        tables
    }
}

fn cache() -> Cache {
    let mut options = LruCacheOptions::default();
    options.set_capacity(BLOCK_CACHE_SIZE_BYTES);
    options.set_num_shard_bits(BLOCK_CACHE_SHARD_BITS);
    Cache::new_lru_cache_opts(&options)
}

/// What filters of the state know of its rows beside the rows themselves: of which keys there are versions.
fn keys() -> SliceTransform {
    let part = |row| key_part(row).unwrap_or(row);
    SliceTransform::create("conclave.key", part, Some(|row| key_part(row).is_some()))
}

/// What RocksDB's error means for the log.
pub(crate) fn log_error(what: &'static str, path: &Path, error: &Error) -> StorageError {
    if is_damage(error) { StorageError::corrupt(path, error) } else { other_error(what, path, error) }
}

/// What RocksDB's error means for the state.
pub(crate) fn state_error(what: &'static str, path: &Path, error: &Error) -> StorageError {
    if is_damage(error) { StorageError::state_damaged(path, error) } else { other_error(what, path, error) }
}

/// Whether files are damaged or missing, not merely refused. Of an error by the operating system
/// RocksDB hands on nothing but the system's words.
pub(super) fn is_damage(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Corruption | ErrorKind::InvalidArgument | ErrorKind::NotFound => true,
        ErrorKind::IOError => error.as_ref().contains("No such file or directory"),
        _ => false,
    }
}

fn other_error(what: &'static str, path: &Path, error: &Error) -> StorageError {
    let path = path.to_owned();
    let message = error.to_string();
    if message.contains("No space left on device") || message.contains("Disk quota exceeded") {
        StorageError::Full { what, path }
    } else {
        StorageError::Engine { what, path, message }
    }
}
