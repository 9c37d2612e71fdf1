//! Histories as a store would make them that does one operation after the other, with clients that are slow by chance.

use std::collections::BTreeMap;

use conclave_checker::kv::{Answer, Call, Compare, Entry, Write};
use conclave_checker::{End, History, Operation};
use proptest::prelude::*;

/// What chance says about one operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drawn {
    pub(crate) client: u64,
    pub(crate) key: u8,
    pub(crate) kind: u8,
    /// How long the client waits before it, how long it is until it takes effect, and until it ends.
    pub(crate) delays: (u64, u64, u64),
    pub(crate) fate: Fate,
}

/// What becomes of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Answered,
    /// Its answer is lost; it takes effect so much later than it would have.
    Lost(u64),
    /// It is lost on its way, and nobody is told.
    Vanished,
    /// It is refused before anything happens.
    Refused,
}

/// Operations of some clients on some keys.
pub(crate) fn drawn(
    clients: u64,
    keys: u8,
    fates: impl Strategy<Value = Fate>,
) -> impl Strategy<Value = Drawn> {
    let delays = (0_u64..20, 0_u64..20, 0_u64..20);
    (0..clients, 0..keys, 0_u8..10, delays, fates).prop_map(|(client, key, kind, delays, fate)| Drawn {
        client,
        key,
        kind,
        delays,
        fate,
    })
}

/// Most are answered.
pub(crate) fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        10 => Just(Fate::Answered),
        1 => (0_u64..100).prop_map(Fate::Lost),
        1 => Just(Fate::Vanished),
        1 => Just(Fate::Refused),
    ]
}

struct Planned {
    drawn: Drawn,
    called_ns: u64,
    effect_ns: u64,
    ended_ns: u64,
}

/// What clients see of a store that does what was drawn. Each client does one thing after the other.
pub(crate) fn simulate(all: &[Drawn]) -> History<Call, Answer> {
    let mut planned = plan(all);
    planned.sort_by_key(|planned| planned.effect_ns);
    let mut store = Store { revision: 1, keys: BTreeMap::new(), told: BTreeMap::new() };
    let numbered = planned.iter().zip(0_u64..);
    let mut operations: Vec<_> = numbered.map(|(planned, number)| store.operation(planned, number)).collect();
    operations.sort_by_key(|operation| operation.called_ns);
    operations.into_iter().collect()
}

fn plan(all: &[Drawn]) -> Vec<Planned> {
    let mut clocks: BTreeMap<u64, u64> = BTreeMap::new();
    let plan = |drawn: &Drawn| {
        let clock = clocks.entry(drawn.client).or_default();
        let (pause, before, after) = drawn.delays;
        let called_ns = *clock + pause;
        let late = if let Fate::Lost(late) = drawn.fate { late } else { 0 };
        let ended_ns = called_ns + before + after;
        *clock = ended_ns;
        Planned { drawn: *drawn, called_ns, effect_ns: called_ns + before + late, ended_ns }
    };
    all.iter().map(plan).collect()
}

struct Store {
    revision: u64,
    keys: BTreeMap<String, Entry>,
    /// What each client was told last of each key.
    told: BTreeMap<(u64, String), Option<Entry>>,
}

impl Store {
    fn operation(&mut self, planned: &Planned, number: u64) -> Operation<Call, Answer> {
        let Planned { drawn, called_ns, ended_ns: at_ns, .. } = *planned;
        let call = self.call(drawn, number);
        let end = match drawn.fate {
            Fate::Answered => {
                let answer = self.answer(&call);
                let entry = self.keys.get(call.key()).cloned();
                self.told.insert((drawn.client, call.key().to_owned()), entry);
                End::Answered { at_ns, answer }
            }
            Fate::Refused => End::NotDone { at_ns },
            Fate::Vanished => End::Unknown,
            Fate::Lost(_) => {
                self.answer(&call);
                End::Unknown
            }
        };
        Operation { client: drawn.client, called_ns, call, end }
    }

    /// Every value is written once. Comparisons are with what the client was told last.
    fn call(&self, drawn: Drawn, number: u64) -> Call {
        let key = format!("k{}", drawn.key);
        let value = format!("v{number}");
        let entry = self.told.get(&(drawn.client, key.clone())).and_then(Option::as_ref);
        match drawn.kind {
            0..4 => Call::get(key),
            4..7 => Call::put(key, value),
            7 => Call::delete(key),
            8 => {
                let revision = entry.map_or(0, |entry| entry.mod_revision);
                Call::put_if(key, Compare::ModRevision(revision), value)
            }
            _ => {
                let compared = entry.map_or("none".to_owned(), |entry| entry.value.clone());
                Call::WriteIf { key, compare: Compare::Value(compared), write: Write::Delete }
            }
        }
    }

    fn answer(&mut self, call: &Call) -> Answer {
        let entry = self.keys.get(call.key()).cloned();
        let revision = self.revision;
        match call {
            Call::Get { .. } => Answer::Found { revision, entry },
            Call::Write { write: Write::Delete, .. } if entry.is_none() => Answer::NothingThere { revision },
            Call::Write { key, write } => self.write(key, write),
            Call::WriteIf { key, compare, write } => {
                let compares = match compare {
                    Compare::Value(value) => entry.as_ref().is_some_and(|entry| entry.value == *value),
                    Compare::ModRevision(at) => entry.as_ref().map_or(0, |entry| entry.mod_revision) == *at,
                };
                if compares { self.write(key, write) } else { Answer::Refused { revision, entry } }
            }
        }
    }

    fn write(&mut self, key: &str, write: &Write) -> Answer {
        self.revision += 1;
        match write {
            Write::Put(value) => {
                let entry = Entry { value: value.clone(), mod_revision: self.revision };
                self.keys.insert(key.to_owned(), entry);
            }
            Write::Delete => {
                self.keys.remove(key);
            }
        }
        Answer::Written { revision: self.revision }
    }
}
