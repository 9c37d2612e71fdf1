//! Changes of items, and searches, over a store in memory.

use super::*;
use crate::config_wire::tests::Store;
use crate::fields::tests::told;

fn changes(store: &Store, request: &wire::ItemHistoryRequest) -> wire::ItemHistoryResponse {
    ItemChanges::parse(request.clone(), &Limits::default()).unwrap().answer(&store.map).unwrap().unwrap()
}

fn search_page(store: &Store, request: &wire::SearchRequest) -> wire::SearchResponse {
    Search::parse(request.clone(), &Limits::default()).unwrap().answer(&store.map).unwrap().unwrap()
}

/// All pages of a search: how many there were, and where matches were found.
fn search_all(store: &Store, mut request: wire::SearchRequest) -> (usize, Vec<String>) {
    let (mut pages, mut places) = (0, Vec::new());
    loop {
        let page = search_page(store, &request);
        pages += 1;
        let item = |found: &wire::Match| found.item.clone().unwrap_or_default().key;
        places.extend(page.matches.iter().map(|found| format!("{}:{}", found.namespace, item(found))));
        if page.next_page_token.is_empty() {
            return (pages, places);
        }
        request.page_token = page.next_page_token;
    }
}

fn history_of(key: &str, page_size: u32) -> wire::ItemHistoryRequest {
    wire::ItemHistoryRequest { namespace: "ns".into(), key: key.into(), page_size, ..Default::default() }
}

fn text(text: &str) -> wire::SearchRequest {
    wire::SearchRequest { text: text.into(), ..Default::default() }
}

#[test]
fn an_item_is_followed_back_page_by_page() {
    let mut store = Store::default();
    store.put("ns", "k", "one");
    store.put("ns", "other", "x");
    store.put("ns", "k", "two");
    store.remove("ns", "k");
    store.put("ns", "k", "three");

    let mut request = history_of("k", 2);
    let first = changes(&store, &request);
    let told = |page: &wire::ItemHistoryResponse| -> Vec<_> {
        let told = page.revisions.iter().map(|it| {
            let value = it.item.as_ref().map(|item| item.value.clone());
            (it.version.as_ref().unwrap().version, it.kind(), value)
        });
        told.collect()
    };
    assert_eq!(
        told(&first),
        [(5, wire::ChangeKind::Added, Some("three".into())), (4, wire::ChangeKind::Deleted, None)]
    );
    request.page_token = first.next_page_token;
    let last = changes(&store, &request);
    assert_eq!(
        told(&last),
        [
            (3, wire::ChangeKind::Changed, Some("two".into())),
            (1, wire::ChangeKind::Added, Some("one".into()))
        ]
    );
    assert_eq!(last.next_page_token, "");
}

