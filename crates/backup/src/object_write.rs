//! Writes one file to a repository: compressed, under the name of its content.

use object_store::buffered::BufWriter;
use tokio::io::AsyncWriteExt as _;

use crate::compress::Compressor;
use crate::{BackupError, ManifestFile, Repository};

/// A file that is being written to a repository. What was written of it goes if it is not finished.
pub(crate) struct ObjectWriter {
    repository: Repository,
    object: String,
    target: BufWriter,
    compressor: Compressor,
    size_bytes: u64,
}

impl ObjectWriter {
    pub(crate) fn begin(repository: &Repository, file: ManifestFile) -> Result<Self, BackupError> {
        Ok(Self {
            repository: repository.clone(),
            object: format!("{}: file {}", repository.place(), file.name),
            target: repository.writer(&file),
            compressor: Compressor::new(file).map_err(BackupError::Sink)?,
            size_bytes: 0,
        })
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        let ready = self.compressor.push(bytes)?;
        self.put(ready).await
    }

    /// Tells how many bytes the object has.
    pub(crate) async fn finish(mut self) -> Result<u64, BackupError> {
        match self.compressor.finish() {
            Ok(rest) => self.put(rest).await?,
            Err(unfit) => {
                self.abort().await;
                return Err(unfit);
            }
        }
        let ended = self.target.shutdown().await;
        ended.map_err(|error| self.repository.not_written(self.object, wrapped(error)))?;
        Ok(self.size_bytes)
    }

    /// Takes back what was written.
    pub(crate) async fn abort(&mut self) {
        // What cannot be taken back is listed nowhere: no backup names it.
        let _ = self.target.abort().await;
    }

    async fn put(&mut self, bytes: Vec<u8>) -> Result<(), BackupError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.size_bytes += bytes.len() as u64;
        let put = self.target.put(bytes.into()).await;
        put.map_err(|source| self.repository.not_written(self.object.clone(), source))
    }
}

fn wrapped(error: std::io::Error) -> object_store::Error {
    object_store::Error::Generic { store: "upload", source: Box::new(error) }
}
