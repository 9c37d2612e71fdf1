//! The writes of one command.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use bytes::Bytes;

use crate::present::PresentKeys;
use crate::{
    Cursor, Event, KeyRange, MapError, RangeCursor, RangeLimits, RangePage, ReadMap, Record, Revised,
    Revision, TableId, WriteSet, changes, history, record, rows,
};

/// Gathers writes over a view and sees them itself. Dropping it undoes them all: nothing reaches the
/// map but by [`Transaction::seal`].
///
/// Whatever is done to a key, and however often, it has one net event: from what it was before the
/// transaction to what it is at its end.
pub struct Transaction<'a> {
    view: &'a dyn ReadMap,
    /// Made at the first lookup and kept: making one is what costs.
    cursor: Option<Box<dyn Cursor + 'a>>,
    newest: Revision,
    /// Every versioned key that was looked up or written.
    keys: BTreeMap<Bytes, Touched>,
    /// How many of them were written.
    written: u32,
    /// The same of keys of which only the present is kept. Their rows are among those of `side`.
    present: PresentKeys,
    side: WriteSet,
}

struct Touched {
    before: Option<Record>,
    now: Option<Record>,
    /// How many keys were written before it was; none: it was only looked up.
    written: Option<u32>,
    /// Its past goes, and if it is deleted it leaves nothing.
    without_past: bool,
}

/// What a transaction leads to.
#[derive(Debug)]
pub struct Sealed {
    /// What is to be written, in full.
    pub writes: WriteSet,
    /// The revision that it takes; none if it changed no versioned key.
    pub revised: Option<Revised>,
    /// The same of the keys of which only the present is kept, which have a clock of their own.
    pub present: Option<Revised>,
}

impl<'a> Transaction<'a> {
    /// Begins over `view`.
    pub fn begin(view: &'a dyn ReadMap) -> Result<Self, MapError> {
        Ok(Self {
            view,
            cursor: None,
            newest: history::newest_revision(view)?,
            keys: BTreeMap::new(),
            written: 0,
            present: PresentKeys::default(),
            side: WriteSet::default(),
        })
    }

