//! How what consensus keeps is written: log entries, votes, log ids and marks.
//!
//! All begin with a format byte. An entry is `format · kind · term · index · payload` with
//! big-endian numbers of eight bytes, so that a payload is a slice of what was read; everything
//! else is small and written with postcard. API messages never reach the disk, so both can change
//! alone; the golden bytes in the tests hold this format still.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use openraft::EntryPayload;
use openraft::vote::{RaftLeaderId, RaftVote, leader_id_std};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::entry::LogEntry;
use crate::type_config::{
    LogId, Membership, Payload, PeerAddress, Proposal, SnapshotMeta, StoredMembership, Vote,
};

/// The format that is written, and the only one that is read so far.
const FORMAT: u8 = 1;
const KIND_BLANK: u8 = 0;
const KIND_NORMAL: u8 = 1;
const KIND_MEMBERSHIP: u8 = 2;
/// Format, kind, term and index.
const ENTRY_HEADER_SIZE_BYTES: usize = 18;

/// Why bytes are not what this crate once wrote.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CodecError {
    /// Written by a newer program, or not by this one.
    #[error("format {found} of {what} is not known here (known: {FORMAT})")]
    Format {
        /// What was read.
        what: &'static str,
        /// Its format byte.
        found: u8,
    },
    /// The bytes end too early.
    #[error("{what} is cut short: {size_bytes} bytes")]
    Truncated {
        /// What was read.
        what: &'static str,
        /// How many bytes there were.
        size_bytes: usize,
    },
    /// The kind of a log entry is not known.
    #[error("kind {found} of a log entry is not known here")]
    Kind {
        /// The kind byte.
        found: u8,
    },
    /// The content contradicts itself.
    #[error("{what} cannot be read: {reason}")]
    Content {
        /// What was read.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl From<CodecError> for io::Error {
    fn from(error: CodecError) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

/// What the state store remembers of consensus, written together with the data: how far it has
/// applied, and the membership as of there. It is also what describes a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) last_applied: Option<LogId>,
    pub(crate) membership: StoredMembership,
}

impl Mark {
    pub(crate) fn to_meta(&self) -> SnapshotMeta {
        SnapshotMeta { last_log_id: self.last_applied, last_membership: self.membership.clone() }
    }

    pub(crate) fn from_meta(meta: &SnapshotMeta) -> Mark {
        Mark { last_applied: meta.last_log_id, membership: meta.last_membership.clone() }
    }

    pub(crate) fn applied_index(&self) -> u64 {
        self.last_applied.map_or(0, |log_id| log_id.index())
    }
}

/// Encodes a log entry.
pub(crate) fn encode_entry(log_id: &LogId, payload: &Payload) -> Bytes {
    match payload {
        EntryPayload::Blank => frame_entry(KIND_BLANK, log_id, &[]),
        EntryPayload::Normal(proposal) => frame_entry(KIND_NORMAL, log_id, &proposal.0),
        EntryPayload::Membership(membership) => {
            frame_entry(KIND_MEMBERSHIP, log_id, &body(&MembershipRecord::from(membership)))
        }
    }
}

fn frame_entry(kind: u8, log_id: &LogId, payload: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(ENTRY_HEADER_SIZE_BYTES + payload.len());
    bytes.put_u8(FORMAT);
    bytes.put_u8(kind);
    bytes.put_u64(**log_id.committed_leader_id());
    bytes.put_u64(log_id.index());
    bytes.put_slice(payload);
    bytes.freeze()
}

/// Decodes a log entry; its payload shares the memory of `encoded`.
pub(crate) fn decode_entry(encoded: &Bytes) -> Result<LogEntry, CodecError> {
    let what = "a log entry";
    check_format(what, encoded)?;
    if encoded.len() < ENTRY_HEADER_SIZE_BYTES {
        return Err(CodecError::Truncated { what, size_bytes: encoded.len() });
    }
    let log_id = log_id(number_at(encoded, 2), number_at(encoded, 10));
    let rest = encoded.slice(ENTRY_HEADER_SIZE_BYTES..);
    let payload = match encoded[1] {
        KIND_BLANK => EntryPayload::Blank,
        KIND_NORMAL => EntryPayload::Normal(Proposal(rest)),
        KIND_MEMBERSHIP => EntryPayload::Membership(read::<MembershipRecord>(what, &rest)?.try_into()?),
        found => return Err(CodecError::Kind { found }),
    };
    Ok(LogEntry::decoded(log_id, payload, encoded.clone()))
}

fn number_at(bytes: &[u8], offset: usize) -> u64 {
    let digits = bytes[offset..offset + 8].try_into().expect("the header was checked to be long enough");
    u64::from_be_bytes(digits)
}

pub(crate) fn encode_vote(vote: &Vote) -> Bytes {
    let leader = vote.leader_id();
    framed(&VoteRecord { term: leader.term, node_id: leader.voted_for, committed: vote.committed })
}

