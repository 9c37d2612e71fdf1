//! Folders of files on the command line: namespaces out, and back in, in one commit.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use conclave_testkit::{Cluster, CommandLine};
use serde_json::Value;

use crate::stage::one;

async fn json(cli: &CommandLine, arguments: &[&str]) -> Value {
    let text = cli.run(&[arguments, &["--output", "json"]].concat()).await.done();
    serde_json::from_str(&text).expect("the output is JSON")
}

/// Every item of every namespace: value and content type.
async fn everything(cli: &CommandLine) -> BTreeMap<String, Vec<Value>> {
    let list = json(cli, &["config", "list"]).await;
    let mut all = BTreeMap::new();
    for namespace in list["namespaces"].as_array().expect("a list") {
        let name = namespace["name"].as_str().expect("a name");
        let listing = json(cli, &["config", "get", name]).await;
        let item = |item: &Value| {
            serde_json::json!([item["key"], item["value"], item["value_base64"], item["content_type"]])
        };
        let items = listing["items"].as_array().expect("a list").iter().map(item).collect();
        all.insert(name.to_owned(), items);
    }
    all
}

async fn with_namespaces() -> (Cluster, CommandLine) {
    let cluster = one().await;
    let cli = cluster.command_line();
    for (namespace, items) in [
        ("payments/prod", &["db.pool=8", "db.url=postgres://db/pay", "motd=Größe\nzwei \u{7f}"][..]),
        ("payments", &["a=1"]),
        ("shop/test", &["price=1", "name="]),
    ] {
        cli.run(&[&["config", "put", namespace, "--create-namespace"], items].concat()).await.done();
    }
    cli.run(&["config", "put", "shop/test", "pool=48", "--content-type", "application/json"]).await.done();
    let bytes = cluster.folder().join("bytes");
    fs::write(&bytes, [0, 0xff, 0x0a, 0x0d]).expect("the folder is ours");
    cli.run(&["config", "put", "shop/test", "--from-file", &format!("logo={}", bytes.display())])
        .await
        .done();
    cli.run(&["config", "create", "empty"]).await.done();
    (cluster, cli)
}

