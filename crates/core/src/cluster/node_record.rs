//! The rows about nodes: one for each id that was given out or heard of, and one for the highest.
//!
//! A row is `01` and the record; the row of the highest id has an empty key and is `01` and the id (8).

use bytes::Bytes;
use conclave_mvcc::{MapError, ReadMap, Transaction};
use serde::{Deserialize, Serialize};

use super::command::TokenHash;
use super::rejection::ClusterRejection;
use crate::encoding::{decode, encode};
use crate::tables::NODES;

const FORMAT: u8 = 1;
const HIGHEST: &[u8] = b"";

/// What is known of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NodeRecord {
    pub(crate) name: String,
    pub(crate) peer_address: String,
    pub(crate) client_address: String,
    pub(crate) standing: Standing,
}

/// What a node is to the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// It may join.
    Admitted {
        /// Hash of what it must bring.
        token_hash: TokenHash,
        /// Until when: milliseconds since 1970-01-01 UTC.
        expires_ms: i64,
    },
    /// It belongs to the cluster.
    Member {
        /// The number that it drew.
        instance: u64,
        /// The cluster that it belonged to when it said so: a restored one has another id.
        cluster_id: u64,
        /// Hash of what it brought; none if it was there from the beginning.
        token_hash: Option<TokenHash>,
    },
    /// It was taken out.
    #[default]
    Removed,
}

impl NodeRecord {
    /// Whether it was admitted or came with this token.
    pub(crate) fn has_token(&self, token_hash: &TokenHash) -> bool {
        match &self.standing {
            Standing::Admitted { token_hash: known, .. } => known == token_hash,
            Standing::Member { token_hash: known, .. } => known.as_ref() == Some(token_hash),
            Standing::Removed => false,
        }
    }

    /// Whether this one, which waits, is the other one: it may have been admitted before it had a name.
    pub(crate) fn is_same_node(&self, other: &Self) -> bool {
        let is_called_so = self.name.is_empty() || self.name == other.name;
        is_called_so && self.peer_address == other.peer_address
    }

    /// Why the other node cannot be beside this one, which has this id.
    pub(crate) fn clash(&self, id: u64, other: &Self) -> Option<ClusterRejection> {
        if !self.name.is_empty() && self.name == other.name {
            return Some(ClusterRejection::NameTaken { name: other.name.clone(), id });
        }
        let same = self.peer_address == other.peer_address;
        same.then(|| ClusterRejection::AddressTaken { address: other.peer_address.clone(), id })
    }
}

/// What is known of the node with this id.
pub(crate) fn get(view: &dyn ReadMap, id: u64) -> Result<Option<NodeRecord>, MapError> {
    let key = id.to_be_bytes();
    NODES.get(view, &key)?.map(|row| read(&key, &row)).transpose()
}

/// All nodes in order of id.
pub(crate) fn all(view: &dyn ReadMap) -> Result<Vec<(u64, NodeRecord)>, MapError> {
    let table = NODES.row_key(b"");
    let mut rows = view.cursor();
    rows.seek(&NODES.row_key(&[0; 8]))?;
    let mut nodes = Vec::new();
    while let (Some(key), Some(row)) = (rows.key(), rows.value()) {
        let Some(key) = key.strip_prefix(table.as_ref()) else { break };
        let id = key.try_into().map_err(|_| MapError::damaged("unknown node", &NODES.row_key(key)))?;
        nodes.push((u64::from_be_bytes(id), read(key, row)?));
        rows.advance()?;
    }
    Ok(nodes)
}

/// Writes what is known of a node.
pub(crate) fn put(transaction: &mut Transaction<'_>, id: u64, node: &NodeRecord) {
    transaction.side_put(NODES, &id.to_be_bytes(), encode(FORMAT, node));
}

/// Removes what is known of a node that never came.
pub(crate) fn remove(transaction: &mut Transaction<'_>, id: u64) {
    transaction.side_delete(NODES, &id.to_be_bytes());
}

/// The highest id that was given out or heard of.
pub(crate) fn highest_id(view: &dyn ReadMap) -> Result<u64, MapError> {
    let Some(row) = NODES.get(view, HIGHEST)? else { return Ok(0) };
    let id = row.strip_prefix(&[FORMAT]).and_then(|id| id.try_into().ok());
    let id = id.ok_or_else(|| MapError::damaged("unknown highest id", &NODES.row_key(HIGHEST)))?;
    Ok(u64::from_be_bytes(id))
}

/// Notes that an id is used.
pub(crate) fn raise_highest_id(transaction: &mut Transaction<'_>, id: u64) -> Result<(), MapError> {
    if id > highest_id(transaction.view())? {
        let row: Bytes = [&[FORMAT], id.to_be_bytes().as_slice()].concat().into();
        transaction.side_put(NODES, HIGHEST, row);
    }
    Ok(())
}

fn read(key: &[u8], row: &[u8]) -> Result<NodeRecord, MapError> {
    decode(FORMAT, row).map_err(|_| MapError::damaged("unknown node", &NODES.row_key(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        let record = |standing| NodeRecord {
            name: "n".into(),
            peer_address: "a:1".into(),
            client_address: "b".into(),
            standing,
        };
        let golden = |standing: Standing, tail: &[u8]| {
            let bytes = encode(FORMAT, &record(standing.clone()));
            assert_eq!(bytes.as_ref(), [b"\x01\x01n\x03a:1\x01b".as_slice(), tail].concat());
            assert_eq!(read(b"", &bytes), Ok(record(standing)));
        };
        let hash = [7; 32];
        let admitted = Standing::Admitted { token_hash: hash, expires_ms: 1_000 };
        golden(admitted, &[&[0], hash.as_slice(), b"\xd0\x0f"].concat());
        let first = Standing::Member { instance: 300, cluster_id: 2, token_hash: None };
        golden(first, b"\x01\xac\x02\x02\x00");
        let joined = Standing::Member { instance: 1, cluster_id: 2, token_hash: Some(hash) };
        golden(joined, &[b"\x01\x01\x02\x01".as_slice(), &hash].concat());
        golden(Standing::Removed, b"\x02");
    }
}
