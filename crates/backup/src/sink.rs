//! Where the files of a backup go when it is read.

use std::io;

use crate::ManifestFile;

/// Takes the files of a backup, one after the other. What it is given was decompressed; whether it is what
/// was written is known at its end.
pub trait FileSink {
    /// A file begins.
    ///
    /// # Errors
    /// If it cannot be taken: the reading ends.
    fn begin(&mut self, file: &ManifestFile) -> io::Result<()>;

    /// The next bytes of it.
    ///
    /// # Errors
    /// If they cannot be taken: the reading ends.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// The file is complete, and its checksum is right.
    ///
    /// # Errors
    /// If it cannot be kept: the reading ends.
    fn finish(&mut self) -> io::Result<()>;
}

/// Takes everything and keeps nothing: for whoever only wants to know whether it is intact.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl FileSink for Discard {
    fn begin(&mut self, _: &ManifestFile) -> io::Result<()> {
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}
