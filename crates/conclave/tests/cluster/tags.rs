//! Tags and moments on the command line: names for versions, and reading, comparing and rolling back by them.

use conclave_testkit::CommandLine;
use serde_json::Value;

use crate::stage::one;

async fn json(cli: &CommandLine, arguments: &[&str]) -> Value {
    let text = cli.run(&[arguments, &["--output", "json"]].concat()).await.done();
    serde_json::from_str(&text).expect("the output is JSON")
}

/// Three versions: the price is 1, 2 and 3.
async fn with_prices(cli: &CommandLine) {
    for price in 1..=3 {
        let put = format!("price={price}");
        cli.run(&["config", "put", "shop/prod", &put, "--create-namespace"]).await.done();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_names_a_version_until_it_is_moved() {
    let cluster = one().await;
    let cli = cluster.command_line();
    with_prices(&cli).await;
    let told =
        cli.run(&["config", "tag", "shop/prod", "stable", "--version", "1", "-m", "ran well"]).await.done();
    assert!(told.starts_with("shop/prod stable: version 1 (revision "), "{told}");
    cli.run(&["config", "tag", "shop/prod", "newest"]).await.done();
    let price = async |flags: &[&str]| {
        cli.run(&[&["config", "get", "shop/prod", "price"], flags].concat()).await.done()
    };
    assert_eq!(
        (price(&["--tag", "stable"]).await, price(&["--tag", "newest"]).await),
        ("1".into(), "3".into())
    );

    let refused = cli.run(&["config", "tag", "shop/prod", "stable", "--version", "2"]).await.failed(4);
    assert!(refused.contains("names version 1") && refused.contains("--move"), "{refused}");
    cli.run(&["config", "tag", "shop/prod", "stable", "--version", "2", "--move"]).await.done();
    let tags = json(&cli, &["config", "tags", "shop/prod"]).await;
    let told: Vec<_> = tags["tags"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| (it["name"].as_str(), it["version"].as_u64()))
        .collect();
    assert_eq!(told, [(Some("newest"), Some(3)), (Some("stable"), Some(2))]);

    let diff = cli.run(&["config", "diff", "shop/prod", "stable", "newest"]).await.done();
    assert_eq!(diff, "shop/prod version 2 -> 3: 1 changed\n~ price\n    - 2\n    + 3\n");
    let rolled = cli.run(&["config", "rollback", "shop/prod", "--to", "stable"]).await.done();
    assert!(rolled.starts_with("shop/prod version 4: 1 changed"), "{rolled}");
    assert_eq!(price(&[]).await, "2");

    cli.run(&["config", "untag", "shop/prod", "stable"]).await.done();
    let gone = cli.run(&["config", "get", "shop/prod", "price", "--tag", "stable"]).await.failed(3);
    assert!(gone.contains("no tag \"stable\"") && gone.contains("conclave config tags shop/prod"), "{gone}");
    cli.run(&["config", "untag", "shop/prod", "stable"]).await.failed(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_is_read_as_it_was_at_a_time_or_revision() {
    let cluster = one().await;
    let cli = cluster.command_line();
    with_prices(&cli).await;
    let history = json(&cli, &["config", "history", "shop/prod"]).await;
    let second = &history["versions"][1];
    let (time, revision) =
        (second["time"].as_str().expect("a time"), second["revision"].as_u64().expect("a revision"));
    let revision = revision.to_string();
    for flags in
        [["--at-revision", &revision], ["--revision", &revision], ["--at-version", "2"], ["--version", "2"]]
    {
        let price = cli.run(&[&["config", "get", "shop/prod", "price"][..], &flags].concat()).await.done();
        assert_eq!(price, "2", "{flags:?}");
    }
    let then = json(&cli, &["config", "get", "shop/prod", "--at-time", time]).await;
    assert!(then["version"].as_u64() >= Some(2), "the second was committed by then: {then}");
    let before = cli.run(&["config", "get", "shop/prod", "--at-time", "2001-01-01T00:00:00Z"]).await;
    before.failed(3);
    let diff = cli.run(&["config", "diff", "shop/prod", &format!("revision:{revision}")]).await.done();
    assert!(diff.starts_with("shop/prod version 2 -> 3: 1 changed\n"), "{diff}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_has_its_own_history() {
    let cluster = one().await;
    let cli = cluster.command_line().with("CONCLAVE_AUTHOR", "ada");
    with_prices(&cli).await;
    cli.run(&["config", "put", "shop/prod", "name=x"]).await.done();
    cli.run(&["config", "delete", "shop/prod", "price", "-m", "no longer sold"]).await.done();
    let history = json(&cli, &["config", "history", "shop/prod", "price"]).await;
    let changes = history["changes"].as_array().expect("a list");
    let told: Vec<_> = changes
        .iter()
        .map(|it| (it["version"]["version"].as_u64(), it["kind"].as_str(), it["item"]["value"].as_str()))
        .collect();
    let expected = [
        (Some(5), Some("deleted"), None),
        (Some(3), Some("changed"), Some("3")),
        (Some(2), Some("changed"), Some("2")),
        (Some(1), Some("added"), Some("1")),
    ];
    assert_eq!(told, expected);
    let table = cli.run(&["config", "history", "shop/prod", "price", "--limit", "1"]).await;
    assert!(table.stdout.contains("deleted") && table.stdout.contains("no longer sold"), "{}", table.stdout);
    assert!(table.stderr.contains("older"), "{}", table.stderr);
}
