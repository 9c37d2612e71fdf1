//! A key of etcd's API: its value and the revision of its last write, with the store's revision in every answer.
//!
//! Revisions are the store's and not the key's, so the model of one key knows of them what the key's own answers tell:
//! they never go back, each write takes a greater one, and a key's `mod_revision` is that of its last write. That they
//! agree between keys is checked by [`revision_order`]; a history should pass both. Clients should write values that
//! differ, or nobody can tell one write from another.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::history::{End, History};
use crate::model::Model;
use crate::order::{Numbered, OutOfOrder, real_time_order};

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// A linearizable read of one key.
    Get {
        /// The key.
        key: String,
    },
    /// A write without a condition.
    Write {
        /// The key.
        key: String,
        /// What becomes of it.
        write: Write,
    },
    /// A transaction: the write if the key compares, else a read of the key.
    WriteIf {
        /// The key.
        key: String,
        /// The condition.
        compare: Compare,
        /// What becomes of it then.
        write: Write,
    },
}

/// What becomes of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Write {
    /// It gets this value.
    Put(String),
    /// It is removed.
    Delete,
}

/// What a key must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// There, with this value.
    Value(String),
    /// Last written at this revision; 0: not there.
    ModRevision(u64),
}

/// What a client is told. `revision` is that of the answer's header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// What a read has found.
    Found {
        /// The store's revision.
        revision: u64,
        /// The key, if it is there.
        entry: Option<Entry>,
    },
    /// The write was done, at this revision.
    Written {
        /// The revision that it took.
        revision: u64,
    },
    /// There was nothing to delete.
    NothingThere {
        /// The store's revision.
        revision: u64,
    },
    /// The key did not compare; this is what it was.
    Refused {
        /// The store's revision.
        revision: u64,
        /// The key, if it is there.
        entry: Option<Entry>,
    },
}

/// A key that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its value.
    pub value: String,
    /// The revision of its last write.
    pub mod_revision: u64,
}

impl Call {
    /// A read.
    pub fn get(key: impl Into<String>) -> Self {
        Self::Get { key: key.into() }
    }

    /// A put.
    pub fn put(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self::Write { key: key.into(), write: Write::Put(value.into()) }
    }

    /// A delete.
    pub fn delete(key: impl Into<String>) -> Self {
        Self::Write { key: key.into(), write: Write::Delete }
    }

    /// A put, if the key compares.
    pub fn put_if(key: impl Into<String>, compare: Compare, value: impl Into<String>) -> Self {
        Self::WriteIf { key: key.into(), compare, write: Write::Put(value.into()) }
    }

    /// The key.
    pub fn key(&self) -> &str {
        match self {
            Self::Get { key } | Self::Write { key, .. } | Self::WriteIf { key, .. } => key,
        }
    }

    fn write(&self) -> Option<&Write> {
        match self {
            Self::Get { .. } => None,
            Self::Write { write, .. } | Self::WriteIf { write, .. } => Some(write),
        }
    }
}

impl Answer {
    /// The revision of its header.
    pub fn revision(&self) -> u64 {
        match self {
            Self::Found { revision, .. }
            | Self::Written { revision }
            | Self::NothingThere { revision }
            | Self::Refused { revision, .. } => *revision,
        }
    }
}

/// Whether the revisions of all answers, whatever the keys, agree with real time: what was called after an answer is
/// told no smaller revision, each write a greater one, and no two writes the same.
///
/// # Errors
/// The first two operations that do not agree, by places in the history.
pub fn revision_order(history: &History<Call, Answer>) -> Result<(), OutOfOrder> {
    let numbered = history.operations().iter().enumerate().filter_map(|(place, operation)| {
        let End::Answered { at_ns, answer } = &operation.end else { return None };
        let (called_ns, ended_ns) = (operation.called_ns, *at_ns);
        let fresh = matches!(answer, Answer::Written { .. });
        Some(Numbered { place, called_ns, ended_ns, number: answer.revision(), fresh })
    });
    real_time_order(numbered.collect())
}

/// The model of plain keys. All begin absent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kv;

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    value: Option<String>,
    written: Written,
    /// The greatest revision that was told with the key.
    told: u64,
    shown: Shown,
}

/// Which value the key has at which `mod_revision`, as far as anybody was ever told: a write that told no revision has
/// none that was another's.
#[derive(Debug, Clone, Default)]
struct Shown(Arc<BTreeMap<u64, Option<String>>>);

