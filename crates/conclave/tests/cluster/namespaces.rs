//! What is known of namespaces beside their items, on the command line; and what quotas refuse.

use conclave_testkit::CommandLine;
use serde_json::Value;

use crate::stage::one;

async fn json(cli: &CommandLine, arguments: &[&str]) -> Value {
    let text = cli.run(&[arguments, &["--output", "json"]].concat()).await.done();
    serde_json::from_str(&text).expect("the output is JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn owner_labels_and_bounds_are_set_and_shown() {
    let cluster = one().await;
    let cli = cluster.command_line();
    let create =
        ["config", "create", "shop/prod", "--owner", "ada", "--label", "tier=1", "--keep-versions", "20"];
    cli.run(&create).await.done();
    cli.run(&["config", "put", "shop/prod", "a=1", "b=22"]).await.done();
    cli.run(&["config", "tag", "shop/prod", "stable"]).await.done();
    let change =
        ["config", "update", "shop/prod", "--label", "zone=eu", "--remove-label", "tier", "--max-items", "3"];
    cli.run(&change).await.done();

    let told = json(&cli, &["config", "describe", "shop/prod"]).await;
    assert_eq!((told["owner"].as_str(), &told["labels"]), (Some("ada"), &serde_json::json!({"zone": "eu"})));
    assert_eq!(
        (told["version"].as_u64(), told["usage"]["items"].as_u64()),
        (Some(1), Some(2)),
        "no version was made"
    );
    assert_eq!(
        (told["bounds"]["keep_versions"].as_u64(), told["bounds"]["keep_days"].as_u64()),
        (Some(20), Some(90))
    );
    assert_eq!(
        (told["bounds"]["max_items"].as_u64(), told["bounds"]["max_bytes"].is_null()),
        (Some(3), true)
    );
    assert_eq!(told["tags"][0]["name"], "stable");
    let text = cli.run(&["config", "describe", "shop/prod"]).await.done();
    assert!(
        text.contains("items        2 of at most 3\n") && text.contains("tags         stable (1)\n"),
        "{text}"
    );

    cli.run(&["config", "put", "shop/prod", "c=3"]).await.done();
    let refused = cli.run(&["config", "put", "shop/prod", "d=4"]).await.failed(7);
    assert!(refused.contains("may have 3 items, and 4 would be used"), "{refused}");
    cli.run(&["config", "update", "shop/prod", "--max-items", "default", "--keep-versions", "default"])
        .await
        .done();
    cli.run(&["config", "put", "shop/prod", "d=4"]).await.done();
    let told = json(&cli, &["config", "describe", "shop/prod"]).await;
    assert!(
        told["own_bounds"]["keep_versions"].is_null() && told["bounds"]["keep_versions"] == 1_000,
        "{told}"
    );
    cli.run(&["config", "update", "shop/none", "--owner", "x"]).await.failed(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn defaults_hold_for_namespaces_that_say_nothing() {
    let cluster = one().await;
    let cli = cluster.command_line();
    let first = json(&cli, &["config", "defaults"]).await;
    assert_eq!((first["keep_versions"].as_u64(), first["keep_days"].as_u64()), (Some(1_000), Some(90)));
    assert!(
        first["max_items"].is_null() && first["max_namespaces"].is_null() && first["namespaces"] == 0,
        "{first}"
    );
    let set = ["config", "defaults", "set", "--keep-days", "7", "--max-items", "2", "--max-namespaces", "1"];
    cli.run(&set).await.done();
    let now = json(&cli, &["config", "defaults", "show"]).await;
    assert_eq!(
        (now["keep_versions"].as_u64(), now["keep_days"].as_u64()),
        (Some(1_000), Some(7)),
        "the rest stays"
    );

    cli.run(&["config", "put", "a", "k=1", "--create-namespace"]).await.done();
    cli.run(&["config", "put", "a", "l=1", "m=1"]).await.failed(7);
    let refused = cli.run(&["config", "create", "b"]).await.failed(7);
    assert!(refused.contains("may have 1 namespaces"), "{refused}");
    cli.run(&["config", "defaults", "set", "--max-namespaces", "none", "--max-items", "none"]).await.done();
    cli.run(&["config", "create", "b"]).await.done();
    cli.run(&["config", "put", "a", "l=1", "m=1"]).await.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn items_are_found_by_what_they_hold() {
    let cluster = one().await;
    let cli = cluster.command_line();
    cli.run(&["config", "put", "shop/prod", "db.url=postgres://DB-1/shop", "db-1=x", "--create-namespace"])
        .await
        .done();
    cli.run(&["config", "put", "pay/prod", "url=db-1:5432", "--create-namespace"]).await.done();
    let found = async |arguments: &[&str]| {
        let told = json(&cli, &[&["config", "search"], arguments].concat()).await;
        let matches = told["matches"].as_array().expect("a list").clone();
        let name = |it: &Value| {
            format!("{} {}", it["namespace"].as_str().unwrap_or(""), it["item"]["key"].as_str().unwrap_or(""))
        };
        matches.iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(found(&["db-1"]).await, ["pay/prod url", "shop/prod db-1"]);
    assert_eq!(found(&["db-1", "-i"]).await, ["pay/prod url", "shop/prod db-1", "shop/prod db.url"]);
    assert_eq!(found(&["db-1", "-i", "--values"]).await, ["pay/prod url", "shop/prod db.url"]);
    assert_eq!(
        found(&["db", "--keys", "--namespace", "shop/"]).await,
        ["shop/prod db-1", "shop/prod db.url"]
    );
    assert_eq!(found(&["db-1", "-i", "--limit", "1"]).await.len(), 1);
    let none = cli.run(&["config", "search", "nowhere"]).await;
    assert!(none.stderr.contains("no item contains \"nowhere\""), "{}", none.stderr);
    assert_eq!(none.done(), "");
}
