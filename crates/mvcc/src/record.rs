//! What a key is at a revision, and how that is kept.
//!
//! A version row's value, format 1: `01`, then `00` for a tombstone, or `01` and
//! create_revision (8), version (8), length of the annotations (4), annotations, value.

use bytes::Bytes;

use crate::{MapError, Revision};

const FORMAT: u8 = 1;
const DELETED: u8 = 0;
const PRESENT: u8 = 1;
const HEADER_SIZE_BYTES: usize = 2 + 8 + 8 + 4;

/// A key's value at a revision, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When the key came to be, after it last did not exist.
    pub create_revision: Revision,
    /// When it last changed.
    pub mod_revision: Revision,
    /// How many revisions changed it since `create_revision`, from 1.
    pub version: u64,
    /// What the layer above notes beside the value; this crate does not look into it.
    pub annotations: Bytes,
    /// The value.
    pub value: Bytes,
}

impl Record {
    /// Whether both hold the same value and annotations, whenever they were written.
    pub fn same_content(&self, other: &Self) -> bool {
        self.value == other.value && self.annotations == other.annotations
    }

    /// What value and annotations take.
    pub fn size_bytes(&self) -> usize {
        self.value.len() + self.annotations.len()
    }

    /// The record under a key that is set to this now, if it was `before`.
    pub(crate) fn after(before: Option<&Self>, revision: Revision, value: Bytes, annotations: Bytes) -> Self {
        let (create_revision, version) = match before {
            None => (revision, 1),
            Some(before) if before.mod_revision == revision => (before.create_revision, before.version),
            Some(before) => (before.create_revision, before.version.saturating_add(1)),
        };
        Self { create_revision, mod_revision: revision, version, annotations, value }
    }

    pub(crate) fn encode(&self) -> Bytes {
        let annotations = u32::try_from(self.annotations.len()).expect("annotations are far below 4 GiB");
        let mut row = Vec::with_capacity(HEADER_SIZE_BYTES + self.size_bytes());
        row.extend_from_slice(&[FORMAT, PRESENT]);
        row.extend_from_slice(&self.create_revision.get().to_be_bytes());
        row.extend_from_slice(&self.version.to_be_bytes());
        row.extend_from_slice(&annotations.to_be_bytes());
        row.extend_from_slice(&self.annotations);
        row.extend_from_slice(&self.value);
        row.into()
    }
}

/// The value of a version row that says that the key exists no longer.
pub(crate) const TOMBSTONE: &[u8] = &[FORMAT, DELETED];

/// Whether a version row's value is a tombstone.
pub(crate) fn is_tombstone(row: &[u8]) -> bool {
    row == TOMBSTONE
}

/// The record in a version row's value, which was written at `mod_revision`; none in a tombstone.
pub(crate) fn decode(mod_revision: Revision, row: Bytes) -> Result<Option<Record>, MapError> {
    if is_tombstone(&row) {
        return Ok(None);
    }
    let header =
        header(&row).ok_or_else(|| MapError::damaged("unknown record", &row[..row.len().min(32)]))?;
    let value_at = HEADER_SIZE_BYTES + header.annotations_size_bytes;
    Ok(Some(Record {
        create_revision: header.create_revision,
        mod_revision,
        version: header.version,
        annotations: row.slice(HEADER_SIZE_BYTES..value_at),
        value: row.slice(value_at..),
    }))
}

/// The record of a version row, of which there may be none: then the key does not exist either.
pub(crate) fn decode_version(version: Option<&(Revision, Bytes)>) -> Result<Option<Record>, MapError> {
    match version {
        Some((revision, row)) => decode(*revision, row.clone()),
        None => Ok(None),
    }
}

/// The same without its value, which is not copied.
pub(crate) fn decode_without_value(mod_revision: Revision, row: &[u8]) -> Result<Option<Record>, MapError> {
    let without = match header(row) {
        Some(header) => &row[..HEADER_SIZE_BYTES + header.annotations_size_bytes],
        None => row,
    };
    decode(mod_revision, Bytes::copy_from_slice(without))
}

struct Header {
    create_revision: Revision,
    version: u64,
    annotations_size_bytes: usize,
}

fn header(row: &[u8]) -> Option<Header> {
    let rest = row.strip_prefix(&[FORMAT, PRESENT])?;
    let (create_revision, rest) = rest.split_first_chunk()?;
    let (version, rest) = rest.split_first_chunk()?;
    let (annotations, rest) = rest.split_first_chunk()?;
    let annotations_size_bytes = usize::try_from(u32::from_be_bytes(*annotations)).ok()?;
    (annotations_size_bytes <= rest.len()).then_some(Header {
        create_revision: Revision::new(u64::from_be_bytes(*create_revision)),
        version: u64::from_be_bytes(*version),
        annotations_size_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            create_revision: Revision::new(2),
            mod_revision: Revision::new(7),
            version: 3,
            annotations: "note".into(),
            value: "value".into(),
        }
    }

    #[test]
    fn golden_bytes() {
        let golden = b"\x01\x01\
            \x00\x00\x00\x00\x00\x00\x00\x02\
            \x00\x00\x00\x00\x00\x00\x00\x03\
            \x00\x00\x00\x04notevalue";
        assert_eq!(record().encode().as_ref(), golden);
        assert_eq!(TOMBSTONE, b"\x01\x00");
    }

    #[test]
    fn what_was_encoded_is_read_back() {
        let row = record().encode();
        assert_eq!(decode(Revision::new(7), row.clone()), Ok(Some(record())));
        let without = Record { value: Bytes::new(), ..record() };
        assert_eq!(decode_without_value(Revision::new(7), &row), Ok(Some(without)));
        assert_eq!(decode(Revision::new(7), TOMBSTONE.into()), Ok(None));
        assert_eq!(decode_without_value(Revision::new(7), TOMBSTONE), Ok(None));
    }

    #[test]
    fn a_number_of_changes_that_was_damaged_ends_nothing() {
        let damaged = Record { version: u64::MAX, ..record() };
        let after = Record::after(Some(&damaged), Revision::new(8), Bytes::new(), Bytes::new());
        assert_eq!(after.version, u64::MAX);
    }

    #[test]
    fn a_row_of_another_shape_is_an_error() {
        let encoded = record().encode();
        let mut future = encoded.to_vec();
        future[0] = 2;
        let mut overlong = encoded.to_vec();
        overlong[18] = 0xff;
        for row in [Vec::new(), future, overlong, encoded[..10].to_vec()] {
            assert!(decode(Revision::new(7), row.into()).is_err());
        }
    }
}