    /// The state before this transaction.
    pub fn view(&self) -> &'a dyn ReadMap {
        self.view
    }

    /// The newest revision before this transaction.
    pub fn newest(&self) -> Revision {
        self.newest
    }

    /// The revision that this transaction takes if it changes a versioned key.
    pub fn revision(&self) -> Revision {
        self.newest.next()
    }

    /// Whether a versioned key was written.
    pub fn has_written(&self) -> bool {
        self.written > 0
    }

    /// What `key` is.
    pub fn get(&mut self, key: &Bytes) -> Result<Option<&Record>, MapError> {
        Ok(self.touch(key.clone())?.now.as_ref())
    }

    /// The keys of a range and what they are, at least one if there is one, however many are looked at.
    pub fn range(&self, range: &KeyRange, limits: RangeLimits) -> Result<RangePage, MapError> {
        let mut merged = Merged::new(self, range)?;
        let mut page = RangePage::default();
        let mut size_bytes = 0;
        while let Some((key, mut record)) = merged.next()? {
            if !page.records.is_empty()
                && (page.records.len() >= limits.records_max || size_bytes >= limits.size_bytes_max)
            {
                page.next = page.records.last().map(|(key, _)| key.clone());
                break;
            }
            if limits.keys_only {
                record.value = Bytes::new();
            }
            size_bytes += key.len() + record.size_bytes();
            page.records.push((key, record));
        }
        Ok(page)
    }

    /// Sets `key`, also to what it is already.
    pub fn put(&mut self, key: Bytes, value: Bytes, annotations: Bytes) -> Result<(), MapError> {
        let revision = self.revision();
        let touched = self.touch_to_write(key)?;
        touched.now = Some(Record::after(touched.now.as_ref(), revision, value, annotations));
        Ok(())
    }

    /// Deletes `key`; tells whether it was there.
    pub fn delete(&mut self, key: Bytes) -> Result<bool, MapError> {
        Ok(self.touch_to_write(key)?.now.take().is_some())
    }

    /// The row of a side table under `key`.
    pub fn side_get(&self, table: TableId, key: &[u8]) -> Result<Option<Bytes>, MapError> {
        let row = table.row_key(key);
        match self.side.get(&row) {
            Some(written) => Ok(written.cloned()),
            None => self.view.get(&row),
        }
    }

    /// Sets the row of a side table.
    pub fn side_put(&mut self, table: TableId, key: &[u8], value: Bytes) {
        self.side.put(table.row_key(key), value);
    }

    /// Deletes the row of a side table.
    pub fn side_delete(&mut self, table: TableId, key: &[u8]) {
        self.side.delete(table.row_key(key));
    }

    /// Ends the transaction: what it would write and what happened. Writing it is the caller's.
    pub fn seal(self) -> Sealed {
        let revision = self.revision();
        let mut writes = self.side;
        let present = self.present.seal(&mut writes);
        let (mut events, mut sequence) = (Vec::new(), 0);
        for (key, touched) in self.keys {
            let Some(order) = touched.written else { continue };
            let leaves_nothing = touched.without_past && touched.now.is_none();
            let known = (touched.before, touched.now);
            let Some(event) = Event::between(key, known, revision, order) else { continue };
            if !leaves_nothing {
                write_event(&mut writes, (revision, sequence), &event);
                sequence += 1;
            }
            events.push(event);
        }
        if events.is_empty() {
            return Sealed { writes, revised: None, present };
        }
        writes.put(rows::NEWEST_REVISION.into(), history::newest_revision_row(revision));
        Sealed { writes, revised: Some(Revised { revision, events: events.into() }), present }
    }

    /// What `key` was before this transaction; tells its caller too that nothing of it is to be kept.
    pub(crate) fn take_past(&mut self, key: Bytes) -> Result<Option<&Record>, MapError> {
        let touched = self.touch(key)?;
        touched.without_past = true;
        Ok(touched.before.as_ref())
    }

    pub(crate) fn present_mut(&mut self) -> (&mut PresentKeys, &'a dyn ReadMap) {
        (&mut self.present, self.view)
    }

    pub(crate) fn side_mut(&mut self) -> &mut WriteSet {
        &mut self.side
    }

    fn touch_to_write(&mut self, key: Bytes) -> Result<&mut Touched, MapError> {
        let written = self.written;
        let is_first = self.touch(key.clone())?.written.is_none();
        self.written += u32::from(is_first);
        let touched = self.touch(key)?;
        touched.written.get_or_insert(written);
        Ok(touched)
    }

    fn touch(&mut self, key: Bytes) -> Result<&mut Touched, MapError> {
        match self.keys.entry(key) {
            Entry::Occupied(touched) => Ok(touched.into_mut()),
            Entry::Vacant(untouched) => {
                let prefix = rows::version_prefix(untouched.key());
                let known = match self.view.recent() {
                    Some(recent) => recent.borrow_mut().get(&prefix)?,
                    None => None,
                };
                if let Some(before) = known {
                    return Ok(untouched.insert(Touched::of(before)));
                }
                let cursor = self.cursor.get_or_insert_with(|| self.view.key_cursor());
                let version = history::newest_version(cursor.as_mut(), &prefix)?;
                let before = record::decode_version(version.as_ref())?;
                if let Some(recent) = self.view.recent() {
                    recent.borrow_mut().found(&prefix, version);
                }
                Ok(untouched.insert(Touched::of(before)))
            }
        }
    }
}

impl Touched {
    fn of(before: Option<Record>) -> Self {
        Self { now: before.clone(), before, written: None, without_past: false }
    }
}

fn write_event(writes: &mut WriteSet, (revision, sequence): (Revision, u32), event: &Event) {
    let version = match event.record() {
        Some(record) => record.encode(),
        None => record::TOMBSTONE.into(),
    };
    writes.put(rows::version_row(&rows::version_prefix(&event.key), revision).into(), version);
    writes.put(rows::change_row(revision, sequence), changes::encode(event, sequence));
}

/// The view's keys of a range, and over them what the transaction wrote.
struct Merged<'a> {
    view: RangeCursor<'a>,
    written: std::iter::Peekable<std::vec::IntoIter<(&'a Bytes, &'a Touched)>>,
}

impl<'a> Merged<'a> {
    fn new(transaction: &'a Transaction<'_>, range: &KeyRange) -> Result<Self, MapError> {
        let written: Vec<_> = transaction
            .keys
            .range(range.start.clone()..)
            .take_while(|(key, _)| range.contains(key))
            .filter(|(_, touched)| touched.written.is_some())
            .collect();
        let view = RangeCursor::new(transaction.view, range, Revision::MAX)?;
        Ok(Self { view, written: written.into_iter().peekable() })
    }

    fn next(&mut self) -> Result<Option<(Bytes, Record)>, MapError> {
        loop {
            let viewed = self.view.key();
            let written = self.written.next_if(|(key, _)| viewed.is_none_or(|viewed| key.as_ref() <= viewed));
            match (viewed, written) {
                (None, None) => return Ok(None),
                (Some(key), None) => {
                    let found = (Bytes::copy_from_slice(key), self.view.record()?);
                    self.view.advance()?;
                    return Ok(Some(found));
                }
                (viewed, Some((key, touched))) => {
                    if viewed == Some(key.as_ref()) {
                        self.view.advance()?;
                    }
                    if let Some(record) = &touched.now {
                        return Ok(Some((key.clone(), record.clone())));
                    }
                }
            }
        }
    }
}
