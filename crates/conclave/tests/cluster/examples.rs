//! The example configuration of deploy/examples, as `make up` imports it: every file goes in whole and comes out as
//! it was.

use std::path::{Path, PathBuf};

use conclave_testkit::CommandLine;
use serde_json::Value;

use crate::stage::three;

/// The folder of the examples; namespaces.txt says which file is the configuration of which namespace.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/examples")
}

fn examples() -> Vec<(String, PathBuf)> {
    let list = std::fs::read_to_string(folder().join("namespaces.txt")).expect("it is there");
    let lines = list.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let example = |line: &str| {
        let (namespace, file) = line.split_once(' ').expect("a namespace and a file");
        (namespace.to_owned(), folder().join(file.trim()))
    };
    lines.map(example).collect()
}

/// The items of a namespace: key, value and content type.
async fn items(cli: &CommandLine, namespace: &str) -> Vec<Value> {
    let text = cli.run(&["config", "get", namespace, "--output", "json"]).await.done();
    let listing: Value = serde_json::from_str(&text).expect("it is JSON");
    let item = |item: &Value| {
        serde_json::json!([item["key"], item["value"], item["value_base64"], item["content_type"]])
    };
    listing["items"].as_array().expect("a list").iter().map(item).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_goes_in_and_comes_out_as_it_was() {
    let mut cluster = three().await;
    let cli = cluster.command_line();
    let mut count = 0;
    for (namespace, path) in examples() {
        let file = path.display().to_string();
        let dry =
            cli.run(&["config", "import", &namespace, &file, "--create-namespace", "--dry-run"]).await.done();
        assert!(dry.starts_with("+ ") && dry.contains("nothing was changed"), "{file}: {dry}");
        cli.run(&["config", "get", &namespace]).await.failed(3);
        let told = cli
            .run(&["config", "import", &namespace, &file, "--create-namespace", "-m", "as it is"])
            .await
            .done();
        assert!(told.starts_with(&format!("{namespace} version 1: ")), "{file}: {told}");
        let again = cli.run(&["config", "import", &namespace, &file]).await.done();
        assert!(
            again.contains("nothing to change"),
            "what was imported is there, and is what the file says: {again}"
        );
        let before = items(&cli, &namespace).await;
        count += before.len();
        exported_and_imported_it_is_the_same(&cli, cluster.folder(), &namespace, &path, &before).await;
    }
    println!("{count} items in {} files", examples().len());
    assert!(count >= 200, "the examples are several hundred items: {count}");
    let agreed = cluster.agree().await;
    cluster.kill_all();
    cluster.start_all();
    cluster.all_serve().await;
    assert_eq!(cluster.agree().await.revision, agreed.revision, "and all of it is on the disks");
}

/// What is exported in the file's own format makes the same items in another namespace, byte for byte.
async fn exported_and_imported_it_is_the_same(
    cli: &CommandLine,
    folder: &Path,
    namespace: &str,
    path: &Path,
    before: &[Value],
) {
    let extension = path.extension().and_then(|it| it.to_str()).expect("every example has one");
    let format = if extension == "yml" { "yaml" } else { extension };
    let text = cli.run(&["config", "get", namespace, "--format", format]).await.done();
    let copy = folder.join(format!("copy.{extension}"));
    std::fs::write(&copy, text).expect("the folder is ours");
    let other = format!("copy/{namespace}");
    cli.run(&["config", "import", &other, &copy.display().to_string(), "--create-namespace"]).await.done();
    assert_eq!(items(cli, &other).await, before, "{namespace} as {format}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_and_long_text_go_in_and_come_out() {
    let cluster = three().await;
    let cli = cluster.command_line();
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let path = cluster.folder().join("image");
    std::fs::write(&path, &bytes).expect("the folder is ours");
    let from_file = format!("logo={}", path.display());
    cli.run(&["config", "put", "assets", "--from-file", &from_file, "--create-namespace"]).await.done();
    let text = "first line\n\tsecond — größer\n\n";
    cli.run_with_input(&["config", "put", "assets", "motd=-"], text.as_bytes()).await.done();

    assert_eq!(cli.run(&["config", "get", "assets", "motd"]).await.done(), text);
    let get = conclave_client::config::GetRequest {
        namespace: "assets".into(),
        key: "logo".into(),
        ..Default::default()
    };
    let item = cluster.client().get(get).await.expect("it is there").item.expect("it is there");
    assert_eq!((item.value.to_vec(), item.content_type.as_str()), (bytes, "application/octet-stream"));
}
