//! What collection costs: a step no more than its rows, however much the steps before it removed.

use conclave_core::config::{
    Authorship, CollectStep, ConfigCommand, ConfigOutcome, Defaults, Retention, SetTag, SettingsChange,
    UpdateDefaults, UpdateNamespace, next_collection,
};
use conclave_core::{
    Answer, Command, EntryContext, EntryKind, Outcome, PinName, Proposal, RequestId, Version, apply,
    encode_proposal,
};
use conclave_mvcc::{Batch, MemoryMap};

use crate::counted::{Cost, Counted, Graves};
use crate::{commit, namespace};

const VERSIONS: u64 = 2_000;
const KEYS: usize = 3;
const ROWS_MAX: u32 = 100;

/// A store that keeps the graves of what was deleted.
#[derive(Default)]
pub(crate) struct Store {
    pub(crate) map: MemoryMap,
    graves: Graves,
    requests: u64,
}

impl Store {
    fn tell(&mut self, command: ConfigCommand) -> (Answer, Cost) {
        self.apply(Command::Config(command))
    }

    pub(crate) fn apply(&mut self, command: Command) -> (Answer, Cost) {
        self.requests += 1;
        let request_id = RequestId::parse(&format!("r{}", self.requests)).unwrap();
        let encoded = encode_proposal(&Proposal { request_id, time_ms: 1, command });
        let counted = Counted::with_graves(&self.map, &self.graves);
        let mut batch = Batch::new(&counted);
        let context = EntryContext { index: self.requests, term: 1 };
        let answer = apply(&mut batch, context, EntryKind::Proposal(&encoded)).unwrap().answer.unwrap();
        let writes = batch.into_writes();
        let cost = counted.cost();
        self.map.write(&writes);
        self.graves.note(&writes);
        (answer, cost)
    }

    /// Looks for what there is to drop.
    fn look(&self) -> (bool, Cost) {
        let counted = Counted::with_graves(&self.map, &self.graves);
        let (found, _) = next_collection(&counted, 1, None, 9).unwrap();
        (found.is_some(), counted.cost())
    }

    /// Collects until nothing is left to drop; gives what the dearest step cost, of each kind, and how many steps passed
    /// over graves.
    fn collect_all(&mut self) -> (Cost, usize) {
        let (mut dearest, mut among_graves) = (Cost::default(), 0);
        while self.look().0 {
            let step = CollectStep { namespace: namespace("shop"), rows_max: ROWS_MAX };
            let (answer, cost) = self.tell(ConfigCommand::CollectStep(step));
            assert!(matches!(answer, Ok(Outcome::Config(ConfigOutcome::Collected(_)))), "{answer:?}");
            dearest.seeks = dearest.seeks.max(cost.seeks);
            dearest.steps = dearest.steps.max(cost.steps);
            among_graves += usize::from(cost.graves > 0);
        }
        (dearest, among_graves)
    }

    fn make_history(&mut self) {
        for number in 0..VERSIONS {
            self.tell(commit("shop", std::iter::once(number % KEYS as u64), &number.to_string())).0.unwrap();
        }
    }
}

#[test]
fn a_step_passes_over_nothing_that_was_removed() {
    let mut store = Store::default();
    let settings = SettingsChange {
        retention: Some(Retention { versions: Some(2), days: Some(0) }),
        ..SettingsChange::default()
    };
    store.make_history();
    let tag = SetTag {
        namespace: namespace("shop"),
        tag: PinName::parse("old").unwrap(),
        version: Some(Version::new(7)),
        may_move: false,
        authorship: Authorship::default(),
    };
    store.tell(ConfigCommand::SetTag(tag)).0.unwrap();
    let (namespace, authorship) = (namespace("shop"), Authorship::default());
    let update = UpdateNamespace { namespace, settings, authorship };
    store.tell(ConfigCommand::UpdateNamespace(update)).0.unwrap();
    for pass in 1..=2 {
        let (dearest, among_graves) = store.collect_all();
        let rows_max = u64::from(ROWS_MAX);
        // Each row that goes is found among the changes of its revision.
        assert!(dearest.steps <= 2 * rows_max && dearest.seeks <= 3 * rows_max, "pass {pass}: {dearest:?}");
        // A later pass comes once past what the earlier ones removed of each key: of the head and three items.
        assert!(among_graves <= if pass == 1 { 0 } else { KEYS + 1 }, "pass {pass}: {among_graves}");
        let (_, look) = store.look();
        assert!(look.graves == 0 && look.steps <= 10 && look.seeks <= 20, "pass {pass}: {look:?}");
        store.make_history();
    }
}

/// What does not exist is sought to the end of its table, not in the changes behind it, which were removed.
#[test]
fn a_commit_passes_over_nothing_that_was_removed() {
    let mut store = Store::default();
    let retention = Retention { versions: Some(2), days: Some(0) };
    let defaults = Defaults { retention, ..Defaults::default() };
    let update = UpdateDefaults { defaults, authorship: Authorship::default() };
    store.tell(ConfigCommand::UpdateDefaults(update)).0.unwrap();
    store.make_history();
    let (_, among_graves) = store.collect_all();
    assert_eq!(among_graves, 0, "without a tag or a snapshot behind the items");
    // Neither has settings of its own.
    for name in ["shop", "tea"] {
        let (answer, cost) = store.tell(commit(name, std::iter::once(1), "new"));
        answer.unwrap();
        assert_eq!(cost.graves, 0, "{name}: {cost:?}");
    }
}