#[test]
fn pages_of_an_item_are_cut_by_size_and_lose_nothing() {
    let mut store = Store::default();
    for number in 0..7 {
        store.put("ns", "k", &format!("{number}").repeat(400 << 10));
    }
    let (mut request, mut sizes, mut seen) = (history_of("k", 0), Vec::new(), Vec::new());
    loop {
        let page = changes(&store, &request);
        sizes.push(page.revisions.len());
        seen.extend(page.revisions.iter().map(|it| it.version.as_ref().unwrap().version));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!((sizes, seen), (vec![3, 3, 1], vec![7, 6, 5, 4, 3, 2, 1]));
}

#[test]
fn an_item_that_never_was_has_no_history() {
    let mut store = Store::default();
    store.put("ns", "k", "v");
    let ask = |namespace: &str, key: &str| {
        let request = wire::ItemHistoryRequest { namespace: namespace.into(), ..history_of(key, 0) };
        let page = ItemChanges::parse(request, &Limits::default()).unwrap();
        page.answer(&store.map).unwrap().unwrap_err().reason()
    };
    assert_eq!((ask("ns", "never"), ask("nowhere", "k")), ("key-not-found", "namespace-not-found"));
}

#[test]
fn a_search_finds_keys_and_values_page_by_page() {
    let mut store = Store::default();
    store.put("a/prod", "db.url", "postgres://db-1");
    store.put("a/prod", "name", "Database");
    store.put("b/prod", "cache", "redis");
    store.put("b/prod", "url", "http://db-1");

    let all = ["a/prod:db.url", "a/prod:name", "b/prod:url"];
    let insensitive = wire::SearchRequest { ignore_case: true, page_size: 1, ..text("D") };
    let (_, places) = search_all(&store, insensitive);
    assert_eq!(places, ["a/prod:db.url", "a/prod:name", "b/prod:cache", "b/prod:url"]);
    let (_, places) = search_all(&store, wire::SearchRequest { page_size: 1, ..text("db") });
    assert_eq!(places, [all[0], all[2]]);
    let (_, places) = search_all(&store, wire::SearchRequest { in_keys: true, ..text("url") });
    assert_eq!(places, [all[0], all[2]]);
    let (_, places) = search_all(&store, wire::SearchRequest { namespace_prefix: "b/".into(), ..text("db") });
    assert_eq!(places, [all[2]]);

    let one = search_page(&store, &text("db"));
    let found = &one.matches[0];
    assert_eq!((found.key_matches, found.value_matches, found.value_omitted), (true, true, false));
    assert_eq!(one.store_revision, store.newest());
}

#[test]
fn later_pages_stay_at_the_revision_of_the_first() {
    let mut store = Store::default();
    store.put("ns", "a", "x");
    store.put("ns", "c", "x");
    let mut request = wire::SearchRequest { page_size: 1, ..text("x") };
    let first = search_page(&store, &request);
    store.put("ns", "b", "x");
    store.remove("ns", "c");
    request.page_token = first.next_page_token;
    let (_, rest) = search_all(&store, request);
    assert_eq!(rest, ["ns:c"]);
}

#[test]
fn a_page_of_matches_is_cut_by_size_and_large_values_are_left_out() {
    let mut store = Store::default();
    let value = "v".repeat(Limits::MATCH_VALUE_SIZE_BYTES_MAX);
    for number in 0..300 {
        store.put("ns", &format!("k{number:03}"), &value);
    }
    store.put("ns", "large", &format!("{value}v"));
    let request = wire::SearchRequest { page_size: 1_000, ..text("v") };
    let first = search_page(&store, &request);
    assert!(first.matches.len() < 300, "{} matches of 4 KiB", first.matches.len());
    let (pages, places) = search_all(&store, request);
    assert_eq!((pages, places.len()), (2, 301));

    let large = search_page(&store, &text("large"));
    let found = &large.matches[0];
    assert!(found.value_omitted && found.item.as_ref().unwrap().value.is_empty());
}

#[test]
fn a_search_needs_a_text_within_bounds() {
    let limits = Limits::default();
    assert!(Search::parse(text(&"t".repeat(256)), &limits).is_ok());
    let empty = told(Search::parse(text(""), &limits));
    assert_eq!(empty, ["text: it is empty: give at least one character"]);
    let prefix = wire::SearchRequest { namespace_prefix: "n".repeat(257), ..text(&"t".repeat(257)) };
    assert_eq!(
        told(Search::parse(prefix, &limits)),
        [
            "text: it takes 257 bytes, of which 256 are allowed: shorten it",
            "namespace_prefix: it takes 257 bytes, of which 256 are allowed: shorten it",
        ]
    );
}

#[test]
fn without_a_place_both_are_searched() {
    let parse = |in_keys, in_values| {
        let request = wire::SearchRequest { in_keys, in_values, ..text("t") };
        let page = Search::parse(request, &Limits::default()).unwrap();
        (page.query.in_keys, page.query.in_values)
    };
    assert_eq!(parse(false, false), (true, true));
    assert_eq!(parse(true, false), (true, false));
    assert_eq!(parse(false, true), (false, true));
}
