//! `--held` with writes of many items and many namespaces: all of it with the lock, nothing of it without.

use std::fs;

use conclave_client::SessionOptions;
use conclave_testkit::CommandLine;

use crate::stage::one;

/// Writes that change more than one thing, or one namespace as a whole; the last of them have nothing to change.
const WRITES: &[&[&str]] = &[
    &["config", "import", "shop", "shop.yaml"],
    &["config", "import", "shop", "shop.yaml", "--prune", "--dry-run"],
    &["config", "import", "new", "shop.yaml", "--create-namespace"],
    &["config", "import", "tree"],
    &["config", "import", "tree", "--dry-run"],
    &["config", "import", "tree", "--prune", "--prune-namespaces", "--yes"],
    &["config", "rollback", "shop", "--to", "1", "--dry-run"],
    &["config", "rollback", "shop", "--to", "1"],
    &["snapshot", "rollback", "before", "--dry-run"],
    &["snapshot", "rollback", "before"],
    &["snapshot", "rollback", "before", "--namespace", "stock"],
    &["config", "import", "shop", "same.yaml"],
    &["config", "import", "same"],
    &["config", "import", "same", "--prune", "--prune-namespaces", "--dry-run"],
];

/// Every namespace with its version and its items.
async fn everything(cli: &CommandLine) -> String {
    let list = cli.run(&["config", "list", "--output", "json"]).await.done();
    let namespaces: serde_json::Value = serde_json::from_str(&list).expect("one report");
    let mut all = list;
    for namespace in namespaces["namespaces"].as_array().expect("a list") {
        all += &cli.run(&["config", "get", namespace["name"].as_str().expect("a name")]).await.done();
    }
    all
}

/// Two namespaces that are not as in the snapshot any more, and files that say otherwise, or the same.
async fn prepare(cli: &CommandLine, folder: &std::path::Path) {
    for namespace in ["shop", "stock"] {
        cli.run(&["config", "put", namespace, "a=1", "b=1", "--create-namespace"]).await.done();
    }
    cli.run(&["snapshot", "create", "before", "--all"]).await.done();
    for namespace in ["shop", "stock"] {
        cli.run(&["config", "put", namespace, "a=2"]).await.done();
    }
    for (file, content) in [
        ("shop.yaml", "a: 3\nc: 3\n"),
        ("same.yaml", "a: 2\n"),
        ("tree/shop.yaml", "a: 3\n"),
        ("tree/new.yaml", "a: 3\n"),
        ("same/shop.yaml", "a: 2\n"),
    ] {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("the folder is ours");
        fs::write(path, content).expect("the folder is ours");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_unless_all_locks_are_held() {
    let cluster = one().await;
    let cli = cluster.command_line();
    prepare(&cli, cluster.folder()).await;
    let session = cluster.client().open_session(SessionOptions::default()).await.expect("it is opened");
    let before = session.lock("orders/42").acquire().await.expect("it is free");
    let old = format!("orders/42:{}", before.token());
    before.release().await.expect("it is held");
    let guard = session.lock("orders/42").acquire().await.expect("it is free again");
    let beside = session.lock("stock").acquire().await.expect("it is free");
    let (held, beside) = (format!("orders/42:{}", guard.token()), format!("stock:{}", beside.token()));
    let nobody = format!("nobody:{}", guard.token());

    let found = everything(&cli).await;
    let (old, held, nobody) = (old.as_str(), held.as_str(), nobody.as_str());
    for &write in WRITES {
        for locks in [&["--held", old][..], &["--held", held, "--held", nobody]] {
            let told = cli.run(&[write, locks].concat()).await.failed(4);
            assert!(told.contains(if locks.len() == 2 { "orders/42" } else { "nobody" }), "{told}");
        }
    }
    assert_eq!(everything(&cli).await, found, "nothing of any of them was done");

    let locks = ["--held", held, "--held", beside.as_str()];
    for &write in WRITES.iter().filter(|write| !write.contains(&"tree") || !write.contains(&"--prune")) {
        cli.run(&[write, &locks[..]].concat()).await.done();
    }
    assert_eq!(cli.run(&["config", "get", "stock", "a"]).await.done(), "1", "the snapshot's");
    assert_eq!(cli.run(&["config", "get", "new", "a"]).await.done(), "3", "the file's");
    let prune = ["config", "import", "tree", "--prune", "--prune-namespaces", "--yes"];
    let told = cli.run(&[&prune[..], &locks[..]].concat()).await.done();
    assert!(told.contains("stock"), "{told}");
    cli.run(&["config", "get", "stock"]).await.failed(3);
}
