//! One file compressed and back, a piece at a time: one zstd frame.

use std::io::{self, Write};

use xxhash_rust::xxh3::Xxh3;
use zstd::stream::write::{Decoder, Encoder};

use crate::{BackupError, FileSink, ManifestFile};

/// Files of the state are mostly compressed already: the rest is worth little time.
const LEVEL: i32 = 3;

/// Checks a file against its manifest and compresses it.
pub(crate) struct Compressor {
    file: ManifestFile,
    checksum: Xxh3,
    size_bytes: u64,
    encoder: Encoder<'static, Vec<u8>>,
}

impl Compressor {
    pub(crate) fn new(file: ManifestFile) -> io::Result<Self> {
        let encoder = Encoder::new(Vec::new(), LEVEL)?;
        Ok(Self { file, checksum: Xxh3::new(), size_bytes: 0, encoder })
    }

    /// Adds bytes; gives what is ready, which may be nothing.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<u8>, BackupError> {
        self.checksum.update(bytes);
        self.size_bytes += bytes.len() as u64;
        self.encoder.write_all(bytes).map_err(BackupError::Sink)?;
        Ok(std::mem::take(self.encoder.get_mut()))
    }

    /// The rest, if the file was what the manifest says. Nothing can be added afterwards.
    pub(crate) fn finish(&mut self) -> Result<Vec<u8>, BackupError> {
        check(&self.file, self.size_bytes, self.checksum.digest())
            .map_err(|reason| BackupError::Unfit(format!("{}: {reason}", self.file.name)))?;
        self.encoder.do_finish().map_err(BackupError::Sink)?;
        Ok(std::mem::take(self.encoder.get_mut()))
    }
}

/// Decompresses a file into a sink and checks it against its manifest.
pub(crate) struct Decompressor<'a> {
    place: String,
    decoder: Decoder<'static, Checked<'a>>,
}

/// Passes bytes on and notes what they were.
struct Checked<'a> {
    file: &'a ManifestFile,
    sink: &'a mut dyn FileSink,
    checksum: Xxh3,
    size_bytes: u64,
    /// The sink's own failure, which is no damage.
    refused: Option<io::Error>,
}

impl<'a> Decompressor<'a> {
    /// Begins; `place` is where the file lies, for whoever is told of damage.
    pub(crate) fn begin(
        place: String,
        file: &'a ManifestFile,
        sink: &'a mut dyn FileSink,
    ) -> Result<Self, BackupError> {
        sink.begin(file).map_err(BackupError::Sink)?;
        let checked = Checked { file, sink, checksum: Xxh3::new(), size_bytes: 0, refused: None };
        let decoder = Decoder::new(checked).map_err(BackupError::Sink)?;
        Ok(Self { place, decoder })
    }

    /// Takes compressed bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        let written = self.decoder.write_all(bytes);
        written.map_err(|error| self.failed(&error))
    }

    /// The file is complete if it is what the manifest says.
    pub(crate) fn finish(mut self) -> Result<(), BackupError> {
        let flushed = self.decoder.flush();
        flushed.map_err(|error| self.failed(&error))?;
        let Checked { file, sink, checksum, size_bytes, .. } = self.decoder.into_inner();
        check(file, size_bytes, checksum.digest())
            .map_err(|reason| BackupError::damaged(self.place, reason))?;
        sink.finish().map_err(BackupError::Sink)
    }

    fn failed(&mut self, error: &io::Error) -> BackupError {
        match self.decoder.get_mut().refused.take() {
            Some(refused) => BackupError::Sink(refused),
            None => BackupError::damaged(self.place.clone(), error.to_string()),
        }
    }
}

impl Write for Checked<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() as u64 > self.file.size_bytes - self.size_bytes {
            return Err(io::Error::other(format!("it has more than {} bytes", self.file.size_bytes)));
        }
        if let Err(error) = self.sink.write(bytes) {
            let told = io::Error::other(error.to_string());
            self.refused = Some(error);
            return Err(told);
        }
        self.checksum.update(bytes);
        self.size_bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Why a file is not what its manifest says.
pub(crate) fn check(file: &ManifestFile, size_bytes: u64, checksum: u64) -> Result<(), String> {
    if size_bytes != file.size_bytes {
        return Err(format!("it has {size_bytes} bytes instead of {}", file.size_bytes));
    }
    if checksum != file.checksum {
        return Err(format!("its checksum is {checksum:016x} instead of {:016x}", file.checksum));
    }
    Ok(())
}