/// All states of a search share it, so it makes none differ.
impl PartialEq for Shown {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Shown {}

impl Hash for Shown {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl Shown {
    fn may_be(&self, revision: u64, value: Option<&String>) -> bool {
        self.0.get(&revision).is_none_or(|shown| shown.as_ref() == value)
    }
}

fn shown_by(call: &Call, answer: &Answer) -> Option<(u64, Option<String>)> {
    match answer {
        Answer::Found { entry, .. } | Answer::Refused { entry, .. } => {
            entry.as_ref().map(|entry| (entry.mod_revision, Some(entry.value.clone())))
        }
        Answer::Written { revision } => match call.write()? {
            Write::Put(value) => Some((*revision, Some(value.clone()))),
            Write::Delete => Some((*revision, None)),
        },
        Answer::NothingThere { .. } => None,
    }
}

/// When a key was written last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Written {
    At(u64),
    /// By a write that told no revision: at a greater one than this.
    After(u64),
}

impl Model for Kv {
    type Call = Call;
    type Answer = Answer;
    type Key = String;
    type State = State;

    fn key(&self, call: &Call) -> String {
        call.key().to_owned()
    }

    fn initial(&self, _: &String) -> State {
        State { value: None, written: Written::At(0), told: 0, shown: Shown::default() }
    }

    fn begin(&self, key: &String, answered: &mut dyn Iterator<Item = (&Call, &Answer)>) -> State {
        let shown = answered.filter_map(|(call, answer)| shown_by(call, answer)).collect();
        State { shown: Shown(Arc::new(shown)), ..self.initial(key) }
    }

    fn step(&self, state: &State, call: &Call, answer: Option<&Answer>) -> Vec<State> {
        match answer {
            Some(answer) => state.answered(call, answer).into_iter().collect(),
            None => state.open(call),
        }
    }

    fn only_looks(&self, call: &Call, answer: Option<&Answer>) -> bool {
        matches!(call, Call::Get { .. })
            || matches!(answer, Some(Answer::Refused { .. } | Answer::NothingThere { .. }))
    }

    fn helps(&self, begin: &State, open: &Call, (call, answer): (&Call, Option<&Answer>)) -> bool {
        let Some(write) = open.write() else { return false };
        match (call, answer) {
            (_, Some(Answer::Found { entry, .. } | Answer::Refused { entry, .. })) => match write {
                Write::Put(value) => entry.as_ref().is_some_and(|entry| entry.value == *value),
                Write::Delete => entry.is_none(),
            },
            (_, Some(Answer::NothingThere { .. })) => *write == Write::Delete,
            (Call::Write { write: Write::Delete, .. }, Some(Answer::Written { .. })) => {
                *write != Write::Delete
            }
            (Call::WriteIf { compare, .. }, Some(Answer::Written { .. }) | None) => match (compare, write) {
                (Compare::Value(compared), Write::Put(value)) => compared == value,
                (Compare::ModRevision(0), Write::Delete) => true,
                (Compare::ModRevision(revision @ 1..), Write::Put(value)) => {
                    begin.shown.may_be(*revision, Some(value))
                }
                _ => false,
            },
            (Call::Get { .. } | Call::Write { .. }, _) => false,
        }
    }

    fn likely_order(&self, answer: &Answer) -> u64 {
        // A write comes before those who look at its revision.
        answer.revision().saturating_mul(2) + u64::from(!matches!(answer, Answer::Written { .. }))
    }

    fn leaves<'a>(&self, call: &'a Call) -> Option<&'a str> {
        match call.write()? {
            Write::Put(value) => Some(value),
            Write::Delete => None,
        }
    }

    fn shows<'a>(&self, answer: &'a Answer) -> Option<&'a str> {
        match answer {
            Answer::Found { entry, .. } | Answer::Refused { entry, .. } => {
                entry.as_ref().map(|entry| entry.value.as_str())
            }
            Answer::Written { .. } | Answer::NothingThere { .. } => None,
        }
    }

    fn describe(&self, call: &Call, end: &End<Answer>) -> String {
        format!("{} → {}", describe_call(call), describe_end(end))
    }

    fn describe_state(&self, state: &State) -> String {
        let written = match state.written {
            Written::At(revision) => format!("{revision}"),
            Written::After(revision) => format!("some revision after {revision}"),
        };
        match &state.value {
            Some(value) => format!("{value:?}, written at {written}, told up to {}", state.told),
            None => format!("absent since {written}, told up to {}", state.told),
        }
    }
}

impl State {
    /// The state after the call gave the answer, if it can.
    fn answered(&self, call: &Call, answer: &Answer) -> Option<Self> {
        match (call, answer) {
            (Call::Get { .. }, Answer::Found { revision, entry }) => self.seen(*revision, entry.as_ref()),
            (Call::Write { write, .. }, Answer::Written { revision }) => self.written(write, *revision),
            (Call::WriteIf { compare, write, .. }, Answer::Written { revision }) => {
                self.comparing(compare)?.written(write, *revision)
            }
            (Call::Write { write: Write::Delete, .. }, Answer::NothingThere { revision }) => {
                self.seen(*revision, None)
            }
            (Call::WriteIf { compare, .. }, Answer::Refused { revision, entry }) => {
                let refused = !compares(compare, entry.as_ref());
                self.seen(*revision, entry.as_ref()).filter(|_| refused)
            }
            _ => None,
        }
    }

