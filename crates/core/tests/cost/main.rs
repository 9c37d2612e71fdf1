//! What commands and reads cost, counted as what they ask of the map: it must not grow with what lies
//! beside the rows that they are about.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test is told of a failed condition by a panic")]

mod collection;
mod counted;
mod locks;
mod sweep;

use conclave_core::config::{
    Action, At, Authorship, CollectStep, Commit, ConfigCommand, CreateSnapshot, Defaults, DeleteNamespace,
    DiffQuery, Edit, HistoryQuery, ItemContent, ItemHistoryQuery, ItemQuery, KEYS_A_PAGE_MAX, NamespaceEdits,
    NamespacePage, NamespaceQuery, Retention, Rollback, RollbackSnapshot, SearchQuery, SetTag,
    UpdateDefaults, diff, get_item, get_namespace, history, item_history, list_items, list_namespaces,
    search,
};
use conclave_core::{
    Command, EntryContext, EntryKind, ItemKey, NamespaceName, PinName, Proposal, RequestId, Version, apply,
    encode_proposal,
};
use conclave_mvcc::{Batch, MemoryMap, Revision};

use counted::{Cost, Counted};

const ITEMS: u64 = 5_000;

fn namespace(name: &str) -> NamespaceName {
    NamespaceName::parse(name).unwrap()
}

fn key(number: u64) -> ItemKey {
    ItemKey::parse(&format!("key-{number:05}"), 512).unwrap()
}

/// A commit that sets these items to a value.
fn commit(name: &str, numbers: impl Iterator<Item = u64>, value: &str) -> ConfigCommand {
    let edit = |number| {
        let content = ItemContent { value: value.to_owned().into(), ..ItemContent::default() };
        Edit { key: key(number), expected_mod_revision: None, action: Action::Put(content) }
    };
    let edits = NamespaceEdits {
        namespace: namespace(name),
        expected_version: None,
        create_if_missing: true,
        edits: numbers.map(edit).collect(),
    };
    ConfigCommand::Commit(Commit { namespaces: vec![edits], authorship: Authorship::default() })
}

/// Applies a command; gives what it cost and how many rows it wrote.
fn run(map: &mut MemoryMap, index: u64, command: ConfigCommand) -> (Cost, usize) {
    let request_id = RequestId::parse(&format!("r{index}")).unwrap();
    let time_ms = i64::try_from(index).unwrap();
    let proposal = Proposal { request_id, time_ms, command: Command::Config(command) };
    let counted = Counted::new(map);
    let mut batch = Batch::new(&counted);
    let encoded = encode_proposal(&proposal);
    let applied = apply(&mut batch, EntryContext { index, term: 1 }, EntryKind::Proposal(&encoded)).unwrap();
    assert!(applied.answer.unwrap().is_ok());
    let writes = batch.into_writes();
    let cost = counted.cost();
    map.write(&writes);
    (cost, writes.len())
}

/// A store with a namespace of many items, another beside it, and some history.
fn store() -> MemoryMap {
    let mut map = MemoryMap::default();
    run(&mut map, 1, commit("shop", 0..ITEMS, "1"));
    run(&mut map, 2, commit("shopping", 0..ITEMS, "1"));
    for index in 3..100 {
        run(&mut map, index, commit("shop", std::iter::once(7), &index.to_string()));
    }
    map
}

#[test]
fn a_small_commit_is_a_handful_of_lookups() {
    let (cost, rows) = run(&mut store(), 100, commit("shop", std::iter::once(8), "2"));
    // The ledger, the request and the newest revision; then the head, the item, the settings and the defaults.
    assert_eq!(cost, Cost { gets: 3, cursors: 1, seeks: 4, steps: 0, graves: 0 });
    // Two versions and two changes of keys, the newest revision, the version's revision, two rows of the
    // request, the ledger.
    assert_eq!(rows, 9);
}

#[test]
fn a_rollback_walks_the_namespace_once_and_writes_what_differs() {
    let rollback = Rollback {
        namespace: namespace("shop"),
        to_version: Version::new(1),
        expected_version: None,
        authorship: Authorship::default(),
    };
    let (cost, rows) = run(&mut store(), 100, ConfigCommand::Rollback(rollback));
    assert_eq!(rows, 9, "one item differs");
    assert!(cost.steps <= ITEMS + 20 && cost.seeks <= 20 && cost.cursors <= 3, "{cost:?}");
}

