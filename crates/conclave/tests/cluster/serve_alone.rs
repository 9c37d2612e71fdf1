//! `conclave serve` with no arguments: one node, its data in ./conclave-data, ready for use.

use conclave_testkit::{CommandLine, Port, wait};
use tokio::process::Child;

use crate::stage::BINARY;

/// The ports come from the environment: those of the defaults may be taken on the machine that runs the tests.
fn serve(cli: &CommandLine, client: &Port, peer: &Port) -> Child {
    let cli = cli
        .clone()
        .with("CONCLAVE_CLIENT_LISTEN", client.address().to_string())
        .with("CONCLAVE_PEER_LISTEN", peer.address().to_string());
    cli.spawn(&["serve"])
}

#[tokio::test]
async fn one_node_without_arguments_is_ready_for_use_and_keeps_its_data() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (client, peer) = (Port::take(), Port::take());
    let cli = CommandLine::new(BINARY.as_ref(), folder.path());
    let cli = cli.with("CONCLAVE_ENDPOINTS", client.address().to_string());

    let first = serve(&cli, &client, &peer);
    let ready =
        async || (cli.run(&["cluster", "status", "--timeout", "2s"]).await.code == Some(0)).then_some(());
    wait::until("it is ready", ready).await;
    cli.run(&["config", "put", "shop", "price=1", "--create-namespace"]).await.done();
    assert!(folder.path().join("conclave-data").is_dir(), "the data is where the documentation says");
    drop(first);

    // Another port: a node that stands alone may be moved.
    let moved = Port::take();
    let _second = wait::until("the first has let go of the data", async || {
        let mut child = serve(&cli, &client, &moved);
        let ready = async || {
            let ended = child.try_wait().expect("it is our child").is_some();
            let served = cli.run(&["cluster", "status", "--timeout", "2s"]).await.code == Some(0);
            (ended || served).then_some(served)
        };
        wait::until("it is ready or has ended", ready).await.then_some(child)
    })
    .await;
    assert_eq!(cli.run(&["config", "get", "shop", "price"]).await.done(), "1");
}
