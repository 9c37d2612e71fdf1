//! The state in memory and on disk, and the log that both are made of.

use bytes::Bytes;
use conclave_core::{Applied, EntryContext, EntryKind, Proposal, apply, digest, encode_proposal};
use conclave_mvcc::{Batch, MapError, MemoryMap, ReadMap, newest_revision};
use conclave_storage::{DataDir, Identity, StateStore};
use tempfile::TempDir;

use crate::questions::Question;
use crate::steps::{After, Drawn};

const IDENTITY: Identity = Identity { node_id: 1, cluster_id: 1 };

/// Both maps. What is applied to one is applied to the other.
pub(crate) struct Both {
    memory: MemoryMap,
    disk: StateStore,
    place: TempDir,
    /// The log so far; none: an entry of the log's own.
    log: Vec<Option<Bytes>>,
    proposals: Vec<Proposal>,
}

type Row = (Bytes, Bytes);

impl Both {
    /// Both empty.
    pub(crate) fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let (memory, disk) = (MemoryMap::default(), open(&place));
        Self { memory, disk, place, log: Vec::new(), proposals: Vec::new() }
    }

    /// Applies the entries: in memory one by one, on disk as one batch, as a node does.
    pub(crate) fn apply(&mut self, drawn: &[Drawn]) {
        let start = self.log.len();
        let in_memory: Vec<Applied> = drawn.iter().map(|drawn| self.apply_in_memory(drawn)).collect();
        let (on_disk, writes) = self.disk.read(|view| {
            let mut batch = Batch::new(view);
            let entries = self.log.iter().enumerate().skip(start);
            let applied: Vec<Applied> =
                entries.map(|(index, entry)| apply_entry(&mut batch, index, entry.as_ref())).collect();
            (applied, batch.into_writes())
        });
        self.disk.write(&writes, Some(&self.mark())).unwrap();
        assert_eq!(on_disk, in_memory, "answers and events of {drawn:?}");
    }

    /// What becomes of the state on disk after a step.
    pub(crate) fn after(self, after: After) -> Self {
        match after {
            After::Nothing => self,
            After::Flush => {
                self.disk.flush().unwrap();
                self
            }
            After::Restart => self.restart(),
        }
    }

    /// Both hold the same rows, and say the same of themselves.
    pub(crate) fn check_rows(&self) {
        let (in_memory, on_disk) = (rows(&self.memory).unwrap(), self.disk.read(rows).unwrap());
        // Only the first difference is told: the rows are many.
        let differs = in_memory.iter().zip(&on_disk).find(|(in_memory, on_disk)| in_memory != on_disk);
        assert_eq!(differs, None, "rows in memory and on disk");
        assert_eq!(on_disk.len(), in_memory.len());
        assert_eq!(self.disk.read(digest).unwrap(), digest(&self.memory).unwrap());
        assert_eq!(self.disk.read(newest_revision).unwrap(), newest_revision(&self.memory).unwrap());
        assert_eq!(self.disk.mark().unwrap().unwrap(), self.mark().as_slice());
    }

    /// Both answer the question alike.
    pub(crate) fn check_told(&self, question: &Question) {
        let on_disk = self.disk.read(|view| question.ask(view));
        assert_eq!(on_disk, question.ask(&self.memory), "{question:?}");
    }

    fn apply_in_memory(&mut self, drawn: &Drawn) -> Applied {
        let proposal = drawn.proposal(&self.memory, &self.proposals);
        let entry = proposal.as_ref().map(encode_proposal);
        let mut batch = Batch::new(&self.memory);
        let applied = apply_entry(&mut batch, self.log.len(), entry.as_ref());
        let writes = batch.into_writes();
        self.memory.write(&writes);
        self.log.push(entry);
        self.proposals.extend(proposal);
        applied
    }

    /// The state on disk is closed and opened, as at a restart of the node.
    fn restart(self) -> Self {
        let Self { memory, disk, place, log, proposals } = self;
        disk.flush().unwrap();
        drop(disk);
        let disk = open(&place);
        Self { memory, disk, place, log, proposals }
    }

    /// How far the state goes.
    fn mark(&self) -> Vec<u8> {
        self.log.len().to_be_bytes().into()
    }
}

fn open(place: &TempDir) -> StateStore {
    let dir = DataDir::open(&place.path().join("data"), IDENTITY).unwrap();
    StateStore::open(&dir).unwrap()
}

fn apply_entry(batch: &mut Batch<'_>, index: usize, entry: Option<&Bytes>) -> Applied {
    let context = EntryContext { index: index as u64, term: 1 };
    apply(batch, context, entry.map_or(EntryKind::Other, EntryKind::Proposal)).unwrap()
}

fn rows(view: &dyn ReadMap) -> Result<Vec<Row>, MapError> {
    let mut cursor = view.cursor();
    let mut rows = Vec::new();
    cursor.seek(b"")?;
    while let Some((key, value)) = cursor.key().zip(cursor.value()) {
        rows.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
        cursor.advance()?;
    }
    Ok(rows)
}
