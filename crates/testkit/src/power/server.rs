//! What the kernel asks of a disk, by FUSE.

use std::ffi::OsStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty,
    ReplyEntry, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use super::tree::{Body, FileBody, Folder, ROOT, Refusal, Tree};

/// How long the kernel may believe what it was told: nobody but the kernel changes anything.
const TTL: Duration = Duration::from_secs(60);
const BLOCK_SIZE_BYTES: u32 = 4_096;
const NAME_SIZE_BYTES_MAX: u32 = 255;
/// The bit of fallocate that leaves the size as it is.
const KEEP_SIZE: i32 = 1;

/// The kernel's side of a tree.
pub(super) struct Server {
    tree: Arc<Mutex<Tree>>,
}

impl Server {
    pub(super) fn new(tree: Arc<Mutex<Tree>>) -> Self {
        Self { tree }
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make(&self, parent: INodeNo, name: &OsStr, body: Body, mode: u32) -> Result<FileAttr, Refusal> {
        let mut tree = self.tree();
        let number = tree.make(parent.0, name, body, permissions(mode))?;
        attributes(&tree, number)
    }

    fn change(&self, number: u64, mode: Option<u32>, size: Option<u64>) -> Result<FileAttr, Refusal> {
        let mut tree = self.tree();
        if let Some(mode) = mode {
            tree.set_mode(number, permissions(mode))?;
        }
        if let Some(size) = size {
            tree.set_size(number, position(size))?;
        }
        attributes(&tree, number)
    }
}

impl From<Refusal> for Errno {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::ENOENT,
            Refusal::Exists => Self::EEXIST,
            Refusal::NotEmpty => Self::ENOTEMPTY,
            Refusal::NotAFolder => Self::ENOTDIR,
            Refusal::NotAFile => Self::EISDIR,
            Refusal::NoSpace => Self::ENOSPC,
        }
    }
}

fn permissions(mode: u32) -> u16 {
    u16::try_from(mode & 0o7777).expect("twelve bits")
}

fn position(offset: u64) -> usize {
    usize::try_from(offset).expect("files are in memory")
}

fn attributes(tree: &Tree, number: u64) -> Result<FileAttr, Refusal> {
    let node = tree.node(number)?;
    let kind = match node.body {
        Body::File(_) => FileType::RegularFile,
        Body::Folder(_) => FileType::Directory,
    };
    let then = SystemTime::UNIX_EPOCH;
    Ok(FileAttr {
        ino: INodeNo(number),
        size: node.size_bytes(),
        blocks: node.size_bytes().div_ceil(512),
        atime: then,
        mtime: then,
        ctime: then,
        crtime: then,
        kind,
        perm: node.mode,
        nlink: tree.names(number).max(u32::from(number == ROOT)),
        uid: rustix::process::getuid().as_raw(),
        gid: rustix::process::getgid().as_raw(),
        rdev: 0,
        blksize: BLOCK_SIZE_BYTES,
        flags: 0,
    })
}

fn entry(reply: ReplyEntry, told: Result<FileAttr, Refusal>) {
    match told {
        Ok(attributes) => reply.entry(&TTL, &attributes, Generation(0)),
        Err(refusal) => reply.error(refusal.into()),
    }
}

fn empty(reply: ReplyEmpty, done: Result<(), Refusal>) {
    match done {
        Ok(()) => reply.ok(),
        Err(refusal) => reply.error(refusal.into()),
    }
}

