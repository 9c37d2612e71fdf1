//! Settings that cannot be used: all mistakes are told at once, each with its place; the exit code is 2, and no data
//! directory is made.

use conclave_testkit::CommandLine;

use crate::stage::BINARY;

#[tokio::test]
async fn every_mistake_is_told_at_once_with_its_place() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("node.toml");
    let text = "node_id = 0\nhartbeat_ms = 100\nclient_listen = \"somewhere\"\n[limits]\nvalue_size_bytes_max = 99999999\n";
    std::fs::write(&file, text).expect("the folder is ours");
    let file = file.display().to_string();
    let cli = CommandLine::new(BINARY.as_ref(), folder.path()).with("CONCLAVE_HEARTBEAT_MSS", "5");
    let told =
        cli.run(&["serve", "--config", &file, "--log-format", "xml", "--data-dir", "never"]).await.failed(2);
    for mistake in [
        format!("{file}:2: hartbeat_ms is not a setting: did you mean heartbeat_ms?"),
        format!("{file}:3: client_listen: \"somewhere\" is not an address and a port"),
        "--log-format: \"xml\" is neither text nor json".to_owned(),
        "CONCLAVE_HEARTBEAT_MSS is not a setting: did you mean CONCLAVE_HEARTBEAT_MS?".to_owned(),
    ] {
        assert!(told.contains(&mistake), "{mistake}\nis missing in\n{told}");
    }
    assert!(!folder.path().join("never").exists(), "nothing was made");
}

#[tokio::test]
async fn settings_that_do_not_fit_together() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cli = CommandLine::new(BINARY.as_ref(), folder.path());
    for (arguments, says) in [
        (
            &["--node-id", "4", "--initial-cluster", "1=a:1,2=b:1,3=c:1"][..],
            "does not name this node, node_id 4",
        ),
        (&["--initial-cluster", "1=a:1,1=b:1"], "names node 1 twice"),
        (&["--heartbeat-ms", "500", "--election-ms-min", "1000"], "--election-ms-min: 1000 is not from 1500"),
        (&["--election-ms-max", "100"], "--election-ms-max"),
        (&["--client-listen", "0.0.0.0:4101"], "set client_advertise as well"),
        (&["--snapshot-entries", "1"], "at least 100"),
        (&["--log-level", "loud=extremely"], "--log-level"),
        (&["--config", "/nowhere/node.toml"], "/nowhere/node.toml"),
        (&["--hartbeat-ms", "100"], "--heartbeat-ms"),
        (&["stray"], "stray"),
    ] {
        let told = cli.run(&[&["serve", "--data-dir", "never"], arguments].concat()).await.failed(2);
        assert!(told.contains(says), "{arguments:?}: {told}");
    }
    assert!(!folder.path().join("never").exists(), "nothing was made");
}

#[tokio::test]
async fn a_file_that_is_no_toml_is_told_by_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("node.toml");
    std::fs::write(&file, "node_id = 1\n\ncluster_name \"shop\"\n").expect("the folder is ours");
    let cli = CommandLine::new(BINARY.as_ref(), folder.path());
    let told = cli.run(&["serve", "--config", "node.toml"]).await.failed(2);
    assert!(told.contains("node.toml:3: "), "{told}");
}
