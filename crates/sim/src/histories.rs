//! What all clients of a run asked and were told, and whether one store would have told them that.

use std::fmt::Display;

use conclave_checker::watch::{Account, check_watch};
use conclave_checker::{Failure, History, Limits, Model, Recorder, check, config, kv, lock};

use crate::checks::Broken;
use crate::clients::{Ends, LAST_KEY, Told};
use crate::time::Time;

/// The accounts of all clients.
pub(crate) struct Histories {
    pub(crate) keys: Recorder<kv::Call, kv::Answer>,
    pub(crate) config: Recorder<config::Call, config::Answer>,
    pub(crate) locks: Recorder<lock::Call, lock::Answer>,
    pub(crate) ends: Ends,
    pub(crate) watchers: Vec<Told>,
}

impl Histories {
    pub(crate) fn new(time: &Time) -> Self {
        let clock = || {
            let time = time.clone();
            move || time.now_ns()
        };
        Self {
            keys: Recorder::new(clock()),
            config: Recorder::new(clock()),
            locks: Recorder::new(clock()),
            ends: Ends::default(),
            watchers: Vec::new(),
        }
    }

    /// How many operations were answered.
    pub(crate) fn answered(&self) -> u64 {
        fn of<C: Clone, A: Clone>(recorder: &Recorder<C, A>) -> usize {
            let history = recorder.history();
            history.operations().iter().filter(|operation| operation.end.answer().is_some()).count()
        }
        (of(&self.keys) + of(&self.config) + of(&self.locks)) as u64
    }

    /// Whether every watcher has come to the end of the story.
    pub(crate) fn watchers_are_there(&self) -> bool {
        self.watchers.iter().all(|told| told.knows(LAST_KEY))
    }

    /// Whether all of it can be what one store did, one step after the other. `changes` were read in the end.
    pub(crate) fn check(&self, changes: &Told) -> Result<(), Broken> {
        let (keys, config, locks) =
            (self.keys.history(), self.config.history(), self.ends.with(&self.locks.history()));
        kv::revision_order(&keys).map_err(told("plain keys"))?;
        linearizable(&kv::Kv, &keys, "plain keys")?;
        linearizable(&config::Config, &config, "configuration")?;
        lock::token_order(&locks).map_err(told("locks"))?;
        lock::mutual_exclusion(&locks).map_err(told("locks"))?;
        linearizable(&lock::Lock, &locks, "locks")?;
        let changes = changes.changes();
        let last = changes.iter().rev().find(|change| change.key == LAST_KEY).map(|last| last.revision);
        for (number, watcher) in self.watchers.iter().enumerate() {
            if let Some(wrong) = watcher.wrong() {
                return Err(Broken::Told(format!("watcher {number}: {wrong}")));
            }
            let account = Account {
                watcher: format!("watcher {number}"),
                from_revision: 1,
                entries: watcher.entries(),
                complete_to: last,
            };
            check_watch(&changes, &account, |_| true).map_err(told("watches"))?;
        }
        Ok(())
    }
}

fn linearizable<M: Model>(
    model: &M,
    history: &History<M::Call, M::Answer>,
    what: &str,
) -> Result<(), Broken> {
    match check(model, history, Limits::default()) {
        Ok(_) => Ok(()),
        Err(failure @ Failure::Violation(_)) => Err(Broken::Told(format!("{what}: {failure}"))),
        Err(failure) => Err(Broken::Told(format!("{what}, undecided: {failure}"))),
    }
}

fn told<E: Display>(what: &'static str) -> impl Fn(E) -> Broken {
    move |error| Broken::Told(format!("{what}: {error}"))
}
