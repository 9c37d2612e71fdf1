//! Whether what clients were told holds: by itself, and against what really happened.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use conclave_checker::config::{self, Config};
use conclave_checker::kv::{self, Kv, Write, revision_order};
use conclave_checker::lock::{self, FencedWrite, Lock, fenced_order, mutual_exclusion, token_order};
use conclave_checker::watch::{Account, Change, Entry, check_watch};
use conclave_checker::{End, Failure, History, Limits, Model, check, timeline};

use crate::noted::Noted;
use crate::truth::Truth;

/// What was found.
#[derive(Default)]
pub(crate) struct Found {
    /// What must not be.
    pub(crate) violations: Vec<String>,
    /// What only a look at what really happened can tell; none if that could not be read.
    pub(crate) against_truth: Option<AgainstTruth>,
}

/// What was told, and what of it is not so.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AgainstTruth {
    /// Writes that were acknowledged.
    pub(crate) writes: u64,
    /// Of these, what is not there.
    pub(crate) lost_writes: u64,
    /// Changes that watchers were to be told, each as often as there are watchers.
    pub(crate) events: u64,
    /// Of these, what was not told.
    pub(crate) lost_events: u64,
    /// What was told again.
    pub(crate) repeated_events: u64,
}

/// Checks what needs no other knowledge. Pictures of violations go to the folder.
pub(crate) fn check_answers(noted: &Noted, folder: &Path) -> Found {
    let mut found = Found::default();
    found.model("kv", &Kv, &noted.keys, folder);
    found.model("config", &Config, &noted.config, folder);
    found.model("lock", &Lock, &noted.locks, folder);
    found.holds("revisions", revision_order(&noted.keys));
    found.holds("locks", mutual_exclusion(&noted.locks));
    found.holds("tokens", token_order(&noted.locks));
    found.holds("writes under tokens", fenced_order(&fenced_writes(noted)));
    found
}

/// Checks against what really happened.
pub(crate) fn check_truth(noted: &Noted, truth: &Truth, found: &mut Found) {
    let mut seen = AgainstTruth::default();
    found.written_keys(noted, truth, &mut seen);
    found.written_versions(noted, truth, &mut seen);
    found.watches(&noted.key_watches, &truth.keys, &mut seen);
    found.watches(&noted.config_watches, &truth.version_changes(), &mut seen);
    found.against_truth = Some(seen);
}

impl AgainstTruth {
    fn write(&mut self, is_there: bool) {
        self.writes += 1;
        self.lost_writes += u64::from(!is_there);
    }

    /// Counts what one watcher was told. Whether it is right in every way is [`check_watch`]'s question.
    fn watch(&mut self, account: &Account, changes: &[Change]) {
        let (mut told, mut reset) = (BTreeSet::new(), 0);
        for entry in &account.entries {
            match entry {
                Entry::Change(change) if told.insert((change.revision, &change.key)) => {}
                Entry::Change(_) => self.repeated_events += 1,
                Entry::Reset { revision } => reset = reset.max(*revision),
                Entry::Progress { .. } => {}
            }
        }
        let wanted = (reset + 1).max(account.from_revision)..=account.complete_to.unwrap_or(0);
        let due = changes.iter().filter(|change| wanted.contains(&change.revision));
        for change in due {
            self.events += 1;
            self.lost_events += u64::from(!told.contains(&(change.revision, &change.key)));
        }
    }
}

impl Found {
    fn model<M: Model>(
        &mut self,
        name: &str,
        model: &M,
        history: &History<M::Call, M::Answer>,
        folder: &Path,
    ) {
        let Err(failure) = check(model, history, Limits::default()) else { return };
        if let Failure::Violation(violation) = &failure {
            let page = folder.join(format!("{name}.html"));
            let drawn = fs::create_dir_all(folder)
                .and_then(|()| fs::write(&page, timeline(model, history, Some(violation))));
            if let Err(error) = drawn {
                self.violations.push(format!("{}: {error}", page.display()));
            }
        }
        self.violations.push(format!("{name}: {failure}"));
    }

