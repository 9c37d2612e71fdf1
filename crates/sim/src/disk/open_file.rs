//! A file that is open.

use std::io::{self, ErrorKind};

use conclave_storage::DiskFile;

use super::content::SECTOR_SIZE_BYTES;
use super::faults::Operation;
use super::host_disk::HostDisk;
use super::tree::FileRef;

/// A file that is open.
pub(super) struct OpenFile {
    pub(super) disk: HostDisk,
    pub(super) file: FileRef,
    pub(super) is_for_writing: bool,
}

impl DiskFile for OpenFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.begin(Operation::Read)?;
        let content = self.file.lock();
        let rest = content.bytes().get(in_memory(offset)?..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    /// Of one that fails, the beginning may be there, up to a sector's end: the system copies what is no longer at once.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut inner = self.disk.alive()?;
        if !self.is_for_writing || inner.is_ending {
            return Err(ErrorKind::PermissionDenied.into());
        }
        let offset = in_memory(offset)?;
        let size = self.file.lock().bytes().len();
        let free = in_memory(inner.free_bytes()).unwrap_or(usize::MAX);
        let fitting = bytes.len().min(size.saturating_add(free).saturating_sub(offset));
        let (written, outcome) = if fitting < bytes.len() {
            inner.counts.full += 1;
            (fitting, Err(ErrorKind::StorageFull.into()))
        } else if let Err(error) = inner.draw(Operation::Write) {
            let cut = offset + in_memory(inner.dice.within(0..=bytes.len() as u64))?;
            ((cut - cut % SECTOR_SIZE_BYTES).saturating_sub(offset), Err(error))
        } else {
            (bytes.len(), Ok(()))
        };
        self.file.lock().write(offset, &bytes[..written]);
        outcome
    }

    fn sync(&self) -> io::Result<()> {
        let mut inner = self.disk.alive()?;
        let outcome = inner.draw(Operation::Sync);
        let mut content = self.file.lock();
        match outcome {
            Ok(()) => content.sync(),
            Err(_) => content.forget(),
        }
        outcome
    }
}

fn in_memory(number: u64) -> io::Result<usize> {
    usize::try_from(number).map_err(io::Error::other)
}
