//! That a transaction writes no key twice, whichever way it goes.

use std::collections::BTreeSet;

use bytes::Bytes;
use conclave_mvcc::KeyRange;

use super::command::{Operation, Txn};

/// A key would be written twice at one revision.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("key {0:?} would be written twice in one transaction")]
pub struct DuplicateKey(pub Bytes);

/// What operations write.
#[derive(Default)]
struct Written {
    puts: BTreeSet<Bytes>,
    deletions: Vec<KeyRange>,
}

impl Txn {
    /// Whether each of its two ways writes no key twice. The two ways of a transaction within may write the same key:
    /// only one of them is gone. To delete twice what is deleted is no second write.
    ///
    /// # Errors
    /// The first key that would be.
    pub fn check_keys_written(&self) -> Result<(), DuplicateKey> {
        written(&self.success)?;
        written(&self.failure)?;
        Ok(())
    }
}

fn written(operations: &[Operation]) -> Result<Written, DuplicateKey> {
    let mut all = Written::default();
    all.deletions.extend(operations.iter().filter_map(|operation| match operation {
        Operation::DeleteRange(delete) => Some(delete.range.clone()),
        _ => None,
    }));
    for operation in operations {
        let Operation::Txn(within) = operation else { continue };
        let (then, otherwise) = (written(&within.success)?, written(&within.failure)?);
        let deletions = [then.deletions, otherwise.deletions].concat();
        all.check_deletions(&deletions)?;
        let either: BTreeSet<_> = then.puts.union(&otherwise.puts).cloned().collect();
        for key in either {
            all.add_put(key)?;
        }
        all.deletions.extend(deletions);
    }
    for operation in operations {
        if let Operation::Put(put) = operation {
            all.add_put(put.key.clone())?;
        }
    }
    Ok(all)
}

impl Written {
    /// Refuses to delete what is put by another transaction within.
    fn check_deletions(&self, deletions: &[KeyRange]) -> Result<(), DuplicateKey> {
        let mut puts = self.puts.iter();
        let twice = puts.find(|key| deletions.iter().any(|range| range.contains(key)));
        twice.map_or(Ok(()), |key| Err(DuplicateKey(key.clone())))
    }

    fn add_put(&mut self, key: Bytes) -> Result<(), DuplicateKey> {
        let is_deleted = self.deletions.iter().any(|range| range.contains(&key));
        if is_deleted || !self.puts.insert(key.clone()) {
            return Err(DuplicateKey(key));
        }
        Ok(())
    }
}