#[test]
fn a_rollback_to_a_snapshot_walks_a_namespace_once() {
    let mut map = store();
    let (snapshot, authorship) = (PinName::parse("s").unwrap(), Authorship::default());
    let create = CreateSnapshot {
        snapshot: snapshot.clone(),
        namespaces: Some(vec![namespace("shop")]),
        revision: None,
        authorship: authorship.clone(),
    };
    run(&mut map, 100, ConfigCommand::CreateSnapshot(create));
    run(&mut map, 101, commit("shop", std::iter::once(ITEMS - 1), "2"));
    let rollback = RollbackSnapshot { snapshot, namespaces: None, authorship };
    let (cost, rows) = run(&mut map, 102, ConfigCommand::RollbackSnapshot(rollback));
    assert_eq!(rows, 9, "one item differs");
    assert!(cost.steps <= ITEMS + 20 && cost.seeks <= 20, "{cost:?}");
}

#[test]
fn a_difference_walks_the_namespace_once() {
    let map = store();
    let counted = Counted::new(&map);
    let query = DiffQuery {
        namespace: &namespace("shop"),
        from: Version::new(1),
        to: Version::new(50),
        key_prefix: "",
        after: None,
        changes_max: 10,
        size_bytes_max: usize::MAX,
    };
    let (changes, more) = diff(&counted, &query).unwrap().unwrap();
    assert_eq!((changes.len(), more), (1, false));
    let cost = counted.cost();
    assert!(cost.steps <= ITEMS + 20 && cost.seeks <= 20, "{cost:?}");
}

#[test]
fn a_page_of_history_reads_its_versions_only() {
    let map = store();
    let counted = Counted::new(&map);
    let query = HistoryQuery {
        namespace: &namespace("shop"),
        before: Some(Version::new(50)),
        page_max: 10,
        changes_max: Some(5),
    };
    let (page, more) = history(&counted, &query).unwrap().unwrap();
    assert_eq!((page.len(), more), (10, true));
    let cost = counted.cost();
    assert!(cost.gets <= 2 && cost.seeks <= 12 && cost.steps <= 40, "{cost:?}");
}

#[test]
fn an_old_item_is_found_without_walking() {
    let map = store();
    let counted = Counted::new(&map);
    let at = At::Version(Version::new(50));
    let (item, ..) = get_item(&counted, &namespace("shop"), &key(7), &at).unwrap().unwrap();
    assert_eq!(item.content.value, "51");
    assert_eq!(counted.cost(), Cost { gets: 1, cursors: 2, seeks: 2, steps: 0, graves: 0 });
}

#[test]
fn a_tag_costs_what_the_namespace_has_of_them() {
    let mut map = store();
    let set = |tag: &str| {
        let (tag, version) = (PinName::parse(tag).unwrap(), Some(Version::new(9)));
        let (namespace, authorship) = (namespace("shop"), Authorship::default());
        ConfigCommand::SetTag(SetTag { namespace, tag, version, may_move: false, authorship })
    };
    let (first, _) = run(&mut map, 100, set("first"));
    let (second, rows) = run(&mut map, 101, set("second"));
    assert!(first.steps == 0 && first.gets <= 5 && first.seeks <= 6, "{first:?}");
    assert!(second.steps <= first.steps + 3 && second.seeks <= first.seeks, "{second:?}");
    // The tag and its change, the newest revision, two rows of the request, the ledger.
    assert_eq!(rows, 6);
}

#[test]
fn what_is_known_of_a_namespace_is_three_lookups() {
    let map = store();
    let counted = Counted::new(&map);
    assert_eq!(get_namespace(&counted, &namespace("shop")).unwrap().unwrap().usage.items, ITEMS);
    // How far it was collected; the head and the settings.
    assert_eq!(counted.cost(), Cost { gets: 1, cursors: 2, seeks: 2, steps: 0, graves: 0 });
}

#[test]
fn the_version_at_a_time_is_found_by_halving() {
    let map = store();
    let counted = Counted::new(&map);
    let (_, version, _) = get_item(&counted, &namespace("shop"), &key(7), &At::Time(50)).unwrap().unwrap();
    assert_eq!(version, Version::new(49), "the second entry was of another namespace");
    // Of 98 versions seven are asked, each for its revision and its head.
    let cost = counted.cost();
    assert!(cost.gets <= 7 + 4 && cost.seeks <= 7 + 5 && cost.steps == 0, "{cost:?}");
}

