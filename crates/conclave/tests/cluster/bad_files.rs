//! Files that cannot be imported: the error names the line and the column, and nothing is changed.

use crate::stage::one;

#[tokio::test]
async fn malformed_files_are_told_by_line_and_column() {
    let mut cluster = one().await;
    let cli = cluster.command_line();
    cli.run(&["config", "put", "shop", "price=1", "--create-namespace"]).await.done();
    let before = cluster.agree().await;
    for (name, text, place) in [
        ("open.yaml", &b"db:\n  pool: [1, 2\n  url: x\n"[..], ":3:"),
        ("tab.yaml", b"db:\n\tpool: 1\n", ":2:"),
        ("twice.yaml", b"db:\n  pool: 1\n  pool: 2\n", ":3:3"),
        ("comma.json", b"{\n  \"a\": 1,\n}\n", ":3:1"),
        ("twice.json", b"{\"a\": 1,\n \"a\": 2}", ":2:2"),
        ("end.json", b"{\"a\": {\"b\": 1}", ":1:"),
        ("equals.toml", b"[db]\npool 8\n", ":2:"),
        ("twice.toml", b"pool = 8\npool = 9\n", ":2:"),
        ("escape.properties", b"ok = 1\nbad = \\u12\n", ":2:"),
        ("quote.env", b"A=1\nB=\"open\nC=3\n", ":2:"),
        ("name.env", b"A=1\n2B C=1\n", ":2:"),
        ("bytes.yaml", b"a: ok\nb: \xff\xfe\n", ":2:"),
    ] {
        let path = cluster.folder().join(name);
        std::fs::write(&path, text).expect("the folder is ours");
        let path = path.display().to_string();
        for namespace in ["shop", "new"] {
            let told = cli.run(&["config", "import", namespace, &path, "--create-namespace"]).await.failed(7);
            assert!(told.contains(&format!("{path}{place}")), "{name}: {told}");
        }
    }
    assert_eq!(cluster.agree().await, before, "not even an entry was added to the log");
}

#[tokio::test]
async fn files_that_are_too_much_or_not_there() {
    let mut cluster = one().await;
    let cli = cluster.command_line();
    cli.run(&["config", "create", "shop"]).await.done();
    let before = cluster.agree().await;
    let write = |name: &str, text: String| {
        let path = cluster.folder().join(name);
        std::fs::write(&path, text).expect("the folder is ours");
        path.display().to_string()
    };
    let many = write("many.properties", (0..1_001).map(|n| format!("k{n} = v\n")).collect());
    let told = cli.run(&["config", "import", "shop", &many]).await.failed(7);
    assert!(told.contains("1,001") && told.contains("--split"), "{told}");
    let long = write("long.properties", format!("{} = v\n", "k".repeat(600)));
    let told = cli.run(&["config", "import", "shop", &long]).await.failed(7);
    assert!(told.contains("600 bytes, of which 512"), "{told}");
    let huge = write("huge.properties", format!("a = {}\n", "x".repeat(9 << 20)));
    let told = cli.run(&["config", "import", "shop", &huge]).await.failed(7);
    assert!(told.contains("8,388,608"), "{told}");
    let told = cli.run(&["config", "import", "shop", "/nowhere/settings.yaml"]).await.failed(1);
    assert!(told.contains("/nowhere/settings.yaml"), "{told}");
    let told = cli.run(&["config", "import", "shop", &write("settings.ini", "a=1".into())]).await.failed(2);
    assert!(told.contains("--format"), "{told}");
    assert_eq!(cluster.agree().await, before);

    cli.run(&["config", "import", "shop", &many, "--split"]).await.done();
    assert_eq!(crate::stage::items(&cluster.client(), "shop").await.len(), 1_001);
}
