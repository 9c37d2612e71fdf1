//! A small disk that can be full: a file system in memory, and a file that takes its room.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use conclave_storage::Space;

/// What the file system gives out at once.
pub(crate) const PAGE_SIZE_BYTES: u64 = 4 << 10;
/// The file that takes the room.
const BALLAST: &str = "ballast";

/// A small file system, gone when dropped.
pub(crate) struct SmallDisk {
    path: PathBuf,
    size_mib: u32,
}

impl SmallDisk {
    /// None, where it may not be mounted: that needs root.
    pub(crate) fn mount(path: &Path, size_mib: u32) -> Option<Self> {
        fs::create_dir_all(path).expect("the folder is ours");
        let size = format!("size={size_mib}m");
        mount(&["-t", "tmpfs", "-o", &size, "conclave-test"], path)
            .then(|| Self { path: path.into(), size_mib })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it four times as large.
    pub(crate) fn grow(&self) {
        let size = format!("remount,size={}m", 4 * self.size_mib);
        assert!(mount(&["-o", &size], &self.path), "it can be made larger");
    }

    /// Takes all its room but so much. For a moment there is none at all.
    pub(crate) fn fill_but(&self, free_bytes: u64) {
        let mut ballast = File::create(self.path.join(BALLAST)).expect("the disk is ours");
        let page = vec![1; usize::try_from(PAGE_SIZE_BYTES).expect("a page is small")];
        let full = loop {
            if let Err(error) = ballast.write_all(&page) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::StorageFull, "{full}");
        let size_bytes = ballast.metadata().expect("it is there").len();
        ballast.set_len(size_bytes - free_bytes).expect("it can be made smaller");
    }

    /// Takes of its room what is more than so much, and never more.
    pub(crate) fn take_but(&self, free_bytes: u64) {
        let space = Space::at(&self.path).expect("it can be told");
        let size_bytes = usize::try_from(space.free_bytes.saturating_sub(free_bytes)).expect("it is small");
        fs::write(self.path.join(BALLAST), vec![1; size_bytes]).expect("there is room");
    }

    /// Gives the room back.
    pub(crate) fn clear(&self) {
        fs::remove_file(self.path.join(BALLAST)).expect("it was filled");
    }
}

fn mount(arguments: &[&str], path: &Path) -> bool {
    let output = Command::new("mount").args(arguments).arg(path).output();
    output.is_ok_and(|output| output.status.success())
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).output();
    }
}
