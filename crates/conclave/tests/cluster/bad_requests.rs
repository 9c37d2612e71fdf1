//! Requests that break a rule: each is refused with INVALID_ARGUMENT, the field and what is wrong with it, and not
//! even the log has an entry more afterwards.

use std::collections::BTreeMap;

use conclave_client::config::{
    At, Authorship, CommitRequest, CreateNamespaceRequest, DeleteNamespaceRequest, DiffRequest, Edit,
    GetNamespaceRequest, GetRequest, HistoryRequest, ListNamespacesRequest, ListRequest, NamespaceEdits,
    PutItem, RollbackRequest, WatchRequest, WatchTarget, at::Moment, edit::Action,
};
use conclave_client::{Code, edits};
use conclave_testkit::{Cluster, ClusterOptions, Told, raw_call};
use tonic::{Response, Status};

use crate::stage::{BINARY, commit_of, commit_under, create, items, one, put};

const VALUE_MAX: usize = 1 << 20;
const COMMIT_MAX: usize = 4 << 20;

/// A cluster with something in it that must not change.
struct Scene {
    cluster: Cluster,
    before: conclave_testkit::cluster::Agreed,
}

impl Scene {
    async fn set() -> Self {
        Self::on(one().await).await
    }

    async fn on(mut cluster: Cluster) -> Self {
        let client = cluster.client();
        create(&client, "shop").await;
        put(&client, "shop", "price", "1").await;
        let before = cluster.agree().await;
        Self { cluster, before }
    }

    /// Sends a commit that must be refused.
    async fn refused(&self, commit: CommitRequest) -> Told {
        invalid("Commit", self.cluster.service(1).commit(commit).await)
    }

    /// Nothing has changed: not even an entry was added to the log.
    async fn check(mut self) {
        assert_eq!(self.cluster.agree().await, self.before);
        assert_eq!(
            items(&self.cluster.client(), "shop").await,
            BTreeMap::from([("price".into(), "1".into())])
        );
    }
}

/// The refusal that a broken rule must get.
#[track_caller]
fn invalid<T: std::fmt::Debug>(what: &str, answer: Result<Response<T>, Status>) -> Told {
    let told = Told::from(answer.map(Response::into_inner).expect_err(what));
    let expected = (Code::InvalidArgument, "conclave", "invalid-argument");
    assert_eq!((told.code, told.domain.as_str(), told.reason.as_str()), expected, "{what}: {told:?}");
    assert!(!told.message.is_empty() && told.retry_after.is_none(), "{what}: {told:?}");
    told
}

/// Names that break a rule, and what is said of each.
fn bad_namespaces() -> Vec<(String, &'static str)> {
    [
        ("", "it is empty"),
        (&*"n".repeat(257), "it takes 257 bytes, of which 256 are allowed"),
        ("..", "its segment 1 is \"..\""),
        ("shop/../payments", "its segment 2 is \"..\""),
        ("shop/.", "its segment 2 is \".\""),
        ("shop//prod", "its segment 2 is \"\""),
        ("/shop", "its segment 1 is \"\""),
        ("shop\u{7}", "it holds '\\u{7}' at byte 4"),
        ("shop prod", "it holds ' ' at byte 4"),
        ("größe", "it holds 'ö' at byte 2"),
    ]
    .map(|(name, says)| (name.to_owned(), says))
    .into()
}

