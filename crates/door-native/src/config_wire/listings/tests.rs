//! Listings over a store in memory: all pages together are the whole, at the revision of the first.

use prost::Message as _;

use super::*;
use crate::config_wire::tests::Store;
use crate::config_wire::{create_snapshot, delete_snapshot};
use crate::fields::tests::told;

fn limits() -> Limits {
    Limits::default()
}

fn items_page(store: &Store, request: &wire::ListRequest) -> wire::ListResponse {
    Items::parse(request.clone(), &limits()).unwrap().answer(&store.map).unwrap().unwrap()
}

fn keys(page: &wire::ListResponse) -> Vec<&str> {
    page.items.iter().map(|item| item.key.as_str()).collect()
}

fn filled() -> Store {
    let mut store = Store::default();
    for key in ["a", "b", "c", "d", "e"] {
        store.put("ns", key, key);
    }
    store
}

fn two_items() -> wire::ListRequest {
    wire::ListRequest { namespace: "ns".into(), page_size: 2, ..Default::default() }
}

#[test]
fn pages_of_items_stay_at_the_revision_of_the_first() {
    let mut store = filled();
    let mut request = two_items();
    let first = items_page(&store, &request);
    assert_eq!((keys(&first), first.version, first.store_revision), (vec!["a", "b"], 5, 6));

    store.put("ns", "bb", "new");
    store.remove("ns", "c");
    request.page_token = first.next_page_token;
    let second = items_page(&store, &request);
    assert_eq!((keys(&second), second.version, second.store_revision), (vec!["c", "d"], 5, 6));

    store.delete("ns");
    request.page_token = second.next_page_token;
    let last = items_page(&store, &request);
    assert_eq!((keys(&last), last.next_page_token.as_str()), (vec!["e"], ""));
}

#[test]
fn items_are_listed_at_any_moment_also_page_by_page() {
    let mut store = filled();
    store.delete("ns");
    let at = |moment| Some(wire::At { moment: Some(moment) });
    let mut request = wire::ListRequest { at: at(wire::at::Moment::Version(3)), ..two_items() };
    let first = items_page(&store, &request);
    assert_eq!((keys(&first), first.version, first.store_revision), (vec!["a", "b"], 3, 4));
    request.page_token = first.next_page_token;
    assert_eq!(keys(&items_page(&store, &request)), ["c"]);

    let now = Items::parse(two_items(), &limits()).unwrap().answer(&store.map).unwrap();
    assert_eq!(now.unwrap_err().reason(), "namespace-not-found");
    let future = wire::ListRequest { at: at(wire::at::Moment::Revision(99)), ..two_items() };
    let future = Items::parse(future, &limits()).unwrap().answer(&store.map).unwrap();
    assert_eq!(future.unwrap_err().reason(), "revision-not-found");
}

fn snapshot(store: &mut Store, name: &str) {
    let request =
        wire::CreateSnapshotRequest { snapshot: name.into(), all_namespaces: true, ..Default::default() };
    store.write(create_snapshot(request, &limits())).unwrap();
}

#[test]
fn pages_of_a_snapshot_stay_with_it_when_another_takes_its_name() {
    let mut store = filled();
    snapshot(&mut store, "s");
    let moment = Some(wire::at::Moment::Snapshot("s".into()));
    let mut request = wire::ListRequest { at: Some(wire::At { moment }), ..two_items() };
    let first = items_page(&store, &request);
    assert_eq!((keys(&first), first.version), (vec!["a", "b"], 5));

    let gone = wire::DeleteSnapshotRequest { snapshot: "s".into(), authorship: None };
    store.write(delete_snapshot(gone, &limits())).unwrap();
    store.remove("ns", "c");
    snapshot(&mut store, "s");
    request.page_token = first.next_page_token;
    let second = items_page(&store, &request);
    let told = (keys(&second), second.version, second.store_revision);
    assert_eq!(told, (vec!["c", "d"], 5, first.store_revision));
}

#[test]
fn items_can_be_narrowed_and_come_without_values() {
    let mut store = filled();
    store.put("ns", "ab", "value");
    let request = wire::ListRequest {
        namespace: "ns".into(),
        key_prefix: "a".into(),
        keys_only: true,
        ..Default::default()
    };
    let page = items_page(&store, &request);
    assert_eq!((keys(&page), page.next_page_token.as_str()), (vec!["a", "ab"], ""));
    assert!(page.items.iter().all(|item| item.value.is_empty() && item.content_type == "text/plain"));
}

