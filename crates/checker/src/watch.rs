//! Watches: whether a watcher was told every change once, in order, from where it began.
//!
//! What really changed is known afterwards, from a read of the whole history. A watcher's account goes over all its
//! connections: where it resumed is no entry of its own, as it must not show.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// One change of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// At which revision. A revision may change several keys, each once.
    pub revision: u64,
    /// The key.
    pub key: String,
    /// Its new value; none: it was deleted.
    pub value: Option<String>,
}

/// What a watcher was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// A change.
    Change(Change),
    /// That it has been told all changes up to here.
    Progress {
        /// This one included.
        revision: u64,
    },
    /// That changes may be gone: it read the state at this revision, and goes on after it.
    Reset {
        /// That one.
        revision: u64,
    },
}

/// A watcher's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Who, for reports.
    pub watcher: String,
    /// The first revision that it wants to be told of.
    pub from_revision: u64,
    /// What it was told, in order.
    pub entries: Vec<Entry>,
    /// The revision up to which it was waited for; none if it may have been stopped anywhere.
    pub complete_to: Option<u64>,
}

/// A watcher was told something else than what changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{watcher}, entry {entry}: {mistake}")]
pub struct WatchMistake {
    /// Who.
    pub watcher: String,
    /// At which entry, from 0; the number of entries if it is clear only at the end.
    pub entry: usize,
    /// What is wrong.
    pub mistake: Mistake,
}

/// What can be wrong about what a watcher was told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// It should have been told this by now.
    #[error("{:?} of revision {} was not told", .0.key, .0.revision)]
    Missed(Change),
    /// It was told this before, or was told that it is behind it.
    #[error("{:?} of revision {} was told again", .0.key, .0.revision)]
    Again(Change),
    /// It never happened, or the watcher did not want to be told.
    #[error("{:?} of revision {} should not have been told", .0.key, .0.revision)]
    Stray(Change),
    /// Something else happened there.
    #[error("{:?} became {:?} at revision {}, and it was told {told:?}", change.key, change.value, change.revision)]
    Differs {
        /// What happened.
        change: Change,
        /// The value that was told.
        told: Option<String>,
    },
}

/// Whether a watcher was told what changed of the keys that it covers: every change once, in the order of revisions,
/// from its first on, but for what a reset stands for.
///
/// # Errors
/// The first entry that is wrong.
pub fn check_watch(
    changes: &[Change],
    account: &Account,
    covers: impl Fn(&str) -> bool,
) -> Result<(), WatchMistake> {
    let wanted = |change: &&Change| change.revision >= account.from_revision && covers(&change.key);
    let mut due = Due {
        missing: changes.iter().filter(wanted).map(|change| (place(change), change)).collect(),
        behind: BTreeSet::new(),
    };
    let wrong = |entry, mistake| WatchMistake { watcher: account.watcher.clone(), entry, mistake };
    for (number, entry) in account.entries.iter().enumerate() {
        due.take(entry).map_err(|mistake| wrong(number, mistake))?;
    }
    let end = account.complete_to.map_or(Ok(()), |revision| due.nothing_to(revision));
    end.map_err(|mistake| wrong(account.entries.len(), mistake))
}

type Place<'a> = (u64, &'a str);

fn place(change: &Change) -> Place<'_> {
    (change.revision, &change.key)
}

/// What a watcher is still to be told.
struct Due<'a> {
    missing: BTreeMap<Place<'a>, &'a Change>,
    /// What it was told, and what a reset stands for.
    behind: BTreeSet<Place<'a>>,
}

impl<'a> Due<'a> {
    fn take(&mut self, entry: &'a Entry) -> Result<(), Mistake> {
        match entry {
            Entry::Change(told) => self.take_change(told),
            Entry::Progress { revision } => self.nothing_to(*revision),
            Entry::Reset { revision } => {
                self.reset(*revision);
                Ok(())
            }
        }
    }

    fn take_change(&mut self, told: &'a Change) -> Result<(), Mistake> {
        if self.behind.contains(&place(told)) {
            return Err(Mistake::Again(told.clone()));
        }
        let Some(change) = self.missing.remove(&place(told)) else {
            return Err(Mistake::Stray(told.clone()));
        };
        if change.value != told.value {
            return Err(Mistake::Differs { change: change.clone(), told: told.value.clone() });
        }
        self.behind.insert(place(change));
        self.nothing_to(told.revision.saturating_sub(1))
    }

