//! Requests that are well-formed and cannot be done: unknown names, versions that do not exist, conditions that do
//! not hold. Each tells what was found, and changes nothing.

use conclave_client::config::{
    At, CommitRequest, CreateNamespaceRequest, DeleteNamespaceRequest, DiffRequest, Edit,
    GetNamespaceRequest, GetRequest, HistoryRequest, ListRequest, NamespaceEdits, RollbackRequest,
    WatchRequest, WatchTarget, at::Moment,
};
use conclave_client::{Client, Code, edits};
use conclave_testkit::{Cluster, Told, writers};
use tonic::{Response, Status};

use crate::stage::{commit_of, commit_under, create, items, put, three};

/// A cluster with two versions of a namespace: `price` 1 and 2, and `name`.
struct Scene {
    cluster: Cluster,
    client: Client,
}

impl Scene {
    async fn set() -> Self {
        let cluster = three().await;
        let client = cluster.client();
        create(&client, "shop").await;
        put(&client, "shop", "price", "1").await;
        let both = vec![edits::put("price", "2"), edits::put("name", "beans")];
        client.commit(commit_of("shop", both)).await.expect("it is acknowledged");
        Self { cluster, client }
    }

    /// Sends a commit to every node; each must refuse it alike.
    async fn refused(&self, commit: CommitRequest) -> Told {
        let mut all = Vec::new();
        for id in self.cluster.ids() {
            let answer = self.cluster.service(id).commit(commit.clone()).await;
            all.push(Told::from(answer.expect_err("the commit cannot be done")));
        }
        assert!(all.iter().all(|told| *told == all[0]), "every node answers alike: {all:?}");
        all.remove(0)
    }

