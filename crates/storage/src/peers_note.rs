//! Where the other members were reached last: for a node that has lost its state, which says so otherwise.
//!
//! A hint and no more: whoever is asked there must know which cluster and which node is meant. So what cannot be read of
//! it is passed over.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use crate::{Disk, Held, StorageError, files};

/// The file that notes it. Clones are the same.
#[derive(Clone)]
pub struct PeersNote {
    path: PathBuf,
    disk: Arc<dyn Disk>,
    _lock: Held,
}

impl PeersNote {
    pub(crate) fn new(path: PathBuf, disk: Arc<dyn Disk>, lock: Held) -> Self {
        Self { path, disk, _lock: lock }
    }

    /// The addresses (`host:port`) by node.
    pub fn read(&self) -> Result<BTreeMap<u64, String>, StorageError> {
        let text = files::read(&*self.disk, &self.path)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        Ok(lines.filter_map(|(id, address)| Some((id.parse().ok()?, address.to_owned()))).collect())
    }

    /// Notes them in place of those before.
    pub fn write(&self, addresses: &BTreeMap<u64, String>) -> Result<(), StorageError> {
        let mut text = String::new();
        for (id, address) in addresses {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{id} {address}");
        }
        files::replace(&*self.disk, &self.path, text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DataDir, Identity};

    #[test]
    fn what_was_noted_last_is_read_and_damage_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path(), Identity { node_id: 1, cluster_id: 1 }).unwrap();
        let note = dir.peers_note();
        assert_eq!(note.read().unwrap(), BTreeMap::new());
        let addresses = BTreeMap::from([(1, "a:1".to_owned()), (22, "[::1]:2".to_owned())]);
        note.write(&BTreeMap::from([(9, "old:9".to_owned())])).unwrap();
        note.write(&addresses).unwrap();
        assert_eq!(note.read().unwrap(), addresses);
        std::fs::write(folder.path().join("peers"), b"x y\n1 a:1\n\xff\xfe 3\n22").unwrap();
        assert_eq!(note.read().unwrap(), BTreeMap::from([(1, "a:1".to_owned())]));
    }
}
