//! A node's stores on a disk, one after the other.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use conclave_mvcc::WriteSet;
use tokio::sync::oneshot;

use crate::{Claim, DataDir, Disk, Identity, LogStore, MemberNote, StateStore, StorageError, Threads};

const IDENTITY: Identity = Identity { node_id: 1, cluster_id: 7 };

/// Whether a node that goes down and comes back finds its stores, on this disk and with these threads; `folder` is there
/// and empty.
pub async fn stores(disk: Arc<dyn Disk>, threads: Arc<dyn Threads>, folder: &Path) {
    let claim = |name: &str| Claim::take_on(&folder.join(name), Arc::clone(&disk), Arc::clone(&threads));
    let note = MemberNote { instance: 3, joined: true, cluster_name: "shop".into() };
    claim("a").expect("it is nobody's").write_note(&note).expect("it can be written");
    for round in 0..3 {
        let claimed = claim("a").expect("it is let go of");
        assert_eq!(claimed.identity().expect("it can be read"), (round > 0).then_some(IDENTITY));
        assert_eq!(claimed.note().expect("it can be read").as_ref(), Some(&note));
        assert!(matches!(claim("a").map(|_| ()), Err(StorageError::Locked { .. })));
        let dir = claimed.open(IDENTITY).expect("it is this node's");
        log(&dir, round).await;
        state(&dir, round);
    }
    let (from, to) = (claim("a").expect("it is let go of"), claim("b").expect("it is nobody's"));
    send(&from.open(IDENTITY).expect("it is this node's"), &to.open(IDENTITY).expect("it is made"));
}

fn entry(index: u64) -> Bytes {
    Bytes::from(format!("entry {index}"))
}

async fn append(log: &LogStore, indexes: std::ops::Range<u64>) {
    let (done, is_done) = oneshot::channel();
    let entries = indexes.map(|index| (index, entry(index))).collect();
    // Whoever waits for it is here.
    log.append(entries, Box::new(|outcome| drop(done.send(outcome))));
    is_done.await.expect("it is told").expect("it can be written");
}

/// Ten entries more each round, of which the last is taken back; the first of them are purged.
async fn log(dir: &DataDir, round: u64) {
    let log = LogStore::open(dir).expect("it is whole");
    let (first, last) = (log.first_index(), log.last_index());
    let (begin, end) = (5 * round, 9 * round);
    assert_eq!((first, last), ((round > 0).then_some(begin), (round > 0).then_some(end.saturating_sub(1))));
    let expected: Vec<Bytes> = (begin..end).map(entry).collect();
    assert_eq!(log.read(0..u64::MAX, usize::MAX).expect("it can be read"), expected);
    assert_eq!(log.vote().expect("it can be read"), round.checked_sub(1).map(entry));
    append(&log, end..end + 10).await;
    log.truncate_after(Some(end + 8)).await.expect("it can be written");
    log.purge_up_to(begin + 4, entry(round)).await.expect("it can be written");
    log.save_vote(entry(round)).await.expect("it can be written");
    log.close();
}

/// Each round writes another row, with the round as the mark.
fn state(dir: &DataDir, round: u64) {
    let state = StateStore::open(dir).expect("it is whole");
    assert_eq!(state.mark().expect("it can be read"), round.checked_sub(1).map(entry));
    let mut writes = WriteSet::default();
    writes.put(entry(round), Bytes::from_static(b"value"));
    state.write(&writes, Some(&entry(round))).expect("it can be written");
    state.flush().expect("it can be flushed");
    assert_eq!(count(&state), round + 1);
}

fn count(state: &StateStore) -> u64 {
    state.read(|view| {
        let found = (0..100).filter(|&index| view.get(&entry(index)).expect("it can be read").is_some());
        found.count() as u64
    })
}

/// One node's state takes the place of another's, which then is as it was sent.
fn send(from: &DataDir, to: &DataDir) {
    let (source, target) =
        (StateStore::open(from).expect("it is whole"), StateStore::open(to).expect("it is made"));
    let checkpoint = source.checkpoint().expect("it can be made");
    let staging = target.resume(checkpoint.files()).expect("there is room");
    for described in checkpoint.files() {
        let mut bytes = Vec::new();
        let mut reader = checkpoint.open(&described.name).expect("it is there");
        reader.read_to_end(&mut bytes).expect("it can be read");
        let mut file = staging.file(described.clone()).expect("it can be made");
        file.write(0, &bytes).expect("it can be written");
        file.finish().expect("it is what was announced");
    }
    assert_eq!(staging.mark().expect("it can be read"), Some(entry(2)));
    target.install(staging).expect("it is a state");
    drop(target);
    let target = StateStore::open(to).expect("it is whole");
    assert_eq!((target.mark().expect("it can be read"), count(&target)), (Some(entry(2)), 3));
}
