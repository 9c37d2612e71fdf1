//! Verifies many backups of a repository, and reads each file that they share once.

use std::collections::HashMap;

use object_store::path::Path;

use crate::{BackupError, FileSink, Manifest, Repository};

/// What was found of each file so far.
pub struct Verifier {
    repository: Repository,
    /// What is wrong with each object that was read, if anything.
    found: HashMap<Path, Option<String>>,
}

impl Verifier {
    /// Begins with nothing read.
    pub fn new(repository: Repository) -> Self {
        Self { repository, found: HashMap::new() }
    }

    /// Tells all damage of a backup, and gives what is read for it to `sink`. Nothing: it is intact.
    ///
    /// # Errors
    /// If it cannot be read at all: that is no damage.
    pub async fn verify(
        &mut self,
        backup: &Manifest,
        sink: &mut dyn FileSink,
    ) -> Result<Vec<String>, BackupError> {
        let mut damage = Vec::new();
        for file in &backup.files {
            let object = self.repository.object(file);
            if !self.found.contains_key(&object) {
                let wrong = match self.repository.read(file, sink).await {
                    Ok(()) => None,
                    Err(error) if error.is_damage() => Some(error.to_string()),
                    Err(error) => return Err(error),
                };
                self.found.insert(object.clone(), wrong);
            }
            damage.extend(self.found[&object].clone());
        }
        Ok(damage)
    }
}