    fn holds<E: std::fmt::Display>(&mut self, name: &str, checked: Result<(), E>) {
        self.violations.extend(checked.err().map(|error| format!("{name}: {error}")));
    }

    /// Every acknowledged write of a key is there, and everything that is there was written by somebody.
    fn written_keys(&mut self, noted: &Noted, truth: &Truth, seen: &mut AgainstTruth) {
        let there: BTreeSet<_> =
            truth.keys.iter().map(|it| (it.revision, &it.key, it.value.as_ref())).collect();
        let mut asked = BTreeSet::new();
        for operation in noted.keys.operations() {
            let (kv::Call::Write { key, write } | kv::Call::WriteIf { key, write, .. }) = &operation.call
            else {
                continue;
            };
            let value = match write {
                Write::Put(value) => Some(value),
                Write::Delete => None,
            };
            if !matches!(operation.end, End::NotDone { .. }) {
                asked.insert((key, value));
            }
            let Some(kv::Answer::Written { revision }) = operation.end.answer() else { continue };
            let is_there = there.contains(&(*revision, key, value));
            seen.write(is_there);
            if !is_there {
                self.violations.push(format!("{key} became {value:?} at {revision}, and that is not there"));
            }
        }
        for Change { revision, key, value } in &truth.keys {
            if !asked.contains(&(key, value.as_ref())) {
                self.violations
                    .push(format!("nobody wrote {value:?} to {key}, which is there at {revision}"));
            }
        }
    }

    /// Every acknowledged version is there as it was told.
    fn written_versions(&mut self, noted: &Noted, truth: &Truth, seen: &mut AgainstTruth) {
        let mut made_by: BTreeMap<(&str, u64), usize> = BTreeMap::new();
        for (place, operation) in noted.config.operations().iter().enumerate() {
            let Some(config::Answer::Committed { version }) = operation.end.answer() else { continue };
            let namespace = operation.call.namespace();
            if let Some(other) = made_by.insert((namespace, *version), place) {
                let twice = format!("version {version} of {namespace} was told to #{other} and #{place}");
                self.violations.push(twice);
            }
            let made = truth.versions.get(&(namespace.to_owned(), *version));
            let is_there = match &operation.call {
                config::Call::Commit { content, .. } => made.is_some_and(|made| made.content == *content),
                _ => made.is_some(),
            };
            seen.write(is_there);
            if !is_there {
                self.violations.push(format!("version {version} of {namespace} (#{place}) is not there"));
            }
        }
    }

    fn watches(&mut self, accounts: &[Account], changes: &[Change], seen: &mut AgainstTruth) {
        for account in accounts {
            seen.watch(account, changes);
            if let Err(mistake) = check_watch(changes, account, |_| true) {
                self.violations.push(mistake.to_string());
            }
        }
    }
}

fn fenced_writes(noted: &Noted) -> Vec<FencedWrite> {
    let written = noted.locks.operations().iter().filter_map(|operation| {
        let lock::Call { lock: target, what: lock::What::Guarded { token }, .. } = &operation.call else {
            return None;
        };
        let End::Answered { at_ns: ended_ns, answer: lock::Answer::Written } = operation.end else {
            return None;
        };
        let called_ns = operation.called_ns;
        Some(FencedWrite { target: target.clone(), token: *token, called_ns, ended_ns })
    });
    written.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(revision: u64) -> Change {
        Change { revision, key: "k".into(), value: None }
    }

    #[test]
    fn what_a_watcher_was_not_told_or_told_again_is_counted() {
        let entries = [2, 3, 3, 5].map(|revision| Entry::Change(change(revision))).into();
        let account = Account { watcher: "w".into(), from_revision: 2, entries, complete_to: Some(5) };
        let mut seen = AgainstTruth::default();
        seen.watch(&account, &[1, 2, 3, 4, 5, 6].map(change));
        let expected = AgainstTruth { events: 4, lost_events: 1, repeated_events: 1, ..Default::default() };
        assert_eq!(seen, expected);
    }
}