/// Sends this name of a namespace with every call, and gives what each was told, by call and field.
async fn with_every_call(cluster: &Cluster, name: &str) -> Vec<(&'static str, &'static str, Told)> {
    let mut service = cluster.service(1);
    let namespace = || name.to_owned();
    let key = || "price".to_owned();
    let create = CreateNamespaceRequest { namespace: namespace(), ..Default::default() };
    let get_namespace = GetNamespaceRequest { namespace: namespace(), ..Default::default() };
    let delete = DeleteNamespaceRequest { namespace: namespace(), ..Default::default() };
    let get = GetRequest { namespace: namespace(), key: key(), ..Default::default() };
    let list = ListRequest { namespace: namespace(), ..Default::default() };
    let commit = commit_of(name, vec![edits::put("price", "2")]);
    let history = HistoryRequest { namespace: namespace(), ..Default::default() };
    let diff = DiffRequest { namespace: namespace(), ..Default::default() };
    let rollback = RollbackRequest { namespace: namespace(), to_version: 1, ..Default::default() };
    let targets = vec![WatchTarget { namespace: namespace(), ..Default::default() }];
    let watch = WatchRequest { targets, ..Default::default() };
    let plain = "namespace";
    vec![
        ("CreateNamespace", plain, invalid("CreateNamespace", service.create_namespace(create).await)),
        ("GetNamespace", plain, invalid("GetNamespace", service.get_namespace(get_namespace).await)),
        ("DeleteNamespace", plain, invalid("DeleteNamespace", service.delete_namespace(delete).await)),
        ("Get", plain, invalid("Get", service.get(get).await)),
        ("List", plain, invalid("List", service.list(list).await)),
        ("Commit", "namespaces[0].namespace", invalid("Commit", service.commit(commit).await)),
        ("History", plain, invalid("History", service.history(history).await)),
        ("Diff", plain, invalid("Diff", service.diff(diff).await)),
        ("Rollback", plain, invalid("Rollback", service.rollback(rollback).await)),
        (
            "Watch",
            "targets[0].namespace",
            invalid("Watch", service.watch(watch).await.map(|_| Response::new(()))),
        ),
    ]
}

#[tokio::test]
async fn names_of_namespaces() {
    let scene = Scene::set().await;
    for (name, says) in bad_namespaces() {
        for (call, field, told) in with_every_call(&scene.cluster, &name).await {
            assert!(told.of_field(field).contains(says), "{call} of {name:?}: {told:?}");
            assert!(told.message.contains(field), "{call} of {name:?}: {told:?}");
        }
    }
    scene.check().await;
}

#[tokio::test]
async fn keys() {
    let scene = Scene::set().await;
    let long = "k".repeat(513);
    for (key, says) in [
        ("", "it is empty"),
        (&*long, "it takes 513 bytes, of which 512 are allowed"),
        ("two\nlines", "it holds '\\n' at byte 3"),
        ("next\u{85}", "it holds '\\u{85}' at byte 4"),
        ("\0", "it holds '\\0' at byte 0"),
    ] {
        let get = GetRequest { namespace: "shop".into(), key: key.into(), ..Default::default() };
        let told = invalid(key, scene.cluster.service(1).get(get).await);
        assert!(told.of_field("key").contains(says), "{told:?}");
        for edit in [edits::put(key, "2"), edits::delete(key)] {
            let told = scene.refused(commit_of("shop", vec![edits::put("fine", "1"), edit])).await;
            assert!(told.of_field("namespaces[0].edits[1].key").contains(says), "{told:?}");
        }
    }
    scene.check().await;
}