    /// The state after somebody saw the key at a revision, if that can be.
    fn seen(&self, revision: u64, entry: Option<&Entry>) -> Option<Self> {
        let same = self.value.as_ref() == entry.map(|entry| &entry.value);
        let written = match (self.written, entry) {
            (Written::At(at), Some(entry)) => (entry.mod_revision == at).then_some(Written::At(at)),
            (Written::After(after), Some(entry)) => {
                let at = entry.mod_revision;
                (at > after && at <= revision).then_some(Written::At(at))
            }
            (written, None) => Some(written),
        }?;
        let possible = same && revision >= self.least_revision();
        possible.then(|| Self { written, told: revision, ..self.clone() })
    }

    /// The state after a write at a revision, if it can be that.
    fn written(&self, write: &Write, revision: u64) -> Option<Self> {
        let value = self.value_after(write)?;
        let possible = revision > self.least_revision();
        let written = Written::At(revision);
        possible.then(|| Self { value, written, told: revision, shown: self.shown.clone() })
    }

    /// The states after the call was done, whatever it told.
    fn open(&self, call: &Call) -> Vec<Self> {
        match call {
            Call::Get { .. } => vec![self.clone()],
            Call::Write { write, .. } => vec![self.written_unseen(write)],
            Call::WriteIf { compare, write, .. } => {
                let written = self.comparing(compare).map(|state| state.written_unseen(write));
                written.into_iter().chain(self.may_differ(compare).then(|| self.clone())).collect()
            }
        }
    }

    fn written_unseen(&self, write: &Write) -> Self {
        let Some(value) = self.value_after(write) else { return self.clone() };
        Self { value, written: Written::After(self.told), told: self.told, shown: self.shown.clone() }
    }

    /// The value after a write, or that there is none; nothing if nothing changes.
    #[expect(clippy::option_option, reason = "whether it changes, and whether there is a value")]
    fn value_after(&self, write: &Write) -> Option<Option<String>> {
        match write {
            Write::Put(value) => Some(Some(value.clone())),
            Write::Delete => self.value.is_some().then_some(None),
        }
    }

    /// What is known if the key compares; none if it does not.
    fn comparing(&self, compare: &Compare) -> Option<Self> {
        match (compare, self.written) {
            (Compare::Value(value), _) => (self.value.as_ref() == Some(value)).then(|| self.clone()),
            (Compare::ModRevision(0), _) => self.value.is_none().then(|| self.clone()),
            (Compare::ModRevision(revision), Written::At(at)) => {
                (self.value.is_some() && at == *revision).then(|| self.clone())
            }
            (Compare::ModRevision(revision), Written::After(after)) => {
                let (written, told) = (Written::At(*revision), self.told.max(*revision));
                let there = self.value.is_some() && self.shown.may_be(*revision, self.value.as_ref());
                (there && *revision > after).then(|| Self { written, told, ..self.clone() })
            }
        }
    }

    fn may_differ(&self, compare: &Compare) -> bool {
        let open = matches!(self.written, Written::After(_)) && self.value.is_some();
        self.comparing(compare).is_none() || (open && matches!(compare, Compare::ModRevision(1..)))
    }

    /// The smallest that the store's revision can be.
    fn least_revision(&self) -> u64 {
        match self.written {
            Written::At(at) => self.told.max(at),
            Written::After(after) => self.told.max(after.saturating_add(1)),
        }
    }
}

fn compares(compare: &Compare, entry: Option<&Entry>) -> bool {
    match compare {
        Compare::Value(value) => entry.is_some_and(|entry| entry.value == *value),
        Compare::ModRevision(revision) => entry.map_or(0, |entry| entry.mod_revision) == *revision,
    }
}

fn describe_call(call: &Call) -> String {
    match call {
        Call::Get { key } => format!("get {key}"),
        Call::Write { key, write } => describe_write(key, write),
        Call::WriteIf { key, compare: Compare::Value(value), write } => {
            format!("if {value:?}: {}", describe_write(key, write))
        }
        Call::WriteIf { key, compare: Compare::ModRevision(revision), write } => {
            format!("if at {revision}: {}", describe_write(key, write))
        }
    }
}

fn describe_write(key: &str, write: &Write) -> String {
    match write {
        Write::Put(value) => format!("put {key} {value:?}"),
        Write::Delete => format!("delete {key}"),
    }
}

fn describe_end(end: &End<Answer>) -> String {
    let entry = |entry: &Option<Entry>| match entry {
        Some(Entry { value, mod_revision }) => format!("{value:?} of {mod_revision}"),
        None => "absent".to_owned(),
    };
    match end.answer() {
        Some(Answer::Found { revision, entry: found }) => format!("{}, at {revision}", entry(found)),
        Some(Answer::Written { revision }) => format!("done at {revision}"),
        Some(Answer::NothingThere { revision }) => format!("nothing there, at {revision}"),
        Some(Answer::Refused { revision, entry: found }) => {
            format!("refused: {}, at {revision}", entry(found))
        }
        None => end.without_answer().to_owned(),
    }
}
