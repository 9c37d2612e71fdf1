//! The head of a namespace: what is known of its newest version.
//!
//! It is an ordinary versioned key, rewritten by every version. Its history is the namespace's history.

use bytes::Bytes;
use conclave_mvcc::{MapError, ReadMap, Record, Revision, Transaction, get_at};
use serde::{Deserialize, Serialize};

use super::command::Authorship;
use super::keys::head_key;
use super::outcome::{CommittedVersion, Usage};
use super::tally::Tally;
use super::versions;
use crate::encoding::{decode, encode, is_count};
use crate::names::NamespaceName;
use crate::rejection::Rejection;
use crate::stop::Stop;
use crate::times::Times;
use crate::version::Version;

const FORMAT: u8 = 1;

/// What is known of a namespace's newest version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) version: Version,
    pub(crate) author: String,
    pub(crate) message: String,
    /// The time that is told of it: no older version has a later one.
    pub(crate) time_ms: i64,
    /// The stamp of the clock by which it was made.
    pub(crate) stamp_ms: i64,
    /// The version whose content this one restored; 0: it is no rollback.
    pub(crate) rollback_of: Version,
    /// Whether this version deleted the namespace.
    pub(crate) deleted_namespace: bool,
    pub(crate) counts: Counts,
    /// What the namespace holds as of this version.
    pub(crate) usage: Usage,
    pub(crate) pace: Pace,
}

/// How many versions were made in a minute of the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pace {
    /// Which: minutes since 1970-01-01 UTC.
    pub(crate) minute: i64,
    pub(crate) versions: u32,
}

/// How many items a version added, changed and deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) added: u32,
    pub(crate) changed: u32,
    pub(crate) deleted: u32,
}

impl Head {
    /// The head as the transaction sees it, also of a deleted namespace; none if the name was never used.
    pub(crate) fn find(
        transaction: &mut Transaction<'_>,
        namespace: &NamespaceName,
    ) -> Result<Option<Self>, MapError> {
        transaction.get(&head_key(namespace))?.map(Self::decode).transpose()
    }

    /// The head at a revision and when it was written, also of a deleted namespace.
    pub(crate) fn at(
        view: &dyn ReadMap,
        namespace: &NamespaceName,
        at: Revision,
    ) -> Result<(Self, Revision), Stop> {
        match get_at(view, &head_key(namespace), at)? {
            Some(record) => Ok((Self::decode(&record)?, record.mod_revision)),
            None => Err(not_found(namespace)),
        }
    }

    /// Refuses if the namespace was deleted.
    pub(crate) fn alive(self, namespace: &NamespaceName) -> Result<Self, Stop> {
        if self.deleted_namespace { Err(not_found(namespace)) } else { Ok(self) }
    }

    /// Refuses unless this is the version that was expected, if one was.
    pub(crate) fn expect(&self, namespace: &NamespaceName, expected: Option<Version>) -> Result<(), Stop> {
        match expected {
            Some(expected) if expected != self.version => Err(Stop::Rejected(Rejection::VersionMismatch {
                namespace: namespace.to_string(),
                expected: expected.get(),
                found: self.version.get(),
            })),
            _ => Ok(()),
        }
    }

    /// A head made by this author at this time, of no version yet.
    pub(crate) fn by(authorship: &Authorship, times: Times) -> Self {
        let Authorship { author, message } = authorship.clone();
        let Times { told_ms: time_ms, stamp_ms } = times;
        Self { author, message, time_ms, stamp_ms, ..Self::default() }
    }

    /// The head of the next version, with what it counted.
    pub(crate) fn next_with(self, tally: Tally, authorship: &Authorship, times: Times) -> Self {
        Self { counts: tally.counts, usage: tally.usage, ..self.next(authorship, times) }
    }

    /// The head of the next version, made by this author at this time.
    pub(crate) fn next(self, authorship: &Authorship, times: Times) -> Self {
        let (version, usage, pace) = (self.version.next(), self.usage, self.pace.step(times.stamp_ms));
        Self { version, usage, pace, ..Self::by(authorship, times) }
    }

    /// Writes the head of a new version, which is the namespace's newest from here on.
    pub(crate) fn write(
        &self,
        transaction: &mut Transaction<'_>,
        namespace: &NamespaceName,
    ) -> Result<CommittedVersion, MapError> {
        transaction.put(head_key(namespace), self.encode(), Bytes::new())?;
        if self.version != Version::ZERO {
            versions::note(transaction, namespace, self.version);
        }
        let Counts { added, changed, deleted } = self.counts;
        Ok(CommittedVersion { namespace: namespace.clone(), version: self.version, added, changed, deleted })
    }

    /// The head in a record.
    pub(crate) fn decode(record: &Record) -> Result<Self, MapError> {
        let head: Self =
            decode(FORMAT, &record.value).map_err(|error| MapError::new(format_args!("head: {error}")))?;
        let Usage { items, size_bytes } = head.usage;
        if [head.version.get(), items, size_bytes].into_iter().all(is_count) {
            Ok(head)
        } else {
            Err(MapError::new("head: it counts more than there can be"))
        }
    }

    /// What it means that a head is gone: nothing ever deletes one.
    pub(crate) fn vanished(namespace: &NamespaceName) -> MapError {
        MapError::damaged("a head was deleted", &head_key(namespace))
    }

    fn encode(&self) -> Bytes {
        encode(FORMAT, self)
    }
}

pub(crate) fn not_found(namespace: &NamespaceName) -> Stop {
    Stop::Rejected(Rejection::NamespaceNotFound { namespace: namespace.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        let head = Head {
            version: Version::new(300),
            author: "ann".into(),
            message: "why".into(),
            time_ms: 1_000,
            stamp_ms: 300,
            rollback_of: Version::new(2),
            deleted_namespace: true,
            counts: Counts { added: 1, changed: 2, deleted: 3 },
            usage: Usage { items: 4, size_bytes: 300 },
            pace: Pace { minute: 1, versions: 5 },
        };
        let golden = b"\x01\xac\x02\x03ann\x03why\xd0\x0f\xd8\x04\x02\x01\x01\x02\x03\x04\xac\x02\x02\x05";
        assert_eq!(head.encode().as_ref(), golden);
        let record = Record {
            create_revision: Revision::new(1),
            mod_revision: Revision::new(1),
            version: 1,
            annotations: Bytes::new(),
            value: head.encode(),
        };
        assert_eq!(Head::decode(&record), Ok(head));
        assert!(Head::decode(&Record { value: Bytes::new(), ..record }).is_err());
    }
}