    /// Nothing up to a revision is missing.
    fn nothing_to(&self, revision: u64) -> Result<(), Mistake> {
        match self.missing.first_key_value() {
            Some((_, change)) if change.revision <= revision => Err(Mistake::Missed((*change).clone())),
            _ => Ok(()),
        }
    }

    fn reset(&mut self, revision: u64) {
        let after = self.missing.split_off(&(revision.saturating_add(1), ""));
        self.behind.extend(std::mem::replace(&mut self.missing, after).into_keys());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(revision: u64, key: &str, value: &str) -> Change {
        Change { revision, key: key.into(), value: Some(value.into()) }
    }

    fn truth() -> Vec<Change> {
        let deleted = Change { value: None, ..change(6, "a/x", "") };
        vec![
            change(2, "a/x", "1"),
            change(3, "b/x", "2"),
            change(4, "a/x", "3"),
            change(4, "a/y", "3"),
            change(5, "a/y", "4"),
            deleted,
        ]
    }

    /// What a watcher of "a/" from revision 3 on is told, if these are its entries.
    fn told(entries: Vec<Entry>, complete_to: Option<u64>) -> Result<(), (usize, Mistake)> {
        let account = Account { watcher: "w".into(), from_revision: 3, entries, complete_to };
        check_watch(&truth(), &account, |key| key.starts_with("a/"))
            .map_err(|wrong| (wrong.entry, wrong.mistake))
    }

    fn entries(places: &[usize]) -> Vec<Entry> {
        places.iter().map(|place| Entry::Change(truth()[*place].clone())).collect()
    }

    #[test]
    fn all_in_order_is_right_whatever_the_order_within_a_revision() {
        assert_eq!(told(entries(&[2, 3, 4, 5]), Some(6)), Ok(()));
        assert_eq!(told(entries(&[3, 2, 4, 5]), Some(6)), Ok(()));
        assert_eq!(told(entries(&[]), Some(3)), Ok(()));
    }

    #[test]
    fn what_was_stopped_need_not_be_complete_but_has_no_gap() {
        assert_eq!(told(entries(&[2]), None), Ok(()));
        assert_eq!(told(entries(&[2, 4]), None), Err((1, Mistake::Missed(truth()[3].clone()))));
        assert_eq!(told(entries(&[2, 3]), Some(6)), Err((2, Mistake::Missed(truth()[4].clone()))));
    }

    #[test]
    fn what_comes_again_or_late_is_told() {
        assert_eq!(told(entries(&[2, 3, 2]), None), Err((2, Mistake::Again(truth()[2].clone()))));
        assert_eq!(told(entries(&[4, 3]), None), Err((0, Mistake::Missed(truth()[2].clone()))));
    }

    #[test]
    fn what_was_not_wanted_or_never_happened_is_told() {
        for (stray, place) in [(truth()[0].clone(), 0), (truth()[1].clone(), 0), (change(9, "a/x", "1"), 0)] {
            let entries = vec![Entry::Change(stray.clone())];
            assert_eq!(told(entries, None), Err((place, Mistake::Stray(stray))));
        }
    }

    #[test]
    fn another_value_is_told() {
        let entries = vec![Entry::Change(change(4, "a/x", "9"))];
        let mistake = Mistake::Differs { change: truth()[2].clone(), told: Some("9".into()) };
        assert_eq!(told(entries, None), Err((0, mistake)));
    }

    #[test]
    fn progress_says_that_nothing_is_missing() {
        let after = |places: &[usize], revision| {
            told(entries(places).into_iter().chain([Entry::Progress { revision }]).collect(), None)
        };
        assert_eq!(after(&[], 3), Ok(()));
        assert_eq!(after(&[2, 3], 4), Ok(()));
        assert_eq!(after(&[2], 4), Err((1, Mistake::Missed(truth()[3].clone()))));
    }

    #[test]
    fn a_reset_stands_for_what_was_before_it_and_for_nothing_after() {
        let with = |reset, places: &[usize]| {
            let reset = [Entry::Reset { revision: reset }];
            told(reset.into_iter().chain(entries(places)).collect(), Some(6))
        };
        assert_eq!(with(4, &[4, 5]), Ok(()));
        assert_eq!(with(3, &[4, 5]), Err((1, Mistake::Missed(truth()[2].clone()))));
        assert_eq!(with(4, &[3, 4, 5]), Err((1, Mistake::Again(truth()[3].clone()))));
    }
}