impl Filesystem for Server {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let mut tree = self.tree();
        let found = tree.look_up(parent.0, name).and_then(|number| attributes(&tree, number));
        entry(reply, found);
    }

    fn forget(&self, _: &Request, number: INodeNo, times: u64) {
        self.tree().forget(number.0, times);
    }

    fn getattr(&self, _: &Request, number: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match attributes(&self.tree(), number.0) {
            Ok(attributes) => reply.attr(&TTL, &attributes),
            Err(refusal) => reply.error(refusal.into()),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        number: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        match self.change(number.0, mode, size) {
            Ok(attributes) => reply.attr(&TTL, &attributes),
            Err(refusal) => reply.error(refusal.into()),
        }
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, _: u32, reply: ReplyEntry) {
        entry(reply, self.make(parent, name, Body::Folder(Folder::default()), mode));
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        match self.make(parent, name, Body::File(FileBody::default()), mode) {
            Ok(attributes) => {
                reply.created(&TTL, &attributes, Generation(0), FileHandle(0), FopenFlags::empty());
            }
            Err(refusal) => reply.error(refusal.into()),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(reply, self.tree().remove(parent.0, name, false));
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(reply, self.tree().remove(parent.0, name, true));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        _: RenameFlags,
        reply: ReplyEmpty,
    ) {
        empty(reply, self.tree().rename((parent.0, name), (new_parent.0, new_name)));
    }

    fn link(&self, _: &Request, number: INodeNo, new_parent: INodeNo, new_name: &OsStr, reply: ReplyEntry) {
        let mut tree = self.tree();
        let linked = tree.link(number.0, new_parent.0, new_name);
        entry(reply, linked.and_then(|()| attributes(&tree, number.0)));
    }

    fn read(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let tree = self.tree();
        match tree.node(number.0).map(|node| &node.body) {
            Ok(Body::File(file)) => {
                let from = position(offset).min(file.now.len());
                let to = (from + position(size.into())).min(file.now.len());
                reply.data(&file.now[from..to]);
            }
            Ok(Body::Folder(_)) => reply.error(Errno::EISDIR),
            Err(refusal) => reply.error(refusal.into()),
        }
    }

    fn write(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.tree().write(number.0, position(offset), data) {
            Ok(()) => reply.written(u32::try_from(data.len()).expect("the kernel writes less at once")),
            Err(refusal) => reply.error(refusal.into()),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        // A file that is closed is no more durable than before.
        reply.ok();
    }

    fn fsync(&self, _: &Request, number: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        empty(reply, self.tree().sync(number.0));
    }

    fn fsyncdir(&self, _: &Request, number: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        empty(reply, self.tree().sync(number.0));
    }

    fn readdir(&self, _: &Request, number: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let tree = self.tree();
        let Ok(Body::Folder(folder)) = tree.node(number.0).map(|node| &node.body) else {
            return reply.error(Errno::ENOTDIR);
        };
        let mut inside: Vec<_> = folder.now.iter().map(|(name, number)| (*number, name)).collect();
        // By number, from the last one told on: names may be removed while they are read.
        inside.sort_unstable();
        for (number, name) in inside.into_iter().filter(|(number, _)| *number > offset) {
            let kind = match tree.node(number).map(|node| &node.body) {
                Ok(Body::Folder(_)) => FileType::Directory,
                Ok(Body::File(_)) | Err(_) => FileType::RegularFile,
            };
            if reply.add(INodeNo(number), number, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let tree = self.tree();
        let block = u64::from(BLOCK_SIZE_BYTES);
        let free = tree.room_bytes().saturating_sub(tree.used_bytes()) / block;
        let all = tree.room_bytes() / block;
        reply.statfs(
            all,
            free,
            free,
            1 << 20,
            1 << 20,
            BLOCK_SIZE_BYTES,
            NAME_SIZE_BYTES_MAX,
            BLOCK_SIZE_BYTES,
        );
    }

    fn fallocate(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        if mode & !KEEP_SIZE != 0 {
            return reply.error(Errno::EOPNOTSUPP);
        }
        let mut tree = self.tree();
        let grown = tree.node(number.0).map(|node| node.size_bytes()).and_then(|size_bytes| {
            let is_longer = mode & KEEP_SIZE == 0 && offset + length > size_bytes;
            if is_longer { tree.set_size(number.0, position(offset + length)) } else { Ok(()) }
        });
        empty(reply, grown);
    }
}