    /// Nothing has changed.
    async fn check(mut self) {
        let expected =
            [("name", "beans"), ("price", "2")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(items(&self.client, "shop").await, expected.into());
        assert_eq!(writers::history(&self.client, "shop").await.len(), 2);
        let list = self.client.list_all_namespaces(Default::default()).await.expect("they can be listed");
        assert_eq!(list.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["shop"]);
        self.cluster.agree().await;
    }
}

#[track_caller]
fn is(told: &Told, code: Code, reason: &str, metadata: &[(&str, &str)]) {
    assert_eq!(
        (told.code, told.reason.as_str(), told.domain.as_str()),
        (code, reason, "conclave"),
        "{told:?}"
    );
    let expected = metadata.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    assert_eq!(told.metadata, expected.collect(), "{told:?}");
    for (_, value) in metadata {
        assert!(told.message.contains(value), "the message says it too: {told:?}");
    }
    assert!(told.retry_after.is_none(), "trying again is of no use: {told:?}");
}

fn told<T: std::fmt::Debug>(answer: Result<Response<T>, Status>) -> Told {
    answer.map(Response::into_inner).expect_err("it cannot be done").into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_does_not_exist() {
    let scene = Scene::set().await;
    let mut service = scene.cluster.service(2);
    let namespace = || "shops".to_owned();
    let get = GetRequest { namespace: namespace(), key: "price".into(), ..Default::default() };
    let targets = vec![WatchTarget { namespace: namespace(), ..Default::default() }];
    let rollback = RollbackRequest { namespace: namespace(), to_version: 1, ..Default::default() };
    let refusals = [
        told(
            service.get_namespace(GetNamespaceRequest { namespace: namespace(), ..Default::default() }).await,
        ),
        told(service.get(get).await),
        told(service.list(ListRequest { namespace: namespace(), ..Default::default() }).await),
        told(service.history(HistoryRequest { namespace: namespace(), ..Default::default() }).await),
        told(service.diff(DiffRequest { namespace: namespace(), ..Default::default() }).await),
        told(service.rollback(rollback.clone()).await),
        told(service.rollback(RollbackRequest { dry_run: true, ..rollback }).await),
        told(
            service
                .delete_namespace(DeleteNamespaceRequest { namespace: namespace(), ..Default::default() })
                .await,
        ),
        told(service.watch(WatchRequest { targets, ..Default::default() }).await.map(|_| Response::new(()))),
        scene.refused(commit_of("shops", vec![edits::put("price", "3")])).await,
        scene
            .refused(CommitRequest { dry_run: true, ..commit_of("shops", vec![edits::put("price", "3")]) })
            .await,
    ];
    for told in refusals {
        is(&told, Code::NotFound, "namespace-not-found", &[("namespace", "shops")]);
    }
    scene.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_versions_that_do_not_exist() {
    let scene = Scene::set().await;
    let mut service = scene.cluster.service(3);
    let get = |key: &str, moment: Option<Moment>| {
        let at = moment.map(|moment| At { moment: Some(moment) });
        GetRequest { namespace: "shop".into(), key: key.into(), at, ..Default::default() }
    };
    let no_key = [("key", "cost"), ("namespace", "shop")];
    is(&told(service.get(get("cost", None)).await), Code::NotFound, "key-not-found", &no_key);
    let deletion =
        scene.refused(commit_of("shop", vec![edits::put("price", "3"), edits::delete("cost")])).await;
    is(&deletion, Code::NotFound, "key-not-found", &no_key);
    let early = told(service.get(get("name", Some(Moment::Version(1)))).await);
    is(&early, Code::NotFound, "key-not-found", &[("key", "name"), ("namespace", "shop")]);

    let no_version = [("namespace", "shop"), ("newest", "2"), ("version", "3")];
    let rollback = RollbackRequest { namespace: "shop".into(), to_version: 3, ..Default::default() };
    let diff = DiffRequest { namespace: "shop".into(), from_version: 1, to_version: 3, ..Default::default() };
    let at = Some(At { moment: Some(Moment::Version(3)) });
    for told in [
        told(service.get(get("price", Some(Moment::Version(3)))).await),
        told(service.list(ListRequest { namespace: "shop".into(), at, ..Default::default() }).await),
        told(service.rollback(rollback.clone()).await),
        told(service.rollback(RollbackRequest { dry_run: true, ..rollback }).await),
        told(service.diff(diff).await),
    ] {
        is(&told, Code::NotFound, "version-not-found", &no_version);
    }
    let future = told(service.get(get("price", Some(Moment::Revision(1_000_000)))).await);
    assert_eq!((future.code, future.reason.as_str()), (Code::NotFound, "revision-not-found"));
    assert_eq!(future.metadata["revision"], "1000000");
    scene.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_that_do_not_hold() {
    let scene = Scene::set().await;
    let mut service = scene.cluster.service(1);
    let stale = [("expected", "1"), ("found", "2"), ("namespace", "shop")];
    let mut commit = commit_of("shop", vec![edits::put("price", "3")]);
    commit.namespaces[0].expected_version = Some(1);
    is(&scene.refused(commit.clone()).await, Code::FailedPrecondition, "version-mismatch", &stale);
    let preview = CommitRequest { dry_run: true, ..commit };
    is(&scene.refused(preview).await, Code::FailedPrecondition, "version-mismatch", &stale);
    let rollback = RollbackRequest {
        namespace: "shop".into(),
        to_version: 1,
        expected_version: Some(1),
        ..Default::default()
    };
    is(&told(service.rollback(rollback).await), Code::FailedPrecondition, "version-mismatch", &stale);
    let delete =
        DeleteNamespaceRequest { namespace: "shop".into(), expected_version: Some(1), ..Default::default() };
    is(&told(service.delete_namespace(delete).await), Code::FailedPrecondition, "version-mismatch", &stale);

    let item =
        service.get(GetRequest { namespace: "shop".into(), key: "price".into(), ..Default::default() }).await;
    let found = item.expect("it is there").into_inner().item.expect("it is there").mod_revision;
    for (key, expected, found) in [("price", found - 1, found), ("price", 0, found), ("cost", 7, 0)] {
        let edit = Edit { expected_mod_revision: Some(expected), ..edits::put(key, "3") };
        // The edit before it would do no harm, and is not done either.
        let told = scene.refused(commit_of("shop", vec![edits::put("name", "tea"), edit])).await;
        let (expected, found) = (expected.to_string(), found.to_string());
        let metadata = [("expected", &*expected), ("found", &*found), ("key", key), ("namespace", "shop")];
        is(&told, Code::FailedPrecondition, "item-revision-mismatch", &metadata);
    }
    let exists = CreateNamespaceRequest { namespace: "shop".into(), ..Default::default() };
    let told = told(service.create_namespace(exists).await);
    is(&told, Code::AlreadyExists, "namespace-exists", &[("namespace", "shop")]);
    scene.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_namespace_of_several_that_cannot_be_done_stops_all() {
    let scene = Scene::set().await;
    let edits_of = |name: &str, expected_version| NamespaceEdits {
        namespace: name.into(),
        edits: vec![edits::put("price", "3")],
        expected_version,
        create_if_missing: name == "new",
    };
    let commit = CommitRequest {
        namespaces: vec![edits_of("new", None), edits_of("shop", Some(1))],
        ..commit_under("several", "shop", Vec::new())
    };
    let told = scene.refused(commit).await;
    is(
        &told,
        Code::FailedPrecondition,
        "version-mismatch",
        &[("expected", "1"), ("found", "2"), ("namespace", "shop")],
    );
    scene.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_namespace_is_none_until_it_is_rolled_back() {
    let scene = Scene::set().await;
    let mut service = scene.cluster.service(1);
    let delete = DeleteNamespaceRequest { namespace: "shop".into(), ..Default::default() };
    let committed =
        service.delete_namespace(delete.clone()).await.expect("it is deleted").into_inner().committed;
    let committed = committed.expect("it is told");
    assert_eq!((committed.version, committed.deleted), (3, 2));
    let gone = [("namespace", "shop")];
    let get = GetRequest { namespace: "shop".into(), key: "price".into(), ..Default::default() };
    is(&told(service.get(get.clone()).await), Code::NotFound, "namespace-not-found", &gone);
    is(&told(service.delete_namespace(delete).await), Code::NotFound, "namespace-not-found", &gone);
    let commit = scene.refused(commit_of("shop", vec![edits::put("price", "3")])).await;
    is(&commit, Code::NotFound, "namespace-not-found", &gone);
    let versions = writers::history(&scene.client, "shop").await;
    assert!(versions[0].deleted_namespace, "its history is still there: {versions:?}");

    let rollback = RollbackRequest { namespace: "shop".into(), to_version: 2, ..Default::default() };
    let back =
        service.rollback(rollback).await.expect("it comes back").into_inner().committed.expect("it is told");
    assert_eq!((back.version, back.added), (4, 2));
    let item = service.get(get).await.expect("it is back").into_inner().item.expect("it is there");
    assert_eq!(&item.value[..], b"2");
}
