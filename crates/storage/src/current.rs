//! `state/CURRENT`: which generation of the state is the valid one.

use std::path::{Path, PathBuf};

use crate::{Disk, StorageError, files};

const CURRENT: &str = "CURRENT";
/// What CURRENT holds when none is valid.
const DAMAGED: &[u8] = b"damaged\n";
/// Where a damaged generation is kept until there is another one.
const ASIDE: &str = "damaged";

/// The number in CURRENT. None, or another text, is damage.
pub(crate) fn read(disk: &dyn Disk, folder: &Path) -> Result<u64, StorageError> {
    let path = folder.join(CURRENT);
    let bytes =
        files::read(disk, &path)?.ok_or_else(|| StorageError::state_damaged(&path, "it is missing"))?;
    if bytes == DAMAGED {
        return Err(StorageError::state_damaged(
            &path,
            "what it named was found not to be as it was written",
        ));
    }
    let text = str::from_utf8(&bytes).ok().and_then(|text| text.strip_suffix('\n'));
    text.and_then(number).ok_or_else(|| StorageError::state_damaged(&path, "it names no generation"))
}

/// Makes another generation the valid one, durably.
pub(crate) fn replace(disk: &dyn Disk, folder: &Path, number: u64) -> Result<(), StorageError> {
    files::replace(disk, &folder.join(CURRENT), format!("{number}\n").as_bytes())
}

/// Makes none the valid one, durably.
pub(crate) fn give_up(disk: &dyn Disk, folder: &Path) -> Result<(), StorageError> {
    files::replace(disk, &folder.join(CURRENT), DAMAGED)
}

/// Keeps the newest generation, which is not valid any more, under a name that is no generation's. What was kept before
/// stays instead: what came after it was begun empty, and never became a state.
pub(crate) fn set_aside(disk: &dyn Disk, folder: &Path) -> Result<(), StorageError> {
    let aside = folder.join(ASIDE);
    let newest = files::names(disk, folder)?.iter().filter_map(|name| number(name)).max();
    match newest {
        Some(newest) if !disk.is_dir(&aside) => {
            files::rename(disk, &generation_path(folder, newest), &aside)?;
            files::sync_dir(disk, folder)
        }
        _ => Ok(()),
    }
}

/// Removes what was set aside.
pub(crate) fn remove_aside(disk: &dyn Disk, folder: &Path) -> Result<(), StorageError> {
    files::remove_dir(disk, &folder.join(ASIDE))
}

/// Where a generation lies.
pub(crate) fn generation_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(number.to_string())
}

/// A number that no generation has.
pub(crate) fn unused_number(disk: &dyn Disk, folder: &Path) -> Result<u64, StorageError> {
    let greatest = files::names(disk, folder)?.iter().filter_map(|name| number(name)).max();
    Ok(greatest.map_or(1, |greatest| greatest + 1))
}

/// Removes what a crash left: generations that were never valid, or are not any more.
pub(crate) fn remove_others(disk: &dyn Disk, folder: &Path, valid: u64) -> Result<(), StorageError> {
    for name in files::names(disk, folder)? {
        if number(&name).is_some_and(|number| number != valid) {
            files::remove_dir(disk, &folder.join(name))?;
        }
    }
    Ok(())
}

/// A number as it is written here: digits alone, and few enough that it can be counted up.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number < u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::OsDisk;

    #[test]
    fn what_is_written_is_read() {
        let (dir, disk) = (tempfile::tempdir().unwrap(), OsDisk::new());
        assert!(matches!(read(&disk, dir.path()), Err(StorageError::StateDamaged { .. })));
        replace(&disk, dir.path(), 1).unwrap();
        replace(&disk, dir.path(), 12).unwrap();
        assert_eq!(read(&disk, dir.path()).unwrap(), 12);
        for damaged in ["", "12", "x\n", "+1\n", "1\n2\n", "18446744073709551615\n"] {
            fs::write(dir.path().join(CURRENT), damaged).unwrap();
            assert!(matches!(read(&disk, dir.path()), Err(StorageError::StateDamaged { .. })), "{damaged:?}");
        }
    }

    #[test]
    fn only_other_generations_are_removed() {
        let (dir, disk) = (tempfile::tempdir().unwrap(), OsDisk::new());
        assert_eq!(unused_number(&disk, dir.path()).unwrap(), 1);
        for name in ["1", "2", "3", "else"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        assert_eq!(unused_number(&disk, dir.path()).unwrap(), 4);
        remove_others(&disk, dir.path(), 2).unwrap();
        assert_eq!(files::names(&disk, dir.path()).unwrap(), ["2", "else"]);
    }
}