pub(crate) fn decode_vote(encoded: &[u8]) -> Result<Vote, CodecError> {
    let record: VoteRecord = unframed("a vote", encoded)?;
    Ok(vote(record.term, record.node_id, record.committed))
}

pub(crate) fn encode_log_id(log_id: Option<&LogId>) -> Bytes {
    framed(&log_id.map(LogIdRecord::from))
}

pub(crate) fn decode_log_id(encoded: &[u8]) -> Result<Option<LogId>, CodecError> {
    let record: Option<LogIdRecord> = unframed("a log id", encoded)?;
    Ok(record.map(LogId::from))
}

pub(crate) fn encode_mark(mark: &Mark) -> Bytes {
    framed(&MarkRecord {
        last_applied: mark.last_applied.as_ref().map(LogIdRecord::from),
        membership_log_id: mark.membership.log_id().as_ref().map(LogIdRecord::from),
        membership: MembershipRecord::from(mark.membership.membership()),
    })
}

pub(crate) fn decode_mark(encoded: &[u8]) -> Result<Mark, CodecError> {
    let record: MarkRecord = unframed("a mark", encoded)?;
    let membership_log_id = record.membership_log_id.map(LogId::from);
    Ok(Mark {
        last_applied: record.last_applied.map(LogId::from),
        membership: StoredMembership::new(membership_log_id, record.membership.try_into()?),
    })
}

/// A log id from its two numbers.
pub(crate) fn log_id(term: u64, index: u64) -> LogId {
    LogId::new(leader_id_std::CommittedLeaderId::new(term), index)
}

/// A vote from its parts.
pub(crate) fn vote(term: u64, node_id: u64, committed: bool) -> Vote {
    Vote::from_leader_id(RaftLeaderId::new(term, node_id), committed)
}

#[derive(Serialize, Deserialize)]
struct VoteRecord {
    term: u64,
    node_id: u64,
    committed: bool,
}

#[derive(Serialize, Deserialize)]
struct LogIdRecord {
    term: u64,
    index: u64,
}

#[derive(Serialize, Deserialize)]
struct MembershipRecord {
    /// One set of voters, or two while the membership changes.
    voters: Vec<Vec<u64>>,
    /// All nodes: id, peer address, client address, name.
    nodes: Vec<(u64, String, String, String)>,
}

#[derive(Serialize, Deserialize)]
struct MarkRecord {
    last_applied: Option<LogIdRecord>,
    membership_log_id: Option<LogIdRecord>,
    membership: MembershipRecord,
}

impl From<&LogId> for LogIdRecord {
    fn from(log_id: &LogId) -> LogIdRecord {
        LogIdRecord { term: **log_id.committed_leader_id(), index: log_id.index() }
    }
}

impl From<LogIdRecord> for LogId {
    fn from(record: LogIdRecord) -> LogId {
        log_id(record.term, record.index)
    }
}

impl From<&Membership> for MembershipRecord {
    fn from(membership: &Membership) -> MembershipRecord {
        let voters = membership.get_joint_config().iter().map(|set| set.iter().copied().collect()).collect();
        let node = |(id, node): (&u64, &PeerAddress)| {
            (*id, node.peer.clone(), node.client.clone(), node.name.clone())
        };
        let nodes = membership.nodes().map(node).collect();
        MembershipRecord { voters, nodes }
    }
}

impl TryFrom<MembershipRecord> for Membership {
    type Error = CodecError;

    fn try_from(record: MembershipRecord) -> Result<Membership, CodecError> {
        let voters = record.voters.into_iter().map(BTreeSet::from_iter).collect();
        let nodes = record.nodes.into_iter();
        let nodes: BTreeMap<u64, PeerAddress> =
            nodes.map(|(id, peer, client, name)| (id, PeerAddress { peer, client, name })).collect();
        Membership::new(voters, nodes)
            .map_err(|error| CodecError::Content { what: "a membership", reason: error.to_string() })
    }
}

fn body<T: Serialize>(record: &T) -> Vec<u8> {
    postcard::to_allocvec(record).expect("records are plain data, which postcard always encodes")
}

fn framed<T: Serialize>(record: &T) -> Bytes {
    let body = body(record);
    let mut bytes = BytesMut::with_capacity(1 + body.len());
    bytes.put_u8(FORMAT);
    bytes.put_slice(&body);
    bytes.freeze()
}

fn unframed<T: DeserializeOwned>(what: &'static str, encoded: &[u8]) -> Result<T, CodecError> {
    check_format(what, encoded)?;
    read(what, &encoded[1..])
}

fn check_format(what: &'static str, encoded: &[u8]) -> Result<(), CodecError> {
    match encoded.first() {
        Some(&FORMAT) => Ok(()),
        Some(&found) => Err(CodecError::Format { what, found }),
        None => Err(CodecError::Truncated { what, size_bytes: 0 }),
    }
}

