//! What is wrong with a disk does what it says, and is counted.

use std::io::ErrorKind;
use std::path::Path;

use conclave_mvcc::WriteSet;
use conclave_storage::{Disk, LogDb, StateDb, StorageError};

use super::super::faults::{Fault, FaultCounts};
use super::super::host_disk::HostDisk;
use super::super::sim_disk::Crash;
use super::{disk, put, write};

const ALWAYS_PPM: u32 = 1_000_000;
const ROOM_BYTES: u64 = 1_000;

fn databases(disk: &HostDisk) -> (Box<dyn LogDb>, Box<dyn StateDb>) {
    let log = disk.create_log(Path::new("/log")).unwrap();
    let state = disk.create_state(Path::new("/state")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    (log, state)
}

fn write_row(state: &dyn StateDb, value: &str) {
    let mut writes = WriteSet::default();
    writes.put("key".into(), value.to_owned().into());
    state.write(&writes, Some(b"mark")).unwrap();
}

#[test]
fn what_does_not_fit_is_refused_until_there_is_room() {
    let (disk, of_host) = disk(1);
    let (log, state) = databases(&of_host);
    disk.set_fault(Fault { room_bytes: Some(ROOM_BYTES), ..Fault::default() });
    write(&of_host, "/file", &[1; 600]);
    assert_eq!(of_host.space(Path::new("/")).unwrap().free_bytes, ROOM_BYTES - 600);
    let file = of_host.open_to_write(Path::new("/file")).unwrap();
    let refused = file.write_all_at(&[2; 600], 500).unwrap_err();
    assert_eq!(
        (refused.kind(), of_host.read(Path::new("/file")).unwrap().len()),
        (ErrorKind::StorageFull, 1_000)
    );
    file.write_all_at(&[3; 1_000], 0).unwrap();
    assert!(matches!(log.write(put("a", "1")), Err(StorageError::Full { .. })));
    write_row(&*state, "value");
    assert!(matches!(state.flush(), Err(StorageError::Full { .. })));
    assert_eq!(disk.counts(), FaultCounts { full: 3, ..FaultCounts::default() });

    disk.set_fault(Fault { room_bytes: Some(ROOM_BYTES), ..Fault::default() });
    file.write_all_at(&[4; 600], 1_000).unwrap();
    assert!(log.write(put("a", "2")).is_err() && state.flush().is_err(), "what has failed has failed");
    disk.crash(Crash::Process);
    let of_host = disk.start();
    let (log, state) =
        (of_host.open_log(Path::new("/log")).unwrap(), of_host.open_state(Path::new("/state")).unwrap());
    assert_eq!(log.get(b"a").unwrap(), None, "what was refused is nowhere");
    log.write(put("a", "3")).unwrap();
    write_row(&*state, "value");
    state.flush().unwrap();
    let used = 1_600 + 2 + "keyvalue".len() as u64;
    assert_eq!(of_host.space(Path::new("/")).unwrap().free_bytes, 2 * ROOM_BYTES - used);
}

#[test]
fn errors_are_of_their_kind() {
    let (disk, of_host) = disk(1);
    let (log, state) = databases(&of_host);
    write(&of_host, "/file", b"x");
    write_row(&*state, "value");
    let view = state.view();
    let file = of_host.open_to_write(Path::new("/file")).unwrap();
    let outcomes = || {
        [
            of_host.read(Path::new("/file")).is_ok(),
            log.get(b"a").is_ok(),
            view.get(b"key").is_ok(),
            view.cursor().seek(b"").is_ok(),
            file.write_all_at(b"y", 0).is_ok(),
            of_host.create_dir_all(Path::new("/a")).is_ok(),
            file.sync().is_ok(),
            of_host.sync_dir(Path::new("/")).is_ok(),
        ]
    };
    assert_eq!(outcomes(), [true; 8]);
    disk.set_fault(Fault { read_error_ppm: ALWAYS_PPM, ..Fault::default() });
    assert_eq!(outcomes(), [false, false, false, false, true, true, true, true]);
    disk.set_fault(Fault { write_error_ppm: ALWAYS_PPM, ..Fault::default() });
    assert_eq!(outcomes(), [true, true, true, true, false, false, true, true]);
    disk.set_fault(Fault { sync_error_ppm: ALWAYS_PPM, ..Fault::default() });
    assert_eq!(outcomes(), [true, true, true, true, true, true, false, false]);
    assert!(matches!(log.write(put("a", "1")), Err(StorageError::Engine { .. })));
    assert!(matches!(state.flush(), Err(StorageError::Engine { .. })));
    let counts = FaultCounts { read_errors: 4, write_errors: 2, sync_errors: 4, ..FaultCounts::default() };
    assert_eq!(disk.counts(), counts);
    disk.set_fault(Fault::default());
    assert!(log.write(put("a", "1")).is_err() && state.flush().is_err(), "they are not tried again");
}

#[test]
fn a_failed_sync_is_never_made_up_for() {
    let mut left = Vec::new();
    for seed in 0..20 {
        let (disk, of_host) = disk(seed);
        write(&of_host, "/file", b"old");
        of_host.sync_dir(Path::new("/")).unwrap();
        let file = of_host.open_to_write(Path::new("/file")).unwrap();
        file.write_all_at(b"new", 0).unwrap();
        disk.set_fault(Fault { sync_error_ppm: ALWAYS_PPM, ..Fault::default() });
        file.sync().unwrap_err();
        disk.set_fault(Fault::default());
        file.sync().unwrap();
        disk.crash(Crash::Power);
        left.push(disk.start().read(Path::new("/file")).unwrap());
    }
    assert!(left.contains(&b"old".to_vec()) && left.contains(&b"new".to_vec()), "{left:?}");
}

#[test]
fn a_host_can_end_in_the_middle_of_what_it_does() {
    let steps = |of_host: &HostDisk| {
        let file = of_host.create(Path::new("/aside"))?;
        file.write_all_at(b"new", 0)?;
        file.sync()?;
        of_host.rename(Path::new("/aside"), Path::new("/file"))?;
        of_host.sync_dir(Path::new("/"))
    };
    for operations in 0..5 {
        let (disk, of_host) = disk(operations);
        write(&of_host, "/file", b"old");
        of_host.sync_dir(Path::new("/")).unwrap();
        disk.set_fault(Fault { ends_after: Some(operations), ..Fault::default() });
        assert!(steps(&of_host).is_err() && disk.has_ended(), "after {operations} operations");
        assert!(of_host.read(Path::new("/file")).is_err(), "it has ended");
        disk.crash(Crash::Power);
        assert!(!disk.has_ended());
        let of_host = disk.start();
        let found = of_host.read(Path::new("/file")).unwrap();
        assert!(found == b"old" || (found == b"new" && operations == 4), "after {operations} operations");
        steps(&of_host).unwrap();
    }
}
