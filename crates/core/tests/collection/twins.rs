//! Two stores that are told the same; one of them collects.

use std::collections::BTreeMap;

use conclave_core::config::{
    Collect, CollectStep, ConfigCommand, ConfigOutcome, Defaults, NamespaceInfo, Retention, UpdateDefaults,
    next_collection,
};
use conclave_core::{
    Answer, Command, EntryContext, EntryKind, NamespaceName, Outcome, Proposal, Rejection, RequestId,
    Version, apply, encode_proposal,
};
use conclave_mvcc::{Batch, MemoryMap, newest_revision};

use crate::reads;
use crate::steps::{Kind, NAMESPACES, Step, Terms, ann, namespace};

const HOUR_MS: i64 = 60 * 60 * 1_000;

pub(crate) struct Twins {
    /// Collects nothing.
    pub(crate) whole: MemoryMap,
    /// Collects.
    pub(crate) swept: MemoryMap,
    pub(crate) terms: Terms,
    pub(crate) time_ms: i64,
    /// The versions that deleted namespaces so long ago that nothing before them need be kept.
    pub(crate) over: BTreeMap<NamespaceName, Version>,
    /// The versions before which nothing was to be kept, but for what is named, when something was collected.
    pub(crate) floors: BTreeMap<NamespaceName, Version>,
    requests: u64,
}

impl Twins {
    pub(crate) fn new(terms: Terms) -> Self {
        let mut twins = Self {
            whole: MemoryMap::default(),
            swept: MemoryMap::default(),
            terms,
            time_ms: HOUR_MS,
            over: BTreeMap::new(),
            floors: BTreeMap::new(),
            requests: 0,
        };
        twins.keep(terms);
        twins
    }

    fn keep(&mut self, terms: Terms) {
        self.terms = terms;
        let retention = Retention { versions: Some(terms.versions), days: Some(terms.days) };
        let defaults = Defaults { retention, ..Defaults::default() };
        self.tell_both(&ConfigCommand::UpdateDefaults(UpdateDefaults { defaults, authorship: ann() }));
    }

    pub(crate) fn run(&mut self, step: &Step) {
        match step {
            Step::Do(command, hours) => {
                self.time_ms += hours * HOUR_MS;
                self.tell_both(command);
            }
            Step::Keep(terms) => self.keep(*terms),
            Step::Collect(kind) => {
                self.note_floors();
                if let (Some(namespace), _) = next_collection(&self.swept, self.time_ms, None, 99).unwrap() {
                    self.collect(namespace, *kind);
                }
            }
        }
    }

    fn note_floors(&mut self) {
        for name in NAMESPACES.map(namespace) {
            let floor = reads::floor_of(self, &name);
            self.floors.insert(name.clone(), floor);
            if let Some(version) = reads::over(self, &name) {
                self.over.insert(name, version);
            }
        }
    }

    /// Collects until there is nothing left to collect.
    pub(crate) fn collect_all(&mut self, kind: Kind) {
        self.note_floors();
        for _ in 0..10_000 {
            match next_collection(&self.swept, self.time_ms, None, 99).unwrap() {
                (Some(namespace), _) => self.collect(namespace, kind),
                (None, _) => return,
            }
        }
        panic!("there is always something to collect");
    }

    fn collect(&mut self, namespace: NamespaceName, kind: Kind) {
        let proposal = self.proposal(&match kind {
            Kind::First => ConfigCommand::Collect(Collect { namespace }),
            Kind::Rows(rows_max) => ConfigCommand::CollectStep(CollectStep { namespace, rows_max }),
        });
        let before = newest_revision(&self.swept).unwrap();
        let answer = tell(&mut self.swept, self.requests, &proposal);
        assert!(matches!(answer, Ok(Outcome::Config(ConfigOutcome::Collected(_)))), "{answer:?}");
        assert_eq!(newest_revision(&self.swept).unwrap(), before, "collection takes no revision");
    }

    /// The same answer from both; only what names something that was dropped may be refused by one.
    fn tell_both(&mut self, command: &ConfigCommand) {
        let proposal = self.proposal(command);
        let answer = tell(&mut self.swept, self.requests, &proposal);
        if answer.as_ref().is_err_and(is_of_dropped) {
            return;
        }
        let expected = tell(&mut self.whole, self.requests, &proposal);
        assert_eq!(answer.map(without_oldest), expected.map(without_oldest), "{command:?}");
    }

    fn proposal(&mut self, command: &ConfigCommand) -> Proposal {
        self.requests += 1;
        Proposal {
            request_id: RequestId::parse(&format!("r{}", self.requests)).unwrap(),
            time_ms: self.time_ms,
            command: Command::Config(command.clone()),
        }
    }
}

pub(crate) fn is_of_dropped(rejection: &Rejection) -> bool {
    matches!(
        rejection,
        Rejection::VersionDropped { .. }
            | Rejection::RevisionDropped { .. }
            | Rejection::NoVersionThen { dropped: true, .. }
    )
}

/// The same without what differs between the two: which version is the oldest.
pub(crate) fn info_without_oldest(info: NamespaceInfo) -> NamespaceInfo {
    NamespaceInfo { oldest_version: Version::ZERO, ..info }
}

fn without_oldest(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Config(ConfigOutcome::Created(info)) => {
            Outcome::Config(ConfigOutcome::Created(info_without_oldest(info)))
        }
        other => other,
    }
}

fn tell(map: &mut MemoryMap, index: u64, proposal: &Proposal) -> Answer {
    let mut batch = Batch::new(map);
    let encoded = encode_proposal(proposal);
    let applied = apply(&mut batch, EntryContext { index, term: 1 }, EntryKind::Proposal(&encoded)).unwrap();
    let writes = batch.into_writes();
    map.write(&writes);
    applied.answer.unwrap()
}