#[test]
fn a_page_of_an_items_history_reads_its_changes_only() {
    let map = store();
    let counted = Counted::new(&map);
    let (shop, key) = (namespace("shop"), key(7));
    let query = ItemHistoryQuery {
        namespace: &shop,
        key: &key,
        before: Some(Revision::new(81)),
        page_max: 10,
        size_bytes_max: usize::MAX,
    };
    let (page, more) = item_history(&counted, &query).unwrap().unwrap();
    assert_eq!((page.len(), more), (10, true));
    let cost = counted.cost();
    assert!(cost.gets == 0 && cost.seeks <= 12 && cost.steps <= 16, "{cost:?}");

    // Values may be large: no more are read than a few beyond those that fill the page.
    let counted = Counted::new(&map);
    let full = ItemHistoryQuery { page_max: 1_000, size_bytes_max: 1, ..query };
    let (page, more) = item_history(&counted, &full).unwrap().unwrap();
    assert_eq!((page.len(), more), (1, true));
    assert!(counted.cost().steps <= 16, "{:?}", counted.cost());

    // All of it, a few at a time.
    let all = ItemHistoryQuery { before: None, page_max: 1_000, ..query };
    let (page, more) = item_history(&map, &all).unwrap().unwrap();
    let revisions: Vec<_> = page.iter().map(|change| change.version.revision.get()).collect();
    assert_eq!((revisions, more), ((4..101).rev().chain([2]).collect(), false));
}

#[test]
fn a_search_looks_at_no_more_than_it_may() {
    let map = store();
    for at in [Revision::new(100), Revision::new(51)] {
        let counted = Counted::new(&map);
        let query = SearchQuery {
            text: "nowhere",
            namespace_prefix: "",
            in_keys: true,
            in_values: true,
            ignore_case: false,
            after: None,
            at,
            matches_max: 10,
            items_max: 100,
            size_bytes_max: usize::MAX,
        };
        let page = search(&counted, &query).unwrap();
        assert!(page.matches.is_empty() && page.next.is_some());
        // The item that changed often is leapt over.
        let cost = counted.cost();
        assert!(cost.gets <= 2 && cost.seeks <= 6 && cost.steps <= 110, "{cost:?}");
    }
}

#[test]
fn namespaces_that_are_not_searched_are_leapt_over() {
    let map = store();
    let counted = Counted::new(&map);
    let query = SearchQuery {
        text: "key",
        namespace_prefix: "shop/",
        in_keys: true,
        in_values: true,
        ignore_case: true,
        after: None,
        at: Revision::new(99),
        matches_max: 10,
        items_max: usize::MAX,
        size_bytes_max: usize::MAX,
    };
    assert!(search(&counted, &query).unwrap().matches.is_empty());
    let cost = counted.cost();
    assert!(cost.seeks <= 3 && cost.steps == 0, "{cost:?}");
}

#[test]
fn a_snapshot_of_the_past_reads_the_snapshots_once() {
    let (namespaces, snapshots) = (40, 30);
    let mut map = MemoryMap::default();
    let mut index = 0;
    let mut tell = |map: &mut MemoryMap, command| {
        index += 1;
        run(map, index, command)
    };
    let retention = Retention { versions: Some(1), days: Some(0) };
    let defaults = Defaults { retention, ..Defaults::default() };
    let authorship = Authorship::default();
    let update = UpdateDefaults { defaults, authorship: authorship.clone() };
    tell(&mut map, ConfigCommand::UpdateDefaults(update));
    let snapshot = |number: u64, revision: Option<u64>| {
        let snapshot = PinName::parse(&format!("s{number}")).unwrap();
        let (revision, authorship) = (revision.map(Revision::new), authorship.clone());
        ConfigCommand::CreateSnapshot(CreateSnapshot { snapshot, namespaces: None, revision, authorship })
    };
    let name = |number: u64| format!("n{number:02}");
    for number in 0..namespaces {
        tell(&mut map, commit(&name(number), 0..1, "1"));
    }
    // The first is of the revision that is asked for, and keeps what was the newest then.
    for number in 0..snapshots {
        tell(&mut map, snapshot(number, None));
    }
    for value in ["2", "3"] {
        for number in 0..namespaces {
            tell(&mut map, commit(&name(number), 0..1, value));
        }
    }
    for number in 0..namespaces {
        let step = CollectStep { namespace: namespace(&name(number)), rows_max: 100 };
        tell(&mut map, ConfigCommand::CollectStep(step));
    }
    let (cost, _) = tell(&mut map, snapshot(snapshots, Some(namespaces + 2)));
    assert!(cost.steps <= 4 * (namespaces + snapshots) && cost.seeks <= 6 * namespaces, "{cost:?}");
}