fn text(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_and_imported_elsewhere_is_the_same() {
    let (cluster, cli) = with_namespaces().await;
    let before = everything(&cli).await;
    for format in ["yaml", "xml"] {
        let folder = cluster.folder().join(format);
        let told = cli
            .run(&["config", "export", "--all", &folder.display().to_string(), "--format", format])
            .await
            .done();
        assert!(
            told.contains("4 namespaces at revision ") && told.contains(": 4 files written, 0 as before"),
            "{told}"
        );
        assert!(folder.join(format!("payments/prod.{format}")).is_file());
        let again = cli
            .run(&["config", "export", "--all", &folder.display().to_string(), "--format", format])
            .await
            .done();
        assert!(again.contains(": 0 files written, 4 as before"), "{again}");
        let same = cli.run(&["config", "import", &folder.display().to_string(), "--prune"]).await.done();
        assert_eq!(same, "4 files: 0 to change, 4 as the namespaces are\n");

        let other = one().await;
        let elsewhere = other.command_line();
        let report =
            json(&elsewhere, &["config", "import", &folder.display().to_string(), "-m", "restored"]).await;
        assert_eq!(report["commits"].as_u64(), Some(1), "all of it fits in one: {report}");
        let revisions: Vec<_> =
            report["versions"].as_array().expect("a list").iter().map(|it| &it["revision"]).collect();
        assert!(revisions.len() == 4 && revisions.iter().all(|it| *it == revisions[0]), "{report}");
        assert_eq!(everything(&elsewhere).await, before, "{format}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_differs_is_changed_and_pruned_only_if_asked() {
    let (cluster, cli) = with_namespaces().await;
    let folder = cluster.folder().join("tree");
    let path = folder.display().to_string();
    cli.run(&["config", "export", "--all", &path]).await.done();
    fs::write(folder.join("payments/prod.yaml"), "db:\n  pool: \"9\"\nnew: x\n").expect("the folder is ours");
    fs::write(folder.join("README.md"), "what this is").expect("the folder is ours");

    let dry = cli.run(&["config", "import", &path, "--dry-run"]).await;
    assert!(
        dry.stdout.contains("payments/prod\n  ~ db.pool\n") && dry.stdout.contains("  + new: x\n"),
        "{}",
        dry.stdout
    );
    assert!(
        dry.stdout.contains("4 files: 1 to change in 1 commit, 3 as the namespaces are; nothing was changed")
    );
    assert!(dry.stderr.contains("README.md"), "{}", dry.stderr);
    assert_eq!(cli.run(&["config", "get", "payments/prod", "db.pool"]).await.done(), "8");

    let done = cli.run(&["config", "import", &path]).await.done();
    assert!(done.contains("payments/prod version 2: 1 added, 1 changed (revision "), "{done}");
    assert_eq!(cli.run(&["config", "get", "payments/prod", "db.url"]).await.done(), "postgres://db/pay");
    let pruned = cli.run(&["config", "import", &path, "--prune"]).await.done();
    assert!(pruned.contains("payments/prod version 3: 2 deleted"), "{pruned}");
    cli.run(&["config", "get", "payments/prod", "db.url"]).await.failed(3);

    fs::remove_file(folder.join("shop/test.yaml")).expect("it is there");
    let refused = cli.run(&["config", "import", &path, "--prune", "--prune-namespaces"]).await.failed(2);
    assert!(refused.contains("--yes"), "{refused}");
    cli.run(&["config", "import", &path, "--prune", "--prune-namespaces", "--yes"]).await.done();
    cli.run(&["config", "get", "shop/test"]).await.failed(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_files_stay_unless_they_are_pruned() {
    let (cluster, cli) = with_namespaces().await;
    let folder = cluster.folder().join("tree");
    let path = folder.display().to_string();
    cli.run(&["config", "export", "--all", &path]).await.done();
    cli.run(&["config", "delete", "shop/test", "--namespace", "--yes"]).await.done();
    cli.run(&["config", "export", "--all", &path]).await.done();
    assert!(folder.join("shop/test.yaml").is_file());
    let told = cli.run(&["config", "export", "--all", &path, "--prune"]).await.done();
    assert!(told.contains("shop/test.yaml removed\n") && !folder.join("shop").exists(), "{told}");
    let failed = cli.run(&["config", "export", &path, "--namespace", "shop/test"]).await.failed(3);
    assert!(failed.contains("shop/test, after 0 of 1 files"), "{failed}");
    cli.run(&["config", "put", "payments", "a.b=2"]).await.done();
    let failed = cli.run(&["config", "export", "--all", &path]).await.failed(1);
    assert!(failed.contains("cannot be written as yaml") && failed.contains("--format xml"), "{failed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_for_one_commit_takes_several_and_says_so() {
    let cluster = one().await;
    let cli = cluster.command_line();
    let folder = cluster.folder().join("tree");
    fs::create_dir_all(&folder).expect("the folder is ours");
    for (name, items) in [("big", 2_500), ("small", 400), ("other", 700)] {
        let lines: String = (0..items).map(|at| format!("k{at}: v\n")).collect();
        fs::write(folder.join(format!("{name}.yaml")), lines).expect("the folder is ours");
    }
    let ran = cli.run(&["config", "import", &folder.display().to_string(), "--output", "json"]).await;
    assert!(ran.stderr.contains("it takes 4 commits: each is atomic, the whole is not"), "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.done()).expect("it is JSON");
    let versions = |name: &str| {
        report["versions"].as_array().expect("a list").iter().filter(|it| it["namespace"] == name).count()
    };
    assert_eq!([versions("big"), versions("small"), versions("other")], [3, 1, 1], "{report}");
    let same = cli.run(&["config", "import", &folder.display().to_string(), "--prune"]).await.done();
    assert_eq!(same, "3 files: 0 to change, 3 as the namespaces are\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_changes_nothing() {
    let (cluster, cli) = with_namespaces().await;
    let folder = cluster.folder().join("tree");
    let path = folder.display().to_string();
    cli.run(&["config", "import", &path]).await.failed(2);
    cli.run(&["config", "export", "--all", &path]).await.done();
    let before = everything(&cli).await;
    fs::write(folder.join("payments.yaml"), "a: 2\n").expect("the folder is ours");
    fs::write(folder.join("shop/test.yaml"), "a: 1\na: 2\n").expect("the folder is ours");
    let told = cli.run(&["config", "import", &path]).await.failed(7);
    assert!(told.contains("shop/test.yaml:2:1: the key \"a\" is set twice"), "{told}");
    fs::remove_file(folder.join("shop/test.yaml")).expect("it is there");
    fs::write(folder.join("payments.json"), "{}").expect("the folder is ours");
    let told = cli.run(&["config", "import", &path]).await.failed(7);
    assert!(told.contains("are both the namespace payments"), "{told}");
    assert_eq!(everything(&cli).await, before);
    assert_eq!(text(&folder, "payments.yaml"), "a: 2\n");
}
