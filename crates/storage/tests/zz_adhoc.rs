//! adhoc
mod support;
use std::time::Instant;
use bytes::Bytes;
use conclave_storage::*;
use conclave_mvcc::WriteSet;
use support::{Place, append};

#[test]
fn latency() {
    let place = Place::new();
    let log = place.log();
    let mut next = 0u64;
    for round in 0..4 {
        let mut times = Vec::new();
        for _ in 0..3000 {
            let t = Instant::now();
            append(&log, vec![(next, Bytes::from(vec![7u8; 300]))]).unwrap();
            times.push(t.elapsed().as_micros());
            next += 1;
        }
        times.sort();
        println!("round {round}: p50 {} p99 {} us", times[1500], times[2970]);
        for _ in 0..20 {
            append(&log, vec![(next, Bytes::from(vec![7u8; 2 << 20]))]).unwrap();
            next += 1;
        }
    }
    let t = Instant::now();
    drop(log);
    println!("close {:?}", t.elapsed());
    let t = Instant::now();
    let log = place.log();
    println!("open {:?}", t.elapsed());
    drop(log);
    let t = Instant::now();
    let state = place.state();
    println!("open state {:?}", t.elapsed());
    let t = Instant::now();
    state.flush().unwrap();
    println!("flush empty {:?}", t.elapsed());
    let t = Instant::now();
    drop(state.checkpoint().unwrap());
    println!("checkpoint {:?}", t.elapsed());
}

#[test]
fn full() {
    let Ok(path) = std::env::var("SMALL") else { return };
    let path = std::path::PathBuf::from(path).join("data");
    let dir = DataDir::open(&path, support::IDENTITY).unwrap();
    let log = LogStore::open(&dir).unwrap();
    let state = StateStore::open(&dir).unwrap();
    let mut acked = 0;
    for next in 0..10000u64 {
        match append(&log, vec![(next, Bytes::from(vec![next as u8; 100_000]))]) {
            Ok(()) => acked = next + 1,
            Err(e) => { println!("log: {:?} {e}", e.kind()); break }
        }
    }
    for n in 0..3000u64 {
        let mut w = WriteSet::default();
        w.put(Bytes::from(n.to_string()), Bytes::from((0..100_000u64).map(|i| (i*n*7919 >> 3) as u8).collect::<Vec<u8>>()));
        if let Err(e) = state.write(&w, Some(b"m")) { println!("state write: {e}"); break }
    }
    if let Err(e) = state.flush() { println!("state flush: {e}") }
    if let Err(e) = state.checkpoint() { println!("state checkpoint: {e}") }
    drop((log, state, dir));
    let dir = DataDir::open(&path, support::IDENTITY).unwrap();
    match LogStore::open(&dir) {
        Ok(log) => println!("reopened: last {:?}, acked {acked}", log.last_index()),
        Err(e) => println!("reopen: {e}"),
    }
    match StateStore::open(&dir) {
        Ok(state) => println!("reopened: mark {:?}", state.mark().unwrap()),
        Err(e) => println!("reopen: {e}"),
    }
}
