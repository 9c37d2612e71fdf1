//! A store in memory for tests of queries and answers: what it holds came in by applied entries.

use bytes::Bytes;
use conclave_core::config::ConfigOutcome;
use conclave_core::{Answer, EntryContext, EntryKind, Outcome, Proposal, RequestId, apply, encode_proposal};
use conclave_door::{Limits, Refusal};
use conclave_mvcc::{Batch, MemoryMap, newest_revision};
use conclave_proto::config::v1 as wire;

use super::*;

/// A store whose entries come from requests, as a node's do.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) map: MemoryMap,
    entries: u64,
}

impl Store {
    /// Applies a write.
    pub(crate) fn write(&mut self, write: Result<Write, Refusal>) -> Answer {
        let Write { request_id, command, .. } = write.expect("the request keeps the rules");
        self.entries += 1;
        let proposal = Proposal { request_id, time_ms: 1_000, command };
        let entry = encode_proposal(&proposal);
        let mut batch = Batch::new(&self.map);
        let context = EntryContext { index: self.entries, term: 1 };
        let applied = apply(&mut batch, context, EntryKind::Proposal(&entry)).unwrap();
        let writes = batch.into_writes();
        self.map.write(&writes);
        applied.answer.expect("a proposal is answered")
    }

    pub(crate) fn create(&mut self, namespace: &str) {
        let request = wire::CreateNamespaceRequest {
            namespace: namespace.into(),
            description: format!("about {namespace}"),
            ..Default::default()
        };
        self.write(create_namespace(request, &Limits::default())).unwrap();
    }

    /// Sets one item, in a namespace that is made if need be.
    pub(crate) fn put(&mut self, namespace: &str, key: &str, value: &str) {
        let value = Bytes::copy_from_slice(value.as_bytes());
        let put = wire::PutItem { value, ..Default::default() };
        self.edit(namespace, key, wire::edit::Action::Put(put));
    }

    pub(crate) fn remove(&mut self, namespace: &str, key: &str) {
        self.edit(namespace, key, wire::edit::Action::Delete(wire::DeleteItem {}));
    }

    fn edit(&mut self, namespace: &str, key: &str, action: wire::edit::Action) {
        let edit = wire::Edit { key: key.into(), action: Some(action), expected_mod_revision: None };
        let edits = wire::NamespaceEdits {
            namespace: namespace.into(),
            edits: vec![edit],
            expected_version: None,
            create_if_missing: true,
        };
        let request = wire::CommitRequest { namespaces: vec![edits], ..Default::default() };
        self.write(commit(request, &Limits::default())).unwrap();
    }

    pub(crate) fn delete(&mut self, namespace: &str) {
        let request = wire::DeleteNamespaceRequest { namespace: namespace.into(), ..Default::default() };
        self.write(delete_namespace(request, &Limits::default())).unwrap();
    }

    pub(crate) fn newest(&self) -> u64 {
        newest_revision(&self.map).unwrap().get()
    }
}

fn outcome(answer: Answer) -> ConfigOutcome {
    match answer.unwrap() {
        Outcome::Config(outcome) => outcome,
        other => panic!("not of the configuration: {other:?}"),
    }
}

#[test]
fn a_request_comes_back_as_an_answer() {
    let mut store = Store::default();
    let request = wire::CreateNamespaceRequest {
        namespace: "a/b".into(),
        description: "first".into(),
        ..Default::default()
    };
    let answer = store.write(create_namespace(request, &Limits::default()));
    let created = create_response(outcome(answer)).unwrap().namespace.unwrap();
    assert_eq!((created.name.as_str(), created.version, created.revision), ("a/b", 0, 2));
    assert_eq!((created.description.as_str(), created.time_ms), ("first", 1_000));

    store.put("a/b", "k", "v");
    let request = wire::RollbackRequest { namespace: "a/b".into(), to_version: 1, ..Default::default() };
    let answer = store.write(rollback(request, &Limits::default()));
    let id = RequestId::parse("id-1").unwrap();
    let response = rollback_response(outcome(answer), &id).unwrap();
    assert_eq!((response.committed.unwrap().version, response.revision), (2, 4));

    let request = wire::DeleteNamespaceRequest { namespace: "a/b".into(), ..Default::default() };
    let answer = store.write(delete_namespace(request, &Limits::default()));
    let response = delete_response(outcome(answer), &id).unwrap();
    assert_eq!((response.revision, response.time_ms, response.request_id.as_str()), (5, 1_000, "id-1"));
    let deleted = response.committed.unwrap();
    assert_eq!((deleted.version, deleted.deleted), (3, 1));
}

#[test]
fn one_namespace_is_read() {
    let mut store = Store::default();
    store.put("a", "k", "v");
    store.put("b", "k", "v");
    let ask = |namespace: &str| {
        let request = wire::GetNamespaceRequest { namespace: namespace.into(), consistency: 2 };
        let (query, consistency) = OneNamespace::parse(request, &Limits::default()).unwrap();
        assert_eq!(consistency, conclave_node::Consistency::Local);
        query.answer(&store.map).unwrap()
    };
    let response = ask("a").unwrap();
    let namespace = response.namespace.unwrap();
    assert_eq!((namespace.version, namespace.revision, response.store_revision), (1, 2, 3));
    assert_eq!(ask("c").unwrap_err().reason(), "namespace-not-found");
}

#[test]
fn one_item_is_read_at_any_moment() {
    let mut store = Store::default();
    store.put("a", "k", "one");
    store.put("b", "k", "other");
    store.put("a", "k", "two");
    store.put("b", "k", "more");
    let ask = |moment: Option<wire::at::Moment>| {
        let request = wire::GetRequest {
            namespace: "a".into(),
            key: "k".into(),
            at: moment.map(|moment| wire::At { moment: Some(moment) }),
            consistency: 0,
        };
        let (query, _) = OneItem::parse(request, &Limits::default()).unwrap();
        query.answer(&store.map).unwrap().map(|response| {
            let value = response.item.unwrap().value;
            (String::from_utf8(value.to_vec()).unwrap(), response.version, response.store_revision)
        })
    };
    use wire::at::Moment::{Revision, Version};
    assert_eq!(ask(None), Ok(("two".into(), 2, 5)));
    assert_eq!(ask(Some(Version(1))), Ok(("one".into(), 1, 2)));
    assert_eq!(ask(Some(Version(2))), Ok(("two".into(), 2, 4)));
    assert_eq!(ask(Some(Revision(3))), Ok(("one".into(), 1, 3)));
    assert_eq!(ask(Some(Version(3))).unwrap_err().reason(), "version-not-found");
    assert_eq!(ask(Some(Revision(6))).unwrap_err().reason(), "revision-not-found");
    assert_eq!(ask(Some(Version(u64::MAX))).unwrap_err().reason(), "version-not-found");
}

#[test]
fn all_mistakes_of_a_read_are_told_at_once() {
    let at = Some(wire::At { moment: Some(wire::at::Moment::Version(0)) });
    let request = wire::GetRequest { namespace: "/".into(), key: String::new(), at, consistency: 9 };
    let told = crate::fields::tests::told(OneItem::parse(request, &Limits::default()));
    let fields: Vec<_> = told.iter().filter_map(|it| it.split(':').next()).collect();
    assert_eq!(fields, ["namespace", "key", "at.version", "consistency"]);
}
