//! How much room there is on the disk of a data directory.

use std::io;
use std::path::Path;

/// The room of one file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// What this process may still write, in bytes.
    pub free_bytes: u64,
    /// What the file system holds in all, in bytes.
    pub total_bytes: u64,
}

impl Space {
    /// The room where `path` lies. Blocks, on a disk that hangs for as long as it hangs.
    ///
    /// # Errors
    /// What the system says.
    pub fn at(path: &Path) -> io::Result<Self> {
        let told = rustix::fs::statvfs(path)?;
        Ok(Self {
            free_bytes: told.f_bavail.saturating_mul(told.f_frsize),
            total_bytes: told.f_blocks.saturating_mul(told.f_frsize),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_free_is_a_part_of_all() {
        let space = Space::at(&std::env::temp_dir()).unwrap();
        assert!(space.free_bytes <= space.total_bytes && space.total_bytes > 0, "{space:?}");
        assert!(Space::at(Path::new("/nowhere/at/all")).is_err());
    }
}
