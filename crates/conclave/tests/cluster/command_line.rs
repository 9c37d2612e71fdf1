//! The command line end to end, against three nodes: what a user types, what they see, what scripts get.

use std::time::Duration;

use conclave_testkit::{Cluster, CommandLine, wait};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::stage::{one, three};

async fn json(cli: &CommandLine, arguments: &[&str]) -> Value {
    let text = cli.run(&[arguments, &["--output", "json"]].concat()).await.done();
    serde_json::from_str(&text).expect("the output is JSON")
}

async fn with_prices() -> (Cluster, CommandLine) {
    let cluster = three().await;
    let cli = cluster.command_line().with("CONCLAVE_AUTHOR", "ada");
    cli.run(&["config", "create", "shop/prod", "--description", "what the shop reads"]).await.done();
    cli.run(&["config", "put", "shop/prod", "price=1", "name=Röstung №1 ☕", "-m", "first"]).await.done();
    cli.run(&["config", "put", "shop/prod", "price=2", "-m", "dearer"]).await.done();
    (cluster, cli)
}

#[tokio::test(flavor = "multi_thread")]
async fn put_get_history_diff_and_rollback() {
    let (_cluster, cli) = with_prices().await;
    assert_eq!(cli.run(&["config", "get", "shop/prod", "price"]).await.done(), "2");
    assert_eq!(cli.run(&["config", "get", "shop/prod", "name"]).await.done(), "Röstung №1 ☕");
    assert_eq!(cli.run(&["config", "get", "shop/prod", "price", "--at-version", "1"]).await.done(), "1");
    assert_eq!(cli.run(&["config", "get", "shop/prod", "price", "--local"]).await.code, Some(0));

    let history = json(&cli, &["config", "history", "shop/prod", "--changes"]).await;
    let versions = history["versions"].as_array().expect("a list");
    let told: Vec<_> = versions.iter().map(|it| (it["version"].as_u64(), it["message"].as_str())).collect();
    assert_eq!(told, [(Some(2), Some("dearer")), (Some(1), Some("first"))]);
    assert_eq!(
        (versions[0]["author"].as_str(), versions[0]["keys"][0]["key"].as_str()),
        (Some("ada"), Some("price"))
    );

    let diff = cli.run(&["config", "diff", "shop/prod", "1", "2"]).await.done();
    assert_eq!(diff, "shop/prod version 1 -> 2: 1 changed\n~ price\n    - 1\n    + 2\n");
    let diff = json(&cli, &["config", "diff", "shop/prod", "1"]).await;
    assert_eq!(
        (diff["changes"][0]["before"]["value"].as_str(), diff["to_version"].as_u64()),
        (Some("1"), Some(2))
    );

    let dry = cli.run(&["config", "rollback", "shop/prod", "--to", "1", "--dry-run"]).await.done();
    assert!(dry.starts_with("~ price\n    - 2\n    + 1\n") && dry.contains("nothing was changed"), "{dry}");
    assert_eq!(cli.run(&["config", "get", "shop/prod", "price"]).await.done(), "2");
    let done = cli.run(&["config", "rollback", "shop/prod", "--to", "1", "-m", "too dear"]).await.done();
    assert!(done.starts_with("shop/prod version 3: 1 changed (revision "), "{done}");
    assert_eq!(cli.run(&["config", "get", "shop/prod", "price"]).await.done(), "1");
    let table = cli.run(&["config", "history", "shop/prod"]).await.done();
    assert!(table.contains("(rollback to version 1) too dear"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_deletions_and_what_comes_back() {
    let (_cluster, cli) = with_prices().await;
    cli.run(&["config", "put", "shop/test", "price=0", "--create-namespace"]).await.done();
    let list = json(&cli, &["config", "list"]).await;
    let names: Vec<_> =
        list["namespaces"].as_array().expect("a list").iter().map(|it| it["name"].as_str()).collect();
    assert_eq!(names, [Some("shop/prod"), Some("shop/test")]);
    assert_eq!(list["namespaces"][0]["description"], "what the shop reads");
    let one = json(&cli, &["config", "list", "shop/t"]).await;
    assert_eq!(one["namespaces"].as_array().map(Vec::len), Some(1));

    let deleted = cli.run(&["config", "delete", "shop/prod", "name", "-m", "unused"]).await.done();
    assert!(deleted.starts_with("shop/prod version 3: 1 deleted"), "{deleted}");
    let refused = cli.run(&["config", "delete", "shop/prod", "--namespace"]).await.failed(2);
    assert!(refused.contains("--yes"), "{refused}");
    let gone = json(&cli, &["config", "delete", "shop/prod", "--namespace", "--yes"]).await;
    assert!(gone["revision"].as_u64() > Some(0) && gone["time"].is_string(), "{gone}");
    cli.run(&["config", "get", "shop/prod"]).await.failed(3);
    let history = cli.run(&["config", "history", "shop/prod"]).await.done();
    assert!(history.contains("(namespace deleted)"), "{history}");
    cli.run(&["config", "rollback", "shop/prod", "--to", "2"]).await.done();
    assert_eq!(cli.run(&["config", "get", "shop/prod", "price"]).await.done(), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn outputs_for_people_and_programs() {
    let (cluster, cli) = with_prices().await;
    let table = cli.run(&["config", "get", "shop/prod"]).await.done();
    assert!(table.starts_with("KEY    VALUE") && table.contains("price  2 "), "{table}");
    assert!(!table.contains('\u{1b}'), "no colour where there is no terminal");
    let items = json(&cli, &["config", "get", "shop/prod"]).await;
    assert_eq!((items["items"][1]["value"].as_str(), items["version"].as_u64()), (Some("2"), Some(2)));
    let yaml = cli.run(&["config", "get", "shop/prod", "price", "-o", "yaml"]).await.done();
    assert!(yaml.contains("namespace: shop/prod\n") && yaml.contains("key: price"), "{yaml}");
    let by_variable = cli.clone().with("CONCLAVE_OUTPUT", "json").run(&["config", "list"]).await.done();
    assert!(serde_json::from_str::<Value>(&by_variable).is_ok(), "{by_variable}");

    let file = cluster.folder().join("client.toml");
    let endpoints: Vec<_> = cluster.endpoints().split(',').map(str::to_owned).collect();
    std::fs::write(&file, format!("endpoints = {endpoints:?}\noutput = \"json\"\n"))
        .expect("the folder is ours");
    let by_file = CommandLine::new(crate::stage::BINARY.as_ref(), cluster.folder());
    let by_file =
        by_file.run(&["config", "list", "--client-config", &file.display().to_string()]).await.done();
    assert!(serde_json::from_str::<Value>(&by_file).is_ok(), "{by_file}");

    for (format, expected) in [
        ("json", "{\n  \"name\": \"Röstung №1 ☕\",\n  \"price\": \"2\"\n}\n"),
        ("properties", "name = Röstung №1 ☕\nprice = 2\n"),
        ("env", "name"),
        ("toml", "name = \"Röstung №1 ☕\"\nprice = \"2\"\n"),
        ("yaml", "name: Röstung №1 ☕\nprice: \"2\"\n"),
        ("xml", "<?xml"),
    ] {
        let text = cli.run(&["config", "get", "shop/prod", "--format", format]).await.done();
        let plain = |text: &str| text.replace(" = ", "=").replace(['"', '\''], "");
        assert!(plain(&text).starts_with(&plain(expected)), "{format}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_the_cluster() {
    let (mut cluster, cli) = with_prices().await;
    cluster.agree().await;
    let status = json(&cli, &["cluster", "status"]).await;
    let members = status["members"].as_array().expect("a list");
    assert_eq!(members.len(), 3);
    let leader = status["leader_id"].as_u64().expect("there is a leader");
    let leaders: Vec<_> =
        members.iter().filter(|it| it["role"] == "leader").map(|it| it["id"].as_u64()).collect();
    assert_eq!(leaders, [Some(leader)]);
    assert!(
        members.iter().all(|it| it["health"] == "ok" && it["digest"] == members[0]["digest"]),
        "{status}"
    );
    let table = cli.run(&["cluster", "status"]).await.done();
    assert!(table.contains(&format!("leader   node {leader}, term ")), "{table}");

    let away = cluster.ids().into_iter().find(|id| *id != leader).expect("there are three");
    cluster.node(away).kill();
    let status = wait::until("a member is missed", async || {
        let status = json(&cli, &["cluster", "status"]).await;
        let missed = status["members"].as_array()?.iter().any(|it| it["health"] == "unreachable");
        missed.then_some(status)
    })
    .await;
    assert_eq!(status["leader_id"].as_u64(), Some(leader));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_prints_changes_as_they_happen_and_survives_the_loss_of_its_node() {
    let (mut cluster, cli) = with_prices().await;
    // It connects to the node that it is told first.
    let mut watch = cli.spawn(&["config", "watch", "shop/prod", "--output", "json"]);
    let mut lines = BufReader::new(watch.stdout.take().expect("it was asked for")).lines();
    let mut next = async || {
        let line = tokio::time::timeout(Duration::from_secs(30), lines.next_line()).await;
        let line = line.expect("an event comes").expect("it can be read").expect("the watch goes on");
        serde_json::from_str::<Value>(&line).expect("one object a line")
    };
    let reset = next().await;
    assert_eq!(
        (reset["event"].as_str(), reset["namespaces"][0]["version"].as_u64()),
        (Some("reset"), Some(2))
    );
    cli.run(&["config", "put", "shop/prod", "price=3"]).await.done();
    let event = next().await;
    assert_eq!((event["event"].as_str(), event["version"].as_u64()), (Some("version"), Some(3)));
    assert_eq!(event["changes"][0]["after"]["value"], "3");

    for (id, version) in [(1, 4), (2, 5)] {
        cluster.node(id).kill();
        cli.run(&["config", "put", "shop/prod", &format!("price={version}")]).await.done();
        let event = next().await;
        assert_eq!(event["version"].as_u64(), Some(version), "after the loss of node {id}");
        cluster.start_node(id);
        cluster.all_serve().await;
    }
    assert!(watch.try_wait().expect("it is our child").is_none(), "it still runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_tell_scripts_what_went_wrong() {
    let (cluster, cli) = with_prices().await;
    let put = ["config", "put", "shop/prod", "price=9"];
    let says = async |code: i32, arguments: &[&str], text: &str| {
        let told = cli.run(arguments).await.failed(code);
        assert!(told.contains(text), "{arguments:?}: {told}");
    };
    says(2, &["config", "put", "shop/prod"], "Usage").await;
    says(2, &["config", "get", "shop/prod", "--at-version", "0"], "0").await;
    says(2, &["config", "list", "--output", "xml"], "xml").await;
    says(2, &["config", "list", "--timeout", "soon"], "soon").await;
    says(2, &["config", "lists"], "list").await;
    says(3, &["config", "get", "shop/prods"], "\"shop/prods\" does not exist").await;
    says(3, &["config", "get", "shop/prod", "cost"], "no item \"cost\"").await;
    says(3, &["config", "get", "shop/prod", "--at-version", "9"], "no version 9").await;
    says(3, &["config", "rollback", "shop/prod", "--to", "9"], "no version 9").await;
    says(3, &["config", "put", "shop/prods", "a=1"], "--create-namespace").await;
    says(4, &[&put[..], &["--expect-version", "1"]].concat(), "is at version 2, not at 1").await;
    says(4, &["config", "create", "shop/prod"], "exists already").await;
    says(7, &["config", "put", "shop//prod", "a=1"], "its segment 2 is \"\"").await;
    says(7, &["config", "create", "shop/.."], "its segment 2 is \"..\"").await;
    says(7, &["config", "put", "shop/prod", &format!("{}=1", "k".repeat(513))], "513 bytes, of which 512")
        .await;

    cli.run(&[&put[..], &["--request-id", "once"]].concat()).await.done();
    cli.run(&[&put[..], &["--request-id", "once"]].concat()).await.done();
    says(4, &["config", "put", "shop/prod", "price=8", "--request-id", "once"], "\"once\" was used").await;
    let history = json(&cli, &["config", "history", "shop/prod"]).await;
    assert_eq!(history["versions"][0]["version"].as_u64(), Some(3), "of all these one was applied, once");

    let free = conclave_testkit::Port::take();
    let nobody = cluster.command_line().with("CONCLAVE_ENDPOINTS", free.address().to_string());
    let told = nobody.run(&["config", "list", "--timeout", "1s"]).await.failed(5);
    assert!(told.contains(&free.address().to_string()) && told.contains("hint: "), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_refuses_and_leaves_nothing_open() {
    let cluster = one().await;
    let cli = cluster.command_line();
    cli.run(&["config", "create", "shop/c"]).await.done();
    let updated = cli
        .run(&["config", "update", "shop/c", "--max-versions-per-minute", "1", "--owner", "ada"])
        .await
        .done();
    assert!(
        updated.contains("  max-versions-per-minute: (not set) -> 1\n  owner: (not set) -> ada\n"),
        "{updated}"
    );
    cli.run(&["config", "put", "shop/c", "price=1"]).await.done();
    let (mut price, mut ran) = ("1", cli.run(&["config", "put", "shop/c", "price=2"]).await);
    if ran.code == Some(0) {
        // The minute of the clock has turned between the two, and does not do so again at once.
        let history = json(&cli, &["config", "history", "shop/c"]).await;
        let minute =
            |place: usize| history["versions"][place]["time"].as_str().expect("a time")[..16].to_owned();
        assert_ne!(minute(0), minute(1), "two versions in one minute");
        (price, ran) = ("2", cli.run(&["config", "put", "shop/c", "price=3"]).await);
    }
    let told = ran.failed(7);
    assert!(!told.contains("not known") && told.contains("tried again in"), "{told}");
    assert_eq!(cli.run(&["config", "get", "shop/c", "price"]).await.done(), price);
    cli.run(&["config", "defaults", "set", "--max-namespaces", "1"]).await.done();
    let told = cli.run(&["config", "create", "shop/d"]).await.failed(7);
    assert!(told.contains("`conclave config defaults` shows"), "{told}");

    let told = cli.run(&["config", "get", "shop/c", "--at-time", "2026-01-01"]).await.failed(3);
    assert!(told.contains("by 2026-01-01T00:00:00.000Z: the oldest"), "{told}");
    cli.run(&["config", "get", "shop/c", "--at-time", "0s"]).await.done();
    cli.run(&["config", "get", "shop/c", "--at-time", "1h ago"]).await.failed(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_port_is_told() {
    let mut cluster = one().await;
    let peer = cluster.node(1).peer_address().to_string();
    let cli = cluster.command_line();
    for command in [&["config", "list"][..], &["cluster", "status"], &["backup", "create", "b.conclave"]] {
        let told = cli.run(&[command, &["--endpoints", &peer]].concat()).await.failed(1);
        assert!(
            told.contains("is this its port for clients?") && told.contains("hint: --endpoints"),
            "{told}"
        );
    }
    let client = cluster.node(1).client_address().to_string();
    let (ports, token) = ([conclave_testkit::Port::take(), conclave_testkit::Port::take()], "t".repeat(43));
    let [listen, peers] = [0, 1].map(|at: usize| ports[at].address().to_string());
    let mut joining = cli.spawn(&[
        "serve",
        "--join",
        &client,
        "--token",
        &token,
        "--data-dir",
        "j1",
        "--client-listen",
        &listen,
        "--peer-listen",
        &peers,
    ]);
    let mut said = BufReader::new(joining.stderr.take().expect("it was asked for")).lines();
    let told = async {
        loop {
            let line = said.next_line().await.expect("it is text").expect("it goes on");
            if line.contains("not a port for the nodes among themselves") {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), told).await.expect("it says why");
    joining.kill().await.expect("it is ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_a_quorum_lives_and_is_not_ready() {
    let mut cluster = three().await;
    let cli = cluster.command_line();
    let endpoint = cluster.node(1).client_address().to_string();
    assert_eq!(cli.run(&["probe", "--endpoint", &endpoint]).await.done(), "");
    cli.run(&["probe", "ready", "--endpoint", &format!("http://{endpoint}/")]).await.done();
    cli.clone().with("CONCLAVE_CLIENT_LISTEN", &*endpoint).run(&["probe"]).await.done();
    cluster.node(2).kill();
    cluster.node(3).kill();
    let told = wait::until("the node is not ready", async || {
        let ran = cli.run(&["probe", "ready", "--endpoint", &endpoint]).await;
        (ran.code != Some(0)).then(|| ran.failed(5))
    })
    .await;
    assert!(told.contains(&format!("{endpoint}: no-leader:")), "{told}");
    cli.run(&["probe", "live", "--endpoint", &endpoint]).await.done();
    cluster.node(1).kill();
    cli.run(&["probe", "--endpoint", &endpoint]).await.failed(5);
}

#[tokio::test]
async fn help_versions_and_completions() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cli = CommandLine::new(crate::stage::BINARY.as_ref(), folder.path());
    let commands = "put import export get list search create describe update delete history diff rollback tag \
                    untag tags watch wait defaults";
    for command in commands.split_whitespace() {
        let help = cli.run(&["config", command, "--help"]).await.done();
        assert!(
            help.contains("Examples:\n") && help.contains(&format!("conclave config {command}")),
            "{help}"
        );
    }
    for command in [&["serve"][..], &["cluster", "status"], &["probe"], &["completions"], &["version"]] {
        let help = cli.run(&[command, &["--help"]].concat()).await.done();
        assert!(help.contains("Example"), "{command:?}: {help}");
    }
    assert!(cli.run(&["--help"]).await.done().contains("Exit codes:"));
    assert!(cli.run(&["version"]).await.done().starts_with("conclave "));
    for shell in ["bash", "zsh", "fish"] {
        assert!(cli.run(&["completions", shell]).await.done().contains("rollback"), "{shell}");
    }
}