#[test]
fn a_page_of_items_is_cut_at_its_size() {
    let mut store = Store::default();
    for key in ["a", "b", "c", "d"] {
        store.put("ns", key, &"v".repeat(400_000));
    }
    let request = wire::ListRequest { namespace: "ns".into(), ..Default::default() };
    let page = items_page(&store, &request);
    assert_eq!(keys(&page), ["a", "b", "c"]);
    assert!(!page.next_page_token.is_empty());
}

#[test]
fn a_token_fits_its_own_listing_only_but_any_page_size_and_consistency() {
    let store = filled();
    let token = items_page(&store, &two_items()).next_page_token;
    let with_token = wire::ListRequest { page_token: token, ..two_items() };
    for changed in [
        wire::ListRequest { namespace: "other".into(), ..with_token.clone() },
        wire::ListRequest { key_prefix: "a".into(), ..with_token.clone() },
        wire::ListRequest { keys_only: true, ..with_token.clone() },
        wire::ListRequest {
            at: Some(wire::At { moment: Some(wire::at::Moment::Version(2)) }),
            ..with_token.clone()
        },
        wire::ListRequest { page_token: "nonsense".into(), ..with_token.clone() },
    ] {
        assert!(matches!(Items::parse(changed, &limits()), Err(Refusal::PageTokenInvalid)));
    }
    let smaller = wire::ListRequest { page_size: 1, consistency: 2, ..with_token };
    let page = Items::parse(smaller, &limits()).unwrap();
    assert_eq!((page.revision_min(), page.consistency), (Revision::new(6), Consistency::Local));
    assert_eq!(keys(&page.answer(&store.map).unwrap().unwrap()), ["c"]);
}

