//! Reading entries: from memory if they are there, else from disk.

use std::ops::Range;

use bytes::Bytes;

use crate::log_queue::{Located, Place, Shared};
use crate::{ScanPurpose, StorageError, log_rows};

/// See [`crate::LogStore::read`].
pub(crate) fn read(
    shared: &Shared,
    range: Range<u64>,
    size_bytes_max: usize,
) -> Result<Vec<Bytes>, StorageError> {
    loop {
        let Located { place, removals } = shared.locate(&range, size_bytes_max)?;
        match place {
            Place::Memory { entries, .. } => return Ok(entries),
            Place::Nowhere => return Ok(Vec::new()),
            Place::Disk(on_disk) => {
                let rows = read_rows(shared, &on_disk, size_bytes_max)?;
                if is_whole(shared, &rows, removals)? {
                    return read_on(shared, rows, on_disk.end..range.end, removals);
                }
            }
        }
    }
}

/// Whether all was there; false if somebody removed it while it was read: then look again.
fn is_whole(shared: &Shared, rows: &Rows, removals: u64) -> Result<bool, StorageError> {
    match rows.missing {
        None => Ok(true),
        Some(_) if shared.removed_since(removals) => Ok(false),
        Some(index) => Err(StorageError::corrupt(&shared.path, format!("entry {index} is missing"))),
    }
}

/// Adds the entries of `range` that fit, if they are in memory and the log is the same that `rows` was
/// read from: entries of a time before a truncation and of one after it never come together.
fn read_on(
    shared: &Shared,
    rows: Rows,
    range: Range<u64>,
    removals: u64,
) -> Result<Vec<Bytes>, StorageError> {
    let Rows { mut taken, room_bytes, .. } = rows;
    if room_bytes == 0 {
        return Ok(taken);
    }
    let located = shared.locate(&range, room_bytes)?;
    match located.place {
        Place::Memory { first, entries }
            if located.removals == removals && first == range.start && entries[0].len() <= room_bytes =>
        {
            taken.extend(entries);
        }
        Place::Memory { .. } | Place::Disk(_) | Place::Nowhere => {}
    }
    Ok(taken)
}

struct Rows {
    taken: Vec<Bytes>,
    /// What is left of the bytes that were allowed.
    room_bytes: usize,
    /// The first entry that should be there and is not.
    missing: Option<u64>,
}

fn read_rows(shared: &Shared, range: &Range<u64>, size_bytes_max: usize) -> Result<Rows, StorageError> {
    let mut rows = Rows { taken: Vec::new(), room_bytes: size_bytes_max, missing: None };
    let mut next = range.start;
    let mut full = false;
    let scanned = log_rows::scan(&*shared.db, range, ScanPurpose::Use, |index, entry| {
        full = !rows.taken.is_empty() && entry.len() > rows.room_bytes;
        if full || index != next {
            return false;
        }
        rows.room_bytes = rows.room_bytes.saturating_sub(entry.len());
        rows.taken.push(entry);
        next += 1;
        true
    });
    scanned.map_err(|error| error.at(&shared.path))?;
    if full {
        rows.room_bytes = 0;
    }
    rows.missing = (!full && next < range.end).then_some(next);
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread::{self, JoinHandle};

    use tempfile::TempDir;

    use super::*;
    use crate::log_writer::LogWriter;
    use crate::{DataDir, Durable, Identity, LogBatch, log_open};

    /// A log of which the test sees what its handles share.
    struct Open {
        shared: Arc<Shared>,
        writer: JoinHandle<()>,
    }

    impl Open {
        fn new(dir: &TempDir) -> Open {
            let dir = DataDir::open(dir.path(), Identity { node_id: 1, cluster_id: 1 }).unwrap();
            let (opened, mark) = log_open::open(&dir).unwrap();
            let shared = Arc::new(Shared::new(opened));
            let writer = LogWriter::new(Arc::clone(&shared), mark);
            Open { shared, writer: thread::spawn(move || writer.run()) }
        }

        fn append(&self, entries: Range<u64>, text: &'static str) {
            let (done, durable) = Durable::new();
            let entries = entries.map(|index| (index, Bytes::from(text))).collect();
            self.shared.append(entries, Box::new(move |outcome| done.send(outcome).unwrap()));
            durable.wait().unwrap();
        }

        fn truncate_after(&self, last_kept: u64) {
            let (done, durable) = Durable::new();
            self.shared.truncate_after(Some(last_kept), Box::new(move |outcome| done.send(outcome).unwrap()));
            durable.wait().unwrap();
        }

        fn close(self) {
            self.shared.close();
            self.writer.join().unwrap();
        }
    }

    /// Entries 0 to 9, on disk alone.
    fn on_disk(dir: &TempDir) -> Open {
        let log = Open::new(dir);
        log.append(0..10, "old");
        log.close();
        Open::new(dir)
    }

    #[test]
    fn an_entry_that_is_missing_is_damage_unless_it_was_removed_meanwhile() {
        let dir = tempfile::tempdir().unwrap();
        let log = on_disk(&dir);
        let shared = &log.shared;
        let Located { place: Place::Disk(range), removals } = shared.locate(&(0..20), 1000).unwrap() else {
            panic!("not on disk")
        };
        assert_eq!(range, 0..10);
        log.truncate_after(4);
        let rows = read_rows(shared, &range, 1000).unwrap();
        assert_eq!((rows.taken.len(), rows.missing), (5, Some(5)));
        assert!(!is_whole(shared, &rows, removals).unwrap());
        assert_eq!(read(shared, 0..20, 1000).unwrap().len(), 5);

        let mut batch = LogBatch::default();
        log_rows::remove(&mut batch, &(3..4));
        shared.db.write(batch).unwrap();
        let error = read(shared, 0..20, 1000).unwrap_err();
        assert!(error.to_string().contains("entry 3 is missing"), "{error}");
        log.close();
    }

    #[test]
    fn entries_before_and_after_a_truncation_never_come_together() {
        let dir = tempfile::tempdir().unwrap();
        let log = on_disk(&dir);
        let shared = &log.shared;
        log.append(10..12, "old");
        let Located { place: Place::Disk(range), removals } = shared.locate(&(0..20), 1000).unwrap() else {
            panic!("not on disk")
        };
        let rows = || read_rows(shared, &range, 1000).unwrap();
        let old = rows();
        assert_eq!(read_on(shared, rows(), 10..20, removals).unwrap().len(), 12);
        log.truncate_after(8);
        log.append(9..12, "new");
        assert_eq!(read_on(shared, old, 10..20, removals).unwrap().len(), 10);
        let read = read(shared, 0..20, 1000).unwrap();
        assert_eq!(read.iter().filter(|entry| *entry == "new").count(), 3);
        assert_eq!(read.len(), 12);
        log.close();
    }
}
