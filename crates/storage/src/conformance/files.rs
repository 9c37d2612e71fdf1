//! Files and folders.

use std::io::{ErrorKind, Read as _};
use std::path::Path;

use crate::{Disk, FileReader};

pub(super) fn write(disk: &dyn Disk, path: &Path, bytes: &[u8]) {
    let file = disk.create(path).expect("it can be made");
    file.write_all_at(bytes, 0).expect("it can be written");
    file.sync().expect("it can be synced");
}

pub(super) fn names_in(disk: &dyn Disk, folder: &Path) -> Vec<String> {
    let mut names = disk.names(folder).expect("it is there");
    names.sort();
    names
}

pub(super) fn content(disk: &dyn Disk, folder: &Path) {
    let path = folder.join("file");
    let file = disk.create(&path).expect("it can be made");
    assert_eq!(disk.read(&path).expect("it is there"), b"");
    file.write_all_at(b"0123456789", 0).expect("it can be written");
    file.write_all_at(b"abc", 10).expect("it can be written at its end");
    file.write_all_at(b"xy", 4).expect("it can be written over");
    file.write_all_at(b"", 13).expect("nothing can be written");
    assert_eq!(disk.read(&path).expect("it is there"), b"0123xy6789abc");
    assert_eq!(disk.size_bytes(&path).expect("it is there"), 13);
    let mut buffer = [0; 8];
    assert_eq!(file.read_at(&mut buffer, 2).expect("it can be read"), 8);
    assert_eq!(&buffer, b"23xy6789");
    assert_eq!(file.read_at(&mut buffer, 10).expect("it can be read"), 3);
    assert_eq!(&buffer[..3], b"abc");
    assert_eq!(file.read_at(&mut buffer, 13).expect("its end can be read"), 0);
    assert_eq!(file.read_at(&mut buffer, 99).expect("beyond its end there is nothing"), 0);
    file.sync().expect("it can be synced");
}

pub(super) fn opened_again(disk: &dyn Disk, folder: &Path) {
    let path = folder.join("file");
    write(disk, &path, b"first");
    let file = disk.open_to_write(&path).expect("it is there");
    file.write_all_at(b" and more", 5).expect("it can be written");
    let mut reader = FileReader::new(disk.open(&path).expect("it is there"));
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("it can be read");
    assert_eq!(text, "first and more", "what one has written another reads, synced or not");
    reader.seek(6);
    text.clear();
    reader.read_to_string(&mut text).expect("it can be read");
    assert_eq!(text, "and more");

    drop(disk.create(&path).expect("it can be made anew"));
    assert_eq!(disk.size_bytes(&path).expect("it is there"), 0);
    drop(disk.open_to_write(&folder.join("new")).expect("it can be made"));
    assert_eq!(disk.read(&folder.join("new")).expect("it is there"), b"");
}

pub(super) fn names(disk: &dyn Disk, folder: &Path) {
    let (one, two) = (folder.join("one"), folder.join("two"));
    write(disk, &one, b"1");
    write(disk, &two, b"2");
    assert_eq!(names_in(disk, folder), ["one", "two"]);
    disk.rename(&one, &two).expect("it can be renamed");
    assert_eq!(names_in(disk, folder), ["two"]);
    assert_eq!(disk.read(&two).expect("it is there"), b"1", "what had the name is replaced");

    let (inner, other) = (folder.join("a/b"), folder.join("c"));
    disk.create_dir_all(&inner).expect("it can be made");
    disk.create_dir_all(&inner).expect("it may be there");
    disk.rename(&two, &inner.join("two")).expect("it can go to another folder");
    disk.rename(&folder.join("a"), &other).expect("a folder can be renamed");
    assert_eq!(disk.read(&other.join("b/two")).expect("it went with its folder"), b"1");
    assert_eq!(names_in(disk, folder), ["c"]);
    assert!(disk.is_dir(&other.join("b")) && !disk.is_dir(&inner) && !disk.is_dir(&other.join("b/two")));
    disk.sync_dir(folder).expect("it can be synced");
    disk.remove_file(&other.join("b/two")).expect("it can be removed");
    assert_eq!(names_in(disk, &other.join("b")), [""; 0]);
}

pub(super) fn folders(disk: &dyn Disk, folder: &Path) {
    let path = folder.join("a");
    disk.create_dir_all(&path.join("b/c")).expect("it can be made");
    disk.create_dir_all(&folder.join("ab")).expect("it can be made");
    write(disk, &path.join("b/c/file"), b"x");
    disk.remove_dir_all(&path).expect("it can be removed");
    assert!(!disk.is_dir(&path) && !disk.is_dir(&path.join("b/c")));
    assert_eq!(names_in(disk, folder), ["ab"], "others stay");
    disk.create_dir_all(&path).expect("it can be made again");
    assert_eq!(names_in(disk, &path), [""; 0]);
}

pub(super) fn open_files(disk: &dyn Disk, folder: &Path) {
    let (path, other) = (folder.join("file"), folder.join("other"));
    let file = disk.create(&path).expect("it can be made");
    disk.rename(&path, &other).expect("it can be renamed");
    file.write_all_at(b"late", 0).expect("it is the same file");
    assert_eq!(disk.read(&other).expect("it is there"), b"late");
    write(disk, &path, b"another");
    disk.rename(&path, &other).expect("it can be replaced");
    file.write_all_at(b"LATE", 0).expect("it is there for who has it open");
    assert_eq!(disk.read(&other).expect("it is there"), b"another");
    let file = disk.open(&other).expect("it is there");
    disk.remove_file(&other).expect("it can be removed");
    let mut buffer = [0; 16];
    assert_eq!(file.read_at(&mut buffer, 0).expect("it is there for who has it open"), 7);
}

pub(super) fn missing(disk: &dyn Disk, folder: &Path) {
    let path = folder.join("missing");
    let told = [
        disk.read(&path).map(|_| ()),
        disk.open(&path).map(|_| ()),
        disk.size_bytes(&path).map(|_| ()),
        disk.rename(&path, &folder.join("other")),
        disk.remove_file(&path),
        disk.remove_dir_all(&path),
        disk.names(&path).map(|_| ()),
        disk.sync_dir(&path),
        disk.create(&path.join("file")).map(|_| ()),
        disk.open_to_write(&path.join("file")).map(|_| ()),
        disk.lock(&path.join("file")).map(|_| ()),
    ];
    for (number, told) in told.into_iter().enumerate() {
        assert_eq!(told.map_err(|error| error.kind()), Err(ErrorKind::NotFound), "number {number}");
    }
    assert!(!disk.is_dir(&path));
    assert_eq!(names_in(disk, folder), [""; 0], "nothing was made");
}

pub(super) fn locks(disk: &dyn Disk, folder: &Path) {
    let path = folder.join("LOCK");
    let held = disk.lock(&path).expect("it can be made").expect("nobody holds it");
    assert_eq!(names_in(disk, folder), ["LOCK"]);
    assert!(disk.lock(&path).expect("it is there").is_none(), "it is held");
    assert!(disk.lock(&folder.join("OTHER")).expect("it can be made").is_some(), "another one is not");
    let clone = held.clone();
    drop(held);
    assert!(disk.lock(&path).expect("it is there").is_none(), "a clone holds it");
    drop(clone);
    assert!(disk.lock(&path).expect("it is there").is_some(), "nobody holds it any more");
}

pub(super) fn room(disk: &dyn Disk, folder: &Path) {
    let space = disk.space(folder).expect("it is there");
    assert!(space.free_bytes <= space.total_bytes && space.total_bytes > 0, "{space:?}");
}
