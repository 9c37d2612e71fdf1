//! `conclave config wait`: it ends as soon as the version is there, and says why if it does not come.

use crate::stage::three;

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_as_soon_as_the_version_is_there() {
    let mut cluster = three().await;
    let cli = cluster.command_line();
    cli.run(&["config", "put", "shop/prod", "price=1", "--create-namespace"]).await.done();
    let wait = ["config", "wait", "shop/prod", "--version"];
    let reached = cli.run(&[&wait[..], &["1"]].concat()).await.done();
    assert!(reached.starts_with("shop/prod version 1  revision "), "{reached}");

    let told = cli.run(&[&wait[..], &["2", "--timeout", "300ms"]].concat()).await.failed(4);
    assert!(told.contains("is at version 1, not at 2, after 300 ms"), "{told}");
    let told = cli.run(&["config", "wait", "shop/prods", "--version", "1"]).await.failed(3);
    assert!(told.contains("\"shop/prods\" does not exist"), "{told}");

    let arguments = [&wait[..], &["3", "--timeout", "60s", "--output", "json"]].concat();
    let waiting = cli.spawn(&arguments);
    cli.run(&["config", "put", "shop/prod", "price=2"]).await.done();
    // It outlives the loss of a node, whichever it is connected to.
    cluster.node(1).kill();
    cli.run(&["config", "put", "shop/prod", "price=3"]).await.done();
    let ended = tokio::time::timeout(std::time::Duration::from_secs(30), waiting.wait_with_output()).await;
    let ended = ended.expect("it ends").expect("it is our child");
    let reached: serde_json::Value = serde_json::from_slice(&ended.stdout).expect("one report");
    assert_eq!((ended.status.code(), reached["version"].as_u64()), (Some(0), Some(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_node_it_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let free = conclave_testkit::Port::take();
    let cli = conclave_testkit::CommandLine::new(crate::stage::BINARY.as_ref(), folder.path())
        .with("CONCLAVE_ENDPOINTS", free.address().to_string());
    cli.run(&["config", "wait", "shop/prod", "--version", "1", "--timeout", "500ms"]).await.failed(5);
}