#[test]
fn namespaces_come_in_order_without_the_deleted_ones() {
    let mut store = Store::default();
    for name in ["b", "a/x", "a/y", "a", "gone"] {
        store.create(name);
    }
    store.delete("gone");
    let mut request = wire::ListNamespacesRequest { page_size: 2, ..Default::default() };
    let mut names = Vec::new();
    loop {
        let page = Namespaces::parse(request.clone(), &limits()).unwrap();
        let page = page.answer(&store.map).unwrap().unwrap();
        assert_eq!(page.store_revision, 7);
        names.extend(page.namespaces.into_iter().map(|it| it.name));
        // What happens between two pages is not seen.
        store.create(&format!("b{}", names.len()));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(names, ["a", "a/x", "a/y", "b"]);

    let request = wire::ListNamespacesRequest { prefix: "a/".into(), ..Default::default() };
    let page = Namespaces::parse(request, &limits()).unwrap().answer(&store.map).unwrap().unwrap();
    let names: Vec<_> =
        page.namespaces.iter().map(|it| (it.name.as_str(), it.description.as_str())).collect();
    assert_eq!(names, [("a/x", "about a/x"), ("a/y", "about a/y")]);
}

fn versions(store: &Store, request: wire::HistoryRequest) -> wire::HistoryResponse {
    Versions::parse(request, &limits()).unwrap().answer(&store.map).unwrap().unwrap()
}

#[test]
fn history_goes_back_page_by_page_also_of_a_deleted_namespace() {
    let mut store = filled();
    store.delete("ns");
    let mut request = wire::HistoryRequest {
        namespace: "ns".into(),
        page_size: 4,
        with_changes: true,
        ..Default::default()
    };
    let first = versions(&store, request.clone());
    let numbers: Vec<_> = first.versions.iter().map(|it| (it.version, it.deleted_namespace)).collect();
    assert_eq!(numbers, [(6, true), (5, false), (4, false), (3, false)]);
    assert_eq!(first.versions[0].changes.len(), 5);
    let change = &first.versions[1].changes[0];
    assert_eq!((change.key.as_str(), change.kind()), ("e", wire::ChangeKind::Added));

    store.put("ns", "again", "v");
    request.page_token = first.next_page_token;
    let last = versions(&store, request);
    let numbers: Vec<_> = last.versions.iter().map(|it| it.version).collect();
    assert_eq!((numbers, last.next_page_token.as_str()), (vec![2, 1], ""));
}

#[test]
fn history_without_changes_tells_none() {
    let store = filled();
    let request = wire::HistoryRequest { namespace: "ns".into(), ..Default::default() };
    let page = versions(&store, request);
    assert_eq!(page.versions.len(), 5);
    assert!(page.versions.iter().all(|it| it.changes.is_empty() && it.added == 1));
}

fn differences(store: &Store, request: &wire::DiffRequest) -> wire::DiffResponse {
    Differences::parse(request.clone(), &limits()).unwrap().answer(&store.map).unwrap().unwrap()
}

#[test]
fn a_difference_stays_with_the_version_that_was_the_newest_at_first() {
    let mut store = filled();
    store.put("ns", "a", "changed");
    store.remove("ns", "b");
    let mut request =
        wire::DiffRequest { namespace: "ns".into(), from_version: 4, page_size: 2, ..Default::default() };
    let first = differences(&store, &request);
    let told = |page: &wire::DiffResponse| -> Vec<_> {
        page.changes
            .iter()
            .map(|it| (it.key.clone(), it.kind(), it.before.is_some(), it.after.is_some()))
            .collect()
    };
    let change = |key: &str, kind, before, after| (key.to_owned(), kind, before, after);
    assert_eq!((first.from_version, first.to_version), (4, 7));
    assert_eq!(
        told(&first),
        [
            change("a", wire::ChangeKind::Changed, true, true),
            change("b", wire::ChangeKind::Deleted, true, false)
        ]
    );

    store.remove("ns", "e");
    request.page_token = first.next_page_token;
    let last = differences(&store, &request);
    assert_eq!((last.to_version, last.next_page_token.as_str()), (7, ""));
    assert_eq!(told(&last), [change("e", wire::ChangeKind::Added, false, true)]);
}

#[test]
fn a_page_of_differences_keeps_its_size_on_the_wire_or_has_one() {
    let mut store = Store::default();
    let value = |letter: &str, size_bytes: usize| letter.repeat(size_bytes);
    let sizes = [("a", 700_000), ("b", 700_000), ("c", 300_000), ("d", 1 << 20), ("e", 10)];
    for letter in ["x", "y"] {
        sizes.iter().for_each(|(key, size_bytes)| store.put("ns", key, &value(letter, *size_bytes)));
    }
    let mut request = wire::DiffRequest { namespace: "ns".into(), from_version: 5, ..Default::default() };
    let mut pages = Vec::new();
    loop {
        let page = differences(&store, &request);
        let size_bytes = page.changes.iter().map(wire::ItemChange::encoded_len).sum::<usize>();
        assert!(size_bytes <= Limits::DIFF_PAGE_SIZE_BYTES_MAX || page.changes.len() == 1, "{size_bytes}");
        pages.push(page.changes.iter().map(|change| change.key.as_str()).collect::<String>());
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(pages, ["a", "bc", "d", "e"].map(String::from));
}

#[test]
fn a_difference_from_nothing_is_everything() {
    let store = filled();
    let request = wire::DiffRequest { namespace: "ns".into(), to_version: 2, ..Default::default() };
    let page = differences(&store, &request);
    assert_eq!((page.from_version, page.to_version, page.changes.len()), (0, 2, 2));
    let beyond = wire::DiffRequest { to_version: 99, ..request };
    let refused = Differences::parse(beyond, &limits()).unwrap().answer(&store.map).unwrap();
    assert_eq!(refused.unwrap_err().reason(), "version-not-found");
}

#[test]
fn all_mistakes_of_a_listing_are_told_at_once() {
    let small = Limits { key_size_bytes_max: 2, ..limits() };
    let request = wire::ListRequest {
        namespace: "a b".into(),
        key_prefix: "abc".into(),
        at: Some(wire::At { moment: Some(wire::at::Moment::Revision(0)) }),
        consistency: 5,
        ..Default::default()
    };
    let fields: Vec<String> = told(Items::parse(request, &small))
        .iter()
        .filter_map(|it| it.split(':').next().map(Into::into))
        .collect();
    assert_eq!(fields, ["namespace", "key_prefix", "at.revision", "consistency"]);
    let prefix = wire::ListNamespacesRequest { prefix: "p".repeat(257), ..Default::default() };
    assert_eq!(
        told(Namespaces::parse(prefix, &small)),
        ["prefix: it takes 257 bytes, of which 256 are allowed: shorten it"]
    );
}
