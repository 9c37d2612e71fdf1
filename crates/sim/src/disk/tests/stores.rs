//! A node's stores on the disk of the simulation, with its threads.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use conclave_mvcc::WriteSet;
use conclave_storage::{
    Claim, DataDir, Disk, Identity, LogStore, StateStore, StorageError, Threads, WorkKind, conformance, run,
};
use parking_lot::Mutex;

use super::super::damage::Damage;
use super::super::faults::Fault;
use super::super::sim_disk::{Crash, SimDisk};
use super::super::threads::SimThreads;
use super::disk;
use crate::dice::Dice;
use crate::host::Host;

const IDENTITY: Identity = Identity { node_id: 1, cluster_id: 1 };

/// A host on a disk.
struct Machine {
    disk: SimDisk,
    host: Host,
    dice: Dice,
}

impl Machine {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        Self { disk: SimDisk::new(dice.split()), host: Host::start(), dice }
    }

    fn crash(&mut self, crash: Crash) {
        self.disk.crash(crash);
        self.host = Host::start();
    }

    /// What the stores lie on, from this start of the host on.
    fn base(&mut self) -> (Arc<dyn Disk>, Arc<dyn Threads>) {
        let threads = SimThreads::new(&self.disk, self.dice.split());
        (Arc::new(self.disk.start()), Arc::new(threads))
    }

    /// Has `work` done on the host, until it gives something.
    fn run<T, F>(&mut self, work: impl FnOnce(Arc<dyn Disk>, Arc<dyn Threads>) -> F) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (disk, threads) = self.base();
        let (work, given) = (work(disk, threads), Arc::new(Mutex::new(None)));
        let gives = Arc::clone(&given);
        self.host.spawn(async move {
            let it = work.await;
            *gives.lock() = Some(it);
        });
        for _ in 0..10_000 {
            if let Some(it) = given.lock().take() {
                return it;
            }
            self.host.step(true);
        }
        panic!("it takes longer than ten seconds");
    }
}

fn claim(disk: Arc<dyn Disk>, threads: Arc<dyn Threads>) -> Result<Claim, StorageError> {
    Claim::take_on(Path::new("/node"), disk, threads)
}

fn open(disk: Arc<dyn Disk>, threads: Arc<dyn Threads>) -> Result<DataDir, StorageError> {
    claim(disk, threads)?.open(IDENTITY)
}

fn entry(index: u64) -> Bytes {
    Bytes::from(format!("entry {index}"))
}

#[test]
fn it_is_as_every_disk() {
    for (asked, case) in conformance::CASES {
        println!("{asked}");
        let (_disk, of_host) = disk(1);
        of_host.create_dir_all(Path::new("/here")).unwrap();
        case(&of_host, Path::new("/here"));
    }
}

#[test]
fn stores_stand_on_it() {
    Machine::new(1).run(|disk, threads| async move {
        disk.create_dir_all(Path::new("/here")).unwrap();
        conformance::stores(disk, threads, Path::new("/here")).await;
    });
}