fn read<T: DeserializeOwned>(what: &'static str, body: &[u8]) -> Result<T, CodecError> {
    let content = |reason: String| CodecError::Content { what, reason };
    match postcard::take_from_bytes(body) {
        Ok((record, [])) => Ok(record),
        Ok((_, rest)) => Err(content(format!("{} bytes too many", rest.len()))),
        Err(error) => Err(content(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn membership() -> Membership {
        let address = |port: u16| PeerAddress {
            peer: format!("a:{port}"),
            client: format!("b:{port}"),
            name: "n".repeat(usize::from(port - 1)),
        };
        let nodes = BTreeMap::from([(1, address(1)), (2, address(2)), (3, address(3))]);
        Membership::new(vec![BTreeSet::from([1, 2]), BTreeSet::from([2, 3])], nodes).unwrap()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn entries_keep_their_bytes() {
        let normal = EntryPayload::Normal(Proposal(Bytes::from_static(b"hi")));
        let cases = [
            (EntryPayload::Blank, "0100000000000000000300000000000000ff"),
            (normal, "0101000000000000000300000000000000ff6869"),
            (
                EntryPayload::Membership(membership()),
                "0102000000000000000300000000000000ff020201020202030301\
                 03613a3103623a31000203613a3203623a32016e0303613a3303623a33026e6e",
            ),
        ];
        for (payload, golden) in cases {
            let encoded = encode_entry(&log_id(3, 255), &payload);
            assert_eq!(hex(&encoded), golden.replace(' ', ""));
            let entry = decode_entry(&encoded).unwrap();
            assert_eq!(entry.payload(), &payload);
            assert_eq!(entry.encoded(), encoded);
        }
    }

    #[test]
    fn a_decoded_payload_is_a_slice_of_what_was_read() {
        let encoded =
            encode_entry(&log_id(1, 1), &EntryPayload::Normal(Proposal(Bytes::from(vec![7; 1000]))));
        let entry = decode_entry(&encoded).unwrap();
        let EntryPayload::Normal(Proposal(payload)) = entry.payload() else { panic!("not a normal entry") };
        assert_eq!(payload.as_ptr(), encoded[ENTRY_HEADER_SIZE_BYTES..].as_ptr());
    }

    #[test]
    fn votes_log_ids_and_marks_keep_their_bytes() {
        let voted = vote(300, 2, true);
        assert_eq!(hex(&encode_vote(&voted)), "01ac020201");
        assert_eq!(decode_vote(&encode_vote(&voted)).unwrap(), voted);

        assert_eq!(hex(&encode_log_id(Some(&log_id(2, 9)))), "01010209");
        assert_eq!(decode_log_id(&encode_log_id(Some(&log_id(2, 9)))).unwrap(), Some(log_id(2, 9)));
        assert_eq!(hex(&encode_log_id(None)), "0100");
        assert_eq!(decode_log_id(&encode_log_id(None)).unwrap(), None);

        let mark = Mark {
            last_applied: Some(log_id(2, 9)),
            membership: StoredMembership::new(Some(log_id(1, 4)), membership()),
        };
        let golden = "01010209010104020201020202030301\
                      03613a3103623a31000203613a3203623a32016e0303613a3303623a33026e6e";
        assert_eq!(hex(&encode_mark(&mark)), golden.replace(' ', ""));
        assert_eq!(decode_mark(&encode_mark(&mark)).unwrap(), mark);
        assert_eq!(decode_mark(&encode_mark(&Mark::default())).unwrap(), Mark::default());
    }

    #[test]
    fn damaged_bytes_are_told_from_newer_ones() {
        let encoded = encode_vote(&vote(1, 1, false));
        let newer = [&[2u8], &encoded[1..]].concat();
        assert_eq!(decode_vote(&newer), Err(CodecError::Format { what: "a vote", found: 2 }));
        assert_eq!(decode_vote(&[]), Err(CodecError::Truncated { what: "a vote", size_bytes: 0 }));
        assert!(matches!(decode_vote(&encoded[..2]), Err(CodecError::Content { .. })));
        let longer = [&encoded[..], &[0]].concat();
        assert!(matches!(decode_vote(&longer), Err(CodecError::Content { .. })));

        let entry = encode_entry(&log_id(1, 1), &EntryPayload::Blank);
        let short = entry.slice(..ENTRY_HEADER_SIZE_BYTES - 1);
        assert!(matches!(decode_entry(&short), Err(CodecError::Truncated { .. })));
        let mut other_kind = entry.to_vec();
        other_kind[1] = 9;
        assert_eq!(decode_entry(&other_kind.into()).unwrap_err(), CodecError::Kind { found: 9 });
    }
}
