//! Golden scripts: stories of commands and all that can be seen of them.
//!
//! Each `.txt` beside this file is one story over one store. `# ` begins a comment, `> ` a command; the
//! lines after a command, up to the next empty line, are what it led to. [`words`] tells how commands are
//! written. The test compares; to write down what is seen instead, and read the difference in git:
//!
//! ```text
//! CONCLAVE_REWRITE_SCRIPTS=1 cargo test -p conclave-core --test scripts
//! ```
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test is told of a failed condition by a panic")]

mod change;
mod fuzz;
mod keys;
mod locks;
mod read;
mod session;
mod show;
mod show_locks;
mod users;
mod words;

use std::path::Path;
use std::{env, fs};

use session::Session;

const REWRITE: &str = "CONCLAVE_REWRITE_SCRIPTS";

/// Runs a script; gives it back with what was seen in place of what it said, and the store in which it ended.
fn play(script: &str) -> (String, Session) {
    let mut session = Session::default();
    let mut seen = String::new();
    let mut is_output = false;
    for line in script.lines() {
        is_output = is_output && !line.is_empty();
        if is_output {
            continue;
        }
        seen += line;
        seen += "\n";
        if let Some(command) = line.strip_prefix("> ") {
            seen += &session.run(command);
            is_output = true;
        }
    }
    (seen, session)
}

#[track_caller]
fn check(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts").join(name);
    let script = fs::read_to_string(&path).unwrap();
    let (seen, _) = play(&script);
    if env::var_os(REWRITE).is_some() {
        fs::write(&path, seen).unwrap();
        return;
    }
    for (number, (said, seen)) in (1..).zip(script.lines().zip(seen.lines())) {
        assert_eq!(seen, said, "{name}, line {number} (left: seen, right: said; {REWRITE}=1 rewrites it)");
    }
    assert_eq!(seen, script, "{name} ends too early or too late ({REWRITE}=1 rewrites it)");
}

macro_rules! scripts {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            check(concat!(stringify!($name), ".txt"));
        })*

        #[test]
        fn every_script_is_run() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
            let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
            let mut found: Vec<_> = files.filter(|name| name.ends_with(".txt")).collect();
            found.sort();
            assert_eq!(found, [$(concat!(stringify!($name), ".txt")),*]);
        }
    };
}

scripts!(
    clocks,
    collection,
    collection_at_first,
    commit,
    delete_and_revive,
    elections,
    fencing,
    fencing_keys,
    forced,
    history_and_diff,
    locks,
    namespaces,
    permissions,
    permits,
    preconditions,
    preview,
    read_the_past,
    reclaim,
    retries,
    rollback,
    search,
    sessions,
    settings,
    several_namespaces,
    shared,
    snapshots,
    tags,
    users,
    waiting,
    watch,
);