/// Appends for ever, and notes what it was told.
async fn append_for_ever(disk: Arc<dyn Disk>, threads: Arc<dyn Threads>, told: Arc<Mutex<Vec<u64>>>) {
    let Ok(log) = open(disk, threads).and_then(|dir| LogStore::open(&dir)) else { return };
    for index in log.last_index().map_or(0, |last| last + 1).. {
        let told = Arc::clone(&told);
        let note = move |outcome: std::io::Result<()>| {
            if outcome.is_ok() {
                told.lock().push(index);
            }
        };
        log.append(vec![(index, entry(index))], Box::new(note));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What the log holds, and what of that was told, after each of some crashes.
fn crashes(seed: u64) -> Vec<(u64, u64)> {
    let mut machine = Machine::new(seed);
    let mut found = Vec::new();
    for _ in 0..10 {
        let told = Arc::default();
        let (disk, threads) = machine.base();
        machine.host.spawn(append_for_ever(disk, threads, Arc::clone(&told)));
        if machine.dice.happens(50) {
            let ends_after = Some(machine.dice.within(1..=60));
            machine.disk.set_fault(Fault { ends_after, ..Fault::default() });
        }
        let until_ms = machine.dice.within(1..=30);
        for _ in 0..until_ms {
            machine.host.step(true);
        }
        let crash = *machine.dice.pick(&[Crash::Process, Crash::Power]);
        machine.crash(crash);
        let held = machine.run(|disk, threads| async move {
            let log = LogStore::open(&open(disk, threads).unwrap()).unwrap();
            let entries = log.read(0..u64::MAX, usize::MAX).unwrap();
            assert!(entries.iter().zip(0..).all(|(found, index)| *found == entry(index)), "{entries:?}");
            log.close();
            entries.len() as u64
        });
        let told = told.lock().last().map_or(0, |last| last + 1);
        assert!(told <= held, "{told} were told to be on disk, but {held} are");
        found.push((held, told));
        machine.crash(Crash::Process);
    }
    found
}

#[test]
fn what_was_told_to_be_in_the_log_is_there_after_any_crash() {
    let found: Vec<_> = (0..100).map(crashes).collect();
    assert_eq!(found[7], crashes(7), "the same seed is the same story");
    let beyond: BTreeSet<u64> =
        found.iter().flatten().map(|(held, told)| held.saturating_sub(*told)).collect();
    assert!(beyond.contains(&0) && beyond.len() > 1, "of what nobody was told, some is there: {beyond:?}");
}

#[test]
fn a_batch_is_caught_before_and_after_it_is_on_disk() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..60 {
        let mut machine = Machine::new(seed);
        machine.disk.set_fault(Fault::default());
        machine.run(|disk, threads| async { drop(open(disk, threads).unwrap()) });
        machine.disk.set_fault(Fault { slow_ms: 1_000, ..Fault::default() });
        let (disk, threads) = machine.base();
        machine.host.spawn(append_for_ever(disk, threads, Arc::default()));
        machine.host.step(true);
        machine.host.step(true);
        machine.crash(Crash::Process);
        let caught = machine.disk.counts().caught_writing;
        machine.disk.set_fault(Fault::default());
        let last = machine.run(|disk, threads| async {
            LogStore::open(&open(disk, threads).unwrap()).unwrap().last_index()
        });
        outcomes.insert((caught, last.is_some()));
    }
    assert!(outcomes.contains(&(1, false)) && outcomes.contains(&(1, true)), "{outcomes:?}");
}

#[test]
fn closing_writes_what_waits_and_ends() {
    let mut machine = Machine::new(5);
    let told = Arc::new(Mutex::new(Vec::new()));
    let tells = Arc::clone(&told);
    machine.run(|disk, threads| async move {
        let log = LogStore::open(&open(disk, threads).unwrap()).unwrap();
        for index in 0..3 {
            let tells = Arc::clone(&tells);
            log.append(
                vec![(index, entry(index))],
                Box::new(move |outcome| tells.lock().push(outcome.is_ok())),
            );
        }
        // The last of the handles goes in the middle of being told.
        let (last, tells) = (log.clone(), Arc::clone(&tells));
        log.append(
            vec![(3, entry(3))],
            Box::new(move |outcome| {
                tells.lock().push(outcome.is_ok());
                drop(last);
            }),
        );
        log.close();
    });
    assert_eq!(*told.lock(), [true; 4]);
    machine.crash(Crash::Power);
    let last = machine
        .run(|disk, threads| async { LogStore::open(&open(disk, threads).unwrap()).unwrap().last_index() });
    assert_eq!(last, Some(3));
}

#[test]
fn work_takes_its_time_and_more_on_a_slow_disk() {
    let took = |slow_ms| {
        let mut machine = Machine::new(9);
        machine.disk.set_fault(Fault { slow_ms, ..Fault::default() });
        machine.run(|_, threads| async move {
            let began = tokio::time::Instant::now();
            for _ in 0..20 {
                run(&*threads, WorkKind::Background, (), || ()).await.unwrap();
            }
            began.elapsed()
        })
    };
    assert!(took(0) >= Duration::from_millis(20) && took(0) <= Duration::from_millis(20 * 21));
    assert!(took(500) >= Duration::from_millis(1_000));
}

/// Stores with an entry, a vote and a row; then damage, and what it comes to.
fn damaged(damage: &Damage) -> Result<(), String> {
    let mut machine = Machine::new(3);
    machine.run(|disk, threads| async move {
        let dir = open(disk, threads).unwrap();
        let (log, state) = (LogStore::open(&dir).unwrap(), StateStore::open(&dir).unwrap());
        log.append(vec![(0, entry(0))], Box::new(|_| ()));
        log.save_vote("vote".into()).await.unwrap();
        let mut writes = WriteSet::default();
        writes.put("key".into(), "value".into());
        state.write(&writes, None).unwrap();
        state.flush().unwrap();
        log.close();
    });
    machine.crash(Crash::Process);
    assert!(machine.disk.damage(damage), "there is no {damage:?}");
    assert_eq!(machine.disk.counts().damaged, 1);
    machine.run(|disk, threads| async move {
        let text = |error: StorageError| format!("{error:?}");
        let dir = claim(disk, threads).and_then(|claim| claim.open(IDENTITY)).map_err(text)?;
        LogStore::open(&dir).map_err(text)?;
        let state = StateStore::open(&dir).map_err(text)?;
        state.read(|view| view.get(b"key")).map(drop).map_err(|error| error.to_string())
    })
}

#[test]
fn damage_is_found() {
    for (damage, expected) in [
        (Damage::LogEntry, "checksum of entry 0"),
        (Damage::Vote, "Corrupt"),
        (Damage::StateRow, "row \"key\" is damaged"),
        (Damage::State, "StateDamaged"),
        (Damage::DurableMark, "durable mark is not as it was written"),
        (Damage::Identity, "identity"),
        (Damage::File("/node/state/CURRENT".into()), "StateDamaged"),
    ] {
        let found = damaged(&damage).unwrap_err();
        assert!(found.contains(expected), "{damage:?}: {found}");
    }
}

#[test]
fn a_damaged_file_of_a_checkpoint_is_found() {
    let mut machine = Machine::new(3);
    let disk = machine.disk.clone();
    machine.run(|of_host, threads| async move {
        let state = StateStore::open(&open(of_host, threads).unwrap()).unwrap();
        assert!(!disk.damage(&Damage::CheckpointFile), "there is none yet");
        let checkpoint = state.checkpoint().unwrap();
        checkpoint.read(|_| ()).unwrap();
        assert!(disk.damage(&Damage::CheckpointFile));
        assert!(matches!(checkpoint.read(|_| ()), Err(StorageError::StateDamaged { .. })));
    });
}