#[tokio::test]
async fn text_that_is_no_utf8_and_bytes_that_are_no_message() {
    let scene = Scene::set().await;
    let get = "/conclave.config.v1.ConfigService/Get";
    let commit = "/conclave.config.v1.ConfigService/Commit";
    // Field 1 of Get is the namespace, field 2 the key; field 1 of Commit holds the edits of a namespace.
    for (path, body) in [
        (get, &b"\x0a\x04sh\xffp\x12\x05price"[..]),
        (get, b"\x0a\x04shop\x12\x02\xc3\x28"),
        (commit, b"\x0a\x0b\x0a\x04shop\x12\x03\x0a\x01\xff"),
        (get, b"\x0a\x7fshop"),
        (get, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
    ] {
        let answer = raw_call::call(scene.cluster.channel(1), path, body).await;
        let told = invalid(path, answer.map(Response::new));
        assert!(told.message.starts_with("the request cannot be read"), "{told:?}");
    }
    scene.check().await;
}

#[tokio::test]
async fn values_and_commits_over_the_limits() {
    let scene = Scene::set().await;
    let refused = |edits| scene.refused(commit_of("shop", edits));

    let told = refused(vec![edits::put("a", "x".repeat(VALUE_MAX + 1))]).await;
    let says = "it takes 1048577 bytes, of which 1048576 are allowed";
    assert!(told.of_field("namespaces[0].edits[0].put.value").contains(says), "{told:?}");

    let many = |count: usize| (0..count).map(|n| edits::put(format!("k{n}"), "v")).collect::<Vec<_>>();
    let told = refused(many(1_001)).await;
    assert!(told.of_field("namespaces").contains("1001"), "{told:?}");
    assert!(told.of_field("namespaces").contains("1000"), "{told:?}");

    let large = (0..5).map(|n| edits::put(format!("k{n}"), "x".repeat(900_000))).collect();
    let told = refused(large).await;
    assert!(told.of_field("namespaces").contains(&COMMIT_MAX.to_string()), "{told:?}");

    let huge = (0..9).map(|n| edits::put(format!("k{n}"), "x".repeat(VALUE_MAX))).collect();
    let told = refused(huge).await;
    assert!(told.message.starts_with("the request cannot be read"), "over 8 MiB on the wire: {told:?}");

    let two = CommitRequest {
        namespaces: ["shop", "other"].map(|name| commit_of(name, many(600)).namespaces.remove(0)).into(),
        ..Default::default()
    };
    let told = scene.refused(two).await;
    assert!(told.of_field("namespaces").contains("1200"), "the limit is over all namespaces: {told:?}");
    scene.check().await;
}

#[tokio::test]
async fn what_is_just_within_the_limits_is_taken() {
    let cluster = one().await;
    let client = cluster.client();
    create(&client, &"n".repeat(256)).await;
    create(&client, "shop").await;
    let key = "k".repeat(512);
    let whole = commit_of("shop", vec![edits::put(&key, "x".repeat(VALUE_MAX))]);
    client.commit(whole).await.expect("key and value are as long as they may be");
    let many = (0..1_000).map(|n| edits::put(format!("k{n}"), "v")).collect();
    client.commit(commit_of("shop", many)).await.expect("as many edits as there may be");
    let large = (0..4).map(|n| edits::put(format!("large{n}"), "x".repeat(VALUE_MAX - 64))).collect();
    client.commit(commit_of("shop", large)).await.expect("nearly 4 MiB");
    let id = "r".repeat(64);
    let authorship =
        Authorship { request_id: id.clone(), author: "a".repeat(256), message: "m".repeat(4_096) };
    let commit = commit_of("shop", vec![edits::put("last", "")]);
    let answer =
        client.commit(CommitRequest { authorship: Some(authorship), ..commit }).await.expect("it fits");
    assert_eq!(answer.request_id, id);
    assert_eq!(items(&client, "shop").await.len(), 1_006);
}

#[tokio::test]
async fn limits_are_settings() {
    let options = ClusterOptions::new(BINARY, 1)
        .set("limits.key_size_bytes_max", 5)
        .set("limits.value_size_bytes_max", 10)
        .set("limits.commit_edits_max", 2)
        .set("limits.message_size_bytes_max", 3);
    let scene = Scene::on(Cluster::start(options).await).await;
    let told = scene.refused(commit_of("shop", vec![edits::put("longer", "x".repeat(11))])).await;
    assert!(told.of_field("namespaces[0].edits[0].key").contains("of which 5 are allowed"), "{told:?}");
    assert!(
        told.of_field("namespaces[0].edits[0].put.value").contains("of which 10 are allowed"),
        "{told:?}"
    );
    let three = ["a", "b", "c"].map(|key| edits::put(key, "")).into();
    assert!(scene.refused(commit_of("shop", three)).await.of_field("namespaces").contains('2'));
    let told = scene.refused(commit_under("four", "shop", vec![edits::put("a", "")])).await;
    assert!(told.of_field("authorship.message").contains("of which 3 are allowed"), "{told:?}");
    scene.check().await;
}

#[tokio::test]
async fn who_why_and_under_which_id() {
    let scene = Scene::set().await;
    let authorship =
        Authorship { request_id: "two words".into(), author: "a".repeat(257), message: "m".repeat(4_097) };
    let commit = commit_of("shop", vec![edits::put("a", "1")]);
    let told = scene.refused(CommitRequest { authorship: Some(authorship.clone()), ..commit }).await;
    let check = |told: &Told| {
        assert!(told.of_field("authorship.request_id").contains("it holds ' ' at byte 3"), "{told:?}");
        assert!(told.of_field("authorship.author").contains("257 bytes, of which 256"), "{told:?}");
        assert!(told.of_field("authorship.message").contains("4097 bytes, of which 4096"), "{told:?}");
    };
    check(&told);
    let rollback = RollbackRequest {
        namespace: "shop".into(),
        to_version: 1,
        authorship: Some(authorship.clone()),
        ..Default::default()
    };
    check(&invalid("Rollback", scene.cluster.service(1).rollback(rollback).await));
    let create = CreateNamespaceRequest {
        namespace: "new".into(),
        description: "d".repeat(4_097),
        authorship: Some(authorship),
        ..Default::default()
    };
    let told = invalid("CreateNamespace", scene.cluster.service(1).create_namespace(create).await);
    check(&told);
    assert!(told.of_field("description").contains("4097 bytes"), "{told:?}");
    let told = scene.refused(commit_under(&"r".repeat(65), "shop", vec![edits::put("a", "1")])).await;
    assert!(told.of_field("authorship.request_id").contains("65 bytes, of which 64"), "{told:?}");
    scene.check().await;
}

#[tokio::test]
async fn commits_that_contradict_themselves() {
    let scene = Scene::set().await;
    let told = scene.refused(commit_of("shop", vec![edits::put("a", "1"), edits::delete("a")])).await;
    assert!(told.of_field("namespaces[0].edits[1].key").contains("same key"), "{told:?}");

    let twice = || commit_of("shop", vec![edits::put("a", "1")]).namespaces.remove(0);
    let told =
        scene.refused(CommitRequest { namespaces: vec![twice(), twice()], ..Default::default() }).await;
    assert!(!told.of_field("namespaces[1].namespace").is_empty(), "{told:?}");

    let told = scene.refused(CommitRequest::default()).await;
    assert!(!told.of_field("namespaces").is_empty(), "{told:?}");

    let nothing = Edit { key: "a".into(), action: None, expected_mod_revision: None };
    let told = scene.refused(commit_of("shop", vec![nothing])).await;
    assert!(told.violations[0].0.starts_with("namespaces[0].edits[0]"), "{told:?}");
    scene.check().await;
}

#[tokio::test]
async fn labels_and_content_types() {
    let scene = Scene::set().await;
    let put = |content_type: &str, labels: Vec<(String, String)>| {
        let item = PutItem {
            value: "1".into(),
            content_type: content_type.into(),
            labels: labels.into_iter().collect(),
        };
        commit_of("shop", vec![Edit { action: Some(Action::Put(item)), ..edits::put("a", "") }])
    };
    let field = |told: &Told| told.violations[0].0.clone();
    let told = scene.refused(put("no type", Vec::new())).await;
    assert_eq!(field(&told), "namespaces[0].edits[0].put.content_type", "{told:?}");
    let many = (0..17).map(|n| (format!("label{n}"), String::new())).collect();
    let told = scene.refused(put("", many)).await;
    assert!(field(&told).starts_with("namespaces[0].edits[0].put.labels"), "{told:?}");
    for label in [("l".repeat(129), "v".into()), ("l".into(), "v".repeat(129)), (String::new(), "v".into())] {
        let told = scene.refused(put("", vec![label])).await;
        assert!(field(&told).starts_with("namespaces[0].edits[0].put.labels"), "{told:?}");
    }
    scene.check().await;
}

#[tokio::test]
async fn every_mistake_of_a_request_is_told_at_once() {
    let scene = Scene::set().await;
    let commit = CommitRequest {
        namespaces: vec![
            NamespaceEdits {
                namespace: "a//b".into(),
                edits: vec![edits::put("", "1")],
                ..Default::default()
            },
            NamespaceEdits {
                namespace: "shop".into(),
                edits: vec![edits::put("x\ty", "1"), edits::delete("price"), edits::put("price", "2")],
                ..Default::default()
            },
        ],
        ..Default::default()
    };
    let told = scene.refused(commit).await;
    for field in [
        "namespaces[0].namespace",
        "namespaces[0].edits[0].key",
        "namespaces[1].edits[0].key",
        "namespaces[1].edits[2].key",
    ] {
        assert!(!told.of_field(field).is_empty());
    }
    assert_eq!(told.violations.len(), 4, "{told:?}");
    assert!(told.message.starts_with("4 fields break a rule"), "{told:?}");
    scene.check().await;
}

#[tokio::test]
async fn moments_pages_and_watches() {
    let scene = Scene::set().await;
    let mut service = scene.cluster.service(1);
    for (moment, field) in [(Moment::Version(0), "at.version"), (Moment::Revision(0), "at.revision")] {
        let at = Some(At { moment: Some(moment) });
        let get = GetRequest { namespace: "shop".into(), key: "price".into(), at, ..Default::default() };
        assert!(invalid(field, service.get(get).await).of_field(field).contains("begin at 1"));
    }
    let get =
        GetRequest { namespace: "shop".into(), key: "price".into(), consistency: 9, ..Default::default() };
    invalid("consistency", service.get(get).await).of_field("consistency");
    let rollback = RollbackRequest { namespace: "shop".into(), to_version: 0, ..Default::default() };
    invalid("to_version", service.rollback(rollback).await).of_field("to_version");
    let list = ListNamespacesRequest { prefix: "p".repeat(257), ..Default::default() };
    invalid("prefix", service.list_namespaces(list).await).of_field("prefix");

    let target = |name: &str| WatchTarget { namespace: name.into(), ..Default::default() };
    let watch =
        |targets, heartbeat_interval_ms| WatchRequest { targets, start_revision: 0, heartbeat_interval_ms };
    let no_answer = |answer: Result<Response<_>, Status>| {
        answer.map(|_: Response<tonic::Streaming<_>>| Response::new(()))
    };
    invalid("targets", no_answer(service.watch(watch(Vec::new(), 0)).await)).of_field("targets");
    let many = (0..257).map(|n| target(&format!("n{n}"))).collect();
    invalid("targets", no_answer(service.watch(watch(many, 0)).await)).of_field("targets");
    let twice = vec![target("shop"), target("shop")];
    invalid("twice", no_answer(service.watch(watch(twice, 0)).await)).of_field("targets[1].namespace");
    let hasty = watch(vec![target("shop")], 99);
    invalid("hasty", no_answer(service.watch(hasty).await)).of_field("heartbeat_interval_ms");
    scene.check().await;
}

#[tokio::test]
async fn page_tokens_that_are_not_ones_own() {
    let cluster = one().await;
    let client = cluster.client();
    create(&client, "shop").await;
    let many = (0..30).map(|n| edits::put(format!("k{n:02}"), "v")).collect();
    client.commit(commit_of("shop", many)).await.expect("it is acknowledged");
    let list = ListRequest { namespace: "shop".into(), page_size: 10, ..Default::default() };
    let mut service = cluster.service(1);
    let first = service.list(list.clone()).await.expect("a page").into_inner();
    assert_eq!((first.items.len(), first.next_page_token.is_empty()), (10, false));

    let token = first.next_page_token;
    let changed = format!("{}A", &token[..token.len() - 1]);
    for (what, request) in [
        ("no token", ListRequest { page_token: "!".into(), ..list.clone() }),
        ("a changed one", ListRequest { page_token: changed, ..list.clone() }),
        (
            "of another prefix",
            ListRequest { page_token: token.clone(), key_prefix: "k1".into(), ..list.clone() },
        ),
    ] {
        let told = Told::from(service.list(request).await.expect_err(what));
        assert_eq!(
            (told.code, told.reason.as_str()),
            (Code::InvalidArgument, "page-token-invalid"),
            "{what}"
        );
        assert!(told.message.contains("page_token"), "{told:?}");
    }
    let history =
        HistoryRequest { namespace: "shop".into(), page_token: token.clone(), ..Default::default() };
    let told = Told::from(service.history(history).await.expect_err("a token of another call"));
    assert_eq!(told.reason, "page-token-invalid");
    let second = service.list(ListRequest { page_token: token, ..list }).await.expect("the next page");
    assert_eq!(second.into_inner().items[0].key, "k10");
}
