//! Tags and snapshots over a store in memory.

use conclave_core::{Answer, Outcome};

use super::*;
use crate::config_wire::OneItem;
use crate::config_wire::tests::Store;
use crate::fields::tests::told;

fn limits() -> Limits {
    Limits::default()
}

fn outcome(answer: Answer) -> ConfigOutcome {
    match answer.unwrap() {
        Outcome::Config(outcome) => outcome,
        other => panic!("not of the configuration: {other:?}"),
    }
}

fn tag(store: &mut Store, tag: &str, version: u64, may_move: bool) -> Answer {
    let request = wire::SetTagRequest {
        namespace: "a".into(),
        tag: tag.into(),
        version,
        r#move: may_move,
        ..Default::default()
    };
    store.write(set_tag(request, &limits()))
}

fn snapshot_request(namespaces: &[&str], all_namespaces: bool) -> wire::CreateSnapshotRequest {
    wire::CreateSnapshotRequest {
        snapshot: "s".into(),
        namespaces: namespaces.iter().map(|name| (*name).to_owned()).collect(),
        all_namespaces,
        ..Default::default()
    }
}

fn filled() -> Store {
    let mut store = Store::default();
    for (namespace, value) in [("a", "one"), ("a", "two"), ("b", "one"), ("c", "one")] {
        store.put(namespace, "k", value);
    }
    store
}

#[test]
fn tags_are_set_moved_listed_and_deleted() {
    let mut store = filled();
    let set = set_tag_response(outcome(tag(&mut store, "live", 1, false))).unwrap().tag.unwrap();
    assert_eq!((set.name.as_str(), set.version, set.revision), ("live", 1, store.newest()));
    assert_eq!(tag(&mut store, "live", 2, false).unwrap_err().reason(), "tag-exists");
    let moved = set_tag_response(outcome(tag(&mut store, "live", 0, true))).unwrap().tag.unwrap();
    assert_eq!(moved.version, 2, "no version means the newest");
    tag(&mut store, "first", 1, false).unwrap();

    let mut request = wire::ListTagsRequest { namespace: "a".into(), page_size: 1, ..Default::default() };
    let page = |request: &wire::ListTagsRequest| {
        Tags::parse(request.clone(), &limits()).unwrap().answer(&store.map).unwrap().unwrap()
    };
    let first = page(&request);
    request.page_token = first.next_page_token;
    let second = page(&request);
    let names = [&first.tags[0].name, &second.tags[0].name];
    assert_eq!((names, second.next_page_token.as_str()), ([&"first".into(), &"live".into()], ""));
    let other = wire::ListTagsRequest { namespace: "b".into(), ..request };
    assert!(matches!(Tags::parse(other, &limits()), Err(Refusal::PageTokenInvalid)));

    let request = wire::DeleteTagRequest { namespace: "a".into(), tag: "live".into(), authorship: None };
    let deleted = outcome(store.write(delete_tag(request.clone(), &limits())));
    assert_eq!(delete_tag_response(deleted).unwrap().tag.unwrap().version, 2);
    let again = store.write(delete_tag(request, &limits()));
    assert_eq!(again.unwrap_err().reason(), "tag-not-found");
}

#[test]
fn a_snapshot_is_made_read_gone_back_to_and_deleted() {
    let mut store = filled();
    let made = outcome(store.write(create_snapshot(snapshot_request(&[], true), &limits())));
    let made = create_snapshot_response(made).unwrap().snapshot.unwrap();
    assert_eq!((made.namespaces, made.all_namespaces), (3, true));
    store.put("a", "k", "three");
    store.put("d", "k", "later");

    let request = wire::RollbackSnapshotRequest { snapshot: "s".into(), ..Default::default() };
    let restored = outcome(store.write(rollback_snapshot(request, &limits())));
    let id = RequestId::parse("id-1").unwrap();
    let restored = rollback_snapshot_response(restored, &id).unwrap();
    assert_eq!((restored.namespaces_changed, restored.namespaces_unchanged), (1, 2));
    assert_eq!((restored.versions[0].version, restored.revision), (4, store.newest()));

    let at = Some(wire::At { moment: Some(wire::at::Moment::Snapshot("s".into())) });
    let get = |namespace: &str| wire::GetRequest {
        namespace: namespace.into(),
        key: "k".into(),
        at: at.clone(),
        ..Default::default()
    };
    let read = |namespace: &str| {
        let (query, _) = OneItem::parse(get(namespace), &limits()).unwrap();
        query.answer(&store.map).unwrap().map(|response| response.version)
    };
    assert_eq!(read("a"), Ok(2));
    assert_eq!(read("d").unwrap_err().reason(), "not-in-snapshot");

    let request = wire::DeleteSnapshotRequest { snapshot: "s".into(), authorship: None };
    let deleted = outcome(store.write(delete_snapshot(request.clone(), &limits())));
    assert_eq!(delete_snapshot_response(deleted).unwrap().snapshot.unwrap(), made);
    let again = store.write(delete_snapshot(request, &limits()));
    assert_eq!(again.unwrap_err().reason(), "snapshot-not-found");
}