/// Deletes these items.
fn deletion(name: &str, numbers: impl Iterator<Item = u64>) -> ConfigCommand {
    let edit = |number| Edit { key: key(number), expected_mod_revision: None, action: Action::Delete };
    let edits = NamespaceEdits {
        namespace: namespace(name),
        expected_version: None,
        create_if_missing: false,
        edits: numbers.map(edit).collect(),
    };
    ConfigCommand::Commit(Commit { namespaces: vec![edits], authorship: Authorship::default() })
}

#[test]
fn deleted_items_bound_a_page_like_others() {
    let items = KEYS_A_PAGE_MAX as u64 + 50;
    let mut map = MemoryMap::default();
    run(&mut map, 1, commit("shop", 0..items, "1"));
    run(&mut map, 2, deletion("shop", 0..items - 1));

    let counted = Counted::new(&map);
    let shop = namespace("shop");
    let query = ItemQuery {
        namespace: &shop,
        key_prefix: "",
        after: None,
        at: At::Now,
        records_max: 10,
        size_bytes_max: usize::MAX,
        keys_only: false,
    };
    let page = list_items(&counted, &query).unwrap().unwrap();
    assert!(page.items.is_empty() && page.next.is_some());
    assert!(counted.cost().steps <= 3 * KEYS_A_PAGE_MAX as u64, "{:?}", counted.cost());
    let rest = list_items(&counted, &ItemQuery { after: page.next.as_deref(), ..query }).unwrap().unwrap();
    assert_eq!((rest.items.len(), rest.next), (1, None));

    let counted = Counted::new(&map);
    let query = SearchQuery {
        text: "key",
        namespace_prefix: "",
        in_keys: true,
        in_values: false,
        ignore_case: false,
        after: None,
        at: Revision::new(3),
        matches_max: 10,
        items_max: 100,
        size_bytes_max: usize::MAX,
    };
    let page = search(&counted, &query).unwrap();
    assert!(page.matches.is_empty());
    assert_eq!(page.next, Some((namespace("shop"), key(99).to_string())));
    assert!(counted.cost().steps <= 300, "{:?}", counted.cost());
}

#[test]
fn deleted_namespaces_bound_a_page_like_others() {
    let names: Vec<_> = (0..KEYS_A_PAGE_MAX + 50).map(|number| format!("n{number:05}")).collect();
    let edits = |name: &String| NamespaceEdits {
        namespace: namespace(name),
        expected_version: None,
        create_if_missing: true,
        edits: Vec::new(),
    };
    let (namespaces, authorship) = (names.iter().map(edits).collect(), Authorship::default());
    let mut map = MemoryMap::default();
    run(&mut map, 1, ConfigCommand::Commit(Commit { namespaces, authorship: authorship.clone() }));
    for (index, name) in (2..).zip(&names[1..]) {
        let (namespace, authorship) = (namespace(name), authorship.clone());
        let delete = DeleteNamespace { namespace, expected_version: None, authorship };
        run(&mut map, index, ConfigCommand::DeleteNamespace(delete));
    }
    let query = NamespaceQuery {
        prefix: "",
        after: None,
        at: Revision::MAX,
        namespaces_max: 10,
        size_bytes_max: usize::MAX,
    };
    let page = list_namespaces(&map, &query).unwrap();
    assert_eq!((page.namespaces.len(), page.next.as_ref()), (1, names.get(KEYS_A_PAGE_MAX - 1)));
    let rest = list_namespaces(&map, &NamespaceQuery { after: page.next.as_deref(), ..query }).unwrap();
    assert_eq!(rest, NamespacePage::default());
}