#[test]
fn the_namespaces_of_a_snapshot_come_page_by_page() {
    let mut store = filled();
    store.write(create_snapshot(snapshot_request(&["c", "a"], false), &limits())).unwrap();
    store.put("a", "k", "three");
    store.delete("c");
    let mut request =
        wire::ListSnapshotNamespacesRequest { snapshot: "s".into(), page_size: 1, ..Default::default() };
    let page = |request: &wire::ListSnapshotNamespacesRequest| {
        SnapshotNamespaces::parse(request.clone(), &limits()).unwrap().answer(&store.map).unwrap().unwrap()
    };
    let first = page(&request);
    request.page_token = first.next_page_token;
    let second = page(&request);
    let told = |held: &wire::SnapshotNamespace| {
        (held.namespace.clone(), held.version, held.newest_version, held.deleted)
    };
    assert_eq!(told(&first.namespaces[0]), ("a".into(), 2, 3, false));
    assert_eq!(told(&second.namespaces[0]), ("c".into(), 1, 2, true));
    assert_eq!(second.next_page_token, "");

    let request = wire::ListSnapshotsRequest::default();
    let listed = Snapshots::parse(&request, &limits()).unwrap().answer(&store.map).unwrap().unwrap();
    assert_eq!((listed.snapshots.len(), listed.snapshots[0].namespaces), (1, 2));
}

#[test]
fn all_mistakes_are_told_at_once() {
    let authorship = Some(wire::Authorship { author: "a".repeat(257), ..Default::default() });
    let request = wire::SetTagRequest {
        namespace: String::new(),
        tag: "a/b".into(),
        authorship: authorship.clone(),
        ..Default::default()
    };
    let fields = |told: Vec<String>| -> Vec<String> {
        told.iter().filter_map(|it| it.split(':').next()).map(str::to_owned).collect()
    };
    assert_eq!(fields(told(set_tag(request, &limits()))), ["namespace", "tag", "authorship.author"]);
    let request = wire::CreateSnapshotRequest {
        snapshot: "s".repeat(129),
        namespaces: vec!["a".into(), "b//c".into()],
        authorship,
        ..Default::default()
    };
    let told = told(create_snapshot(request, &limits()));
    assert_eq!(fields(told), ["snapshot", "namespaces[1]", "authorship.author"]);
}

#[test]
fn a_snapshot_is_of_all_or_of_some() {
    assert!(create_snapshot(snapshot_request(&["a"], false), &limits()).is_ok());
    assert!(create_snapshot(snapshot_request(&[], true), &limits()).is_ok());
    let neither = told(create_snapshot(snapshot_request(&[], false), &limits()));
    assert_eq!(neither, ["namespaces: there are none: name some, or set all_namespaces"]);
    let both = told(create_snapshot(snapshot_request(&["a"], true), &limits()));
    assert_eq!(both, ["all_namespaces: some are named as well: choose one of the two"]);
}

#[test]
fn too_many_namespaces_are_refused_unread() {
    let namespaces = vec!["a".to_owned(); 10_001];
    let request = wire::RollbackSnapshotRequest { snapshot: "s".into(), namespaces, ..Default::default() };
    let told = told(rollback_snapshot(request, &limits()));
    assert_eq!(told, ["namespaces: there are 10001, of which 10000 are allowed"]);
}
