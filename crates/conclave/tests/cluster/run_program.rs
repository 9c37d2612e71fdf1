//! `conclave run`: what a program gets, what it hears of changes, and how it ends.

use std::path::{Path, PathBuf};

use conclave_testkit::{Cluster, CommandLine, wait};

use crate::running::Running;
use crate::stage::{one, three};

pub(crate) async fn with_shop() -> (Cluster, CommandLine) {
    let cluster = one().await;
    let cli = cluster.command_line();
    cli.run(&["config", "put", "shop/prod", "db.url=one", "log-level=info", "--create-namespace"])
        .await
        .done();
    (cluster, cli)
}

/// A program under `conclave run`.
fn start(cli: &CommandLine, arguments: &[&str], script: &str) -> Running {
    Running::start(cli, &[&["run"], arguments, &["--", "sh", "-c", script]].concat())
}

/// Tells what it has, waits, and says so when it is asked to end.
const SERVICE: &str =
    "trap 'echo ends; exit 0' TERM; echo \"$DB_URL $LOG_LEVEL\"; while :; do sleep 0.1; done";

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("the folder is ours");
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_gets_its_environment_and_its_code_is_told() {
    let (_cluster, cli) = with_shop().await;
    let script = "echo \"$DB_URL $LOG_LEVEL $EXTRA\"; exit 7";
    let cli = cli.with("EXTRA", "inherited");
    let ran = cli.run(&["run", "shop/prod", "--", "sh", "-c", script]).await;
    assert_eq!((ran.code, &*ran.stdout), (Some(7), "one info inherited\n"), "{}", ran.stderr);
    let ran =
        cli.run(&["run", "shop/prod", "--env-prefix", "APP_", "--", "sh", "-c", "echo $APP_DB_URL"]).await;
    assert_eq!(ran.done(), "one\n");
    let ran = cli.run(&["run", "shop/prod", "--no-env", "--", "sh", "-c", "echo \"<$DB_URL>\""]).await;
    assert_eq!(ran.done(), "<>\n");
    let ran = cli.run(&["run", "shop/prod", "--", "sh", "-c", "kill -9 $$"]).await;
    assert_eq!(ran.code, Some(137));
    assert!(
        cli.run(&["run", "shop/prod", "--", "/no/such/program"])
            .await
            .failed(127)
            .contains("/no/such/program")
    );
    cli.run(&["run", "shop/none", "--", "true"]).await.failed(3);
    let told = cli.run(&["run", "shop/prod", "--env-prefix", "bad prefix", "--", "true"]).await.failed(2);
    assert!(told.contains("letters, digits and _"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn items_that_make_no_environment_are_named() {
    let (_cluster, cli) = with_shop().await;
    cli.run(&["config", "put", "shop/prod", "db-url=secret"]).await.done();
    let told = cli.run(&["run", "shop/prod", "--", "true"]).await.failed(7);
    assert!(told.contains("\"db-url\" and \"db.url\" both make the variable DB_URL"), "{told}");
    assert!(!told.contains("secret"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_restarts_it_and_what_makes_no_difference_does_not() {
    let (_cluster, cli) = with_shop().await;
    let mut running = start(&cli, &["shop/prod"], SERVICE);
    assert_eq!(running.line().await, "one info");
    // The same content again is another version and no difference.
    cli.run(&["config", "rollback", "shop/prod", "--to", "1"]).await.done();
    cli.run(&["config", "put", "shop/prod", "db.url=two", "log-level=debug"]).await.done();
    assert_eq!((running.line().await, running.line().await), ("ends".into(), "two debug".into()));
    cli.run(&["config", "put", "shop/prod", "db-url=collides"]).await.done();
    cli.run(&["config", "delete", "shop/prod", "db-url"]).await.done();
    cli.run(&["config", "put", "shop/prod", "db.url=three"]).await.done();
    assert_eq!((running.line().await, running.line().await), ("ends".into(), "three debug".into()));

    running.signal("TERM");
    assert_eq!(running.line().await, "ends");
    assert_eq!(running.code().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_does_not_end_is_killed_after_the_grace_time() {
    let (_cluster, cli) = with_shop().await;
    let stubborn = "trap '' TERM INT; echo up; while :; do sleep 0.1; done";
    for signal in ["TERM", "INT"] {
        let mut running = start(&cli, &["shop/prod", "--grace", "300ms"], stubborn);
        assert_eq!(running.line().await, "up");
        running.signal(signal);
        assert_eq!(running.code().await, Some(137), "{signal}");
        assert!(running.said().await.contains("within 300 ms and is killed"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_are_rendered_and_a_signal_tells_of_changes() {
    let (cluster, cli) = with_shop().await;
    let template = write(cluster.folder(), "app.j2", "url = {{ config.db.url }}\n");
    let target = cluster.folder().join("app.conf");
    let pair = format!("{}:{}", template.display(), target.display());
    let script = format!("trap 'cat {0}' HUP; cat {0}; while :; do sleep 0.1; done", target.display());
    let arguments = ["shop/prod", "--no-env", "--template", &pair, "--on-change", "signal:HUP"];
    let mut running = start(&cli, &arguments, &script);
    assert_eq!(running.line().await, "url = one");
    cli.run(&["config", "put", "shop/prod", "db.url=two"]).await.done();
    assert_eq!(running.line().await, "url = two");

    // A change that cannot be rendered keeps the file; the next good one replaces it.
    cli.run(&["config", "delete", "shop/prod", "db.url"]).await.done();
    assert!(running.note().await.contains("is not applied"));
    let told = running.note().await;
    assert!(told.contains("app.j2, line 1: "), "{told}");
    assert_eq!(std::fs::read_to_string(&target).expect("it is there"), "url = two\n");
    cli.run(&["config", "put", "shop/prod", "db.url=three"]).await.done();
    assert_eq!(running.line().await, "url = three");
    running.signal("TERM");
    assert_eq!(running.code().await, Some(143));

    let broken = write(cluster.folder(), "broken.j2", "\n{{ config.nothing }}\n");
    let pair = format!("{}:{}", broken.display(), cluster.folder().join("no").display());
    let told = cli.run(&["run", "shop/prod", "--template", &pair, "--", "true"]).await.failed(7);
    assert!(told.contains("broken.j2, line 2: ") && !cluster.folder().join("no").exists(), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_action_only_files_change() {
    let (cluster, cli) = with_shop().await;
    let template = write(cluster.folder(), "app.j2", "{{ config.db.url }}");
    let target = cluster.folder().join("app.conf");
    let pair = format!("{}:{}", template.display(), target.display());
    let mut running = start(&cli, &["shop/prod", "--template", &pair, "--on-change", "none"], SERVICE);
    assert_eq!(running.line().await, "one info");
    cli.run(&["config", "put", "shop/prod", "db.url=two"]).await.done();
    wait::until("the file is replaced", async || {
        (std::fs::read_to_string(&target).ok()? == "two").then_some(())
    })
    .await;
    running.signal("TERM");
    assert_eq!(running.line().await, "ends", "it was not restarted");
    assert_eq!(running.code().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_from_the_last_good_copy_and_says_how_old_that_is() {
    let (mut cluster, cli) = with_shop().await;
    cli.run(&["run", "shop/prod", "--", "true"]).await.done();
    cluster.node(1).kill();
    let away = ["run", "shop/prod", "--timeout", "500ms"];
    let ran = cli.run(&[&away[..], &["--", "sh", "-c", "echo $DB_URL"]].concat()).await;
    assert_eq!((ran.code, &*ran.stdout), (Some(0), "one\n"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("version 1, last known to be current") && ran.stderr.contains("s ago"),
        "{}",
        ran.stderr
    );
    let told = cli.run(&[&away[..], &["--no-cache", "--", "true"]].concat()).await;
    told.failed(5);

    // A program that runs on an old copy gets the present state when the cluster is back.
    let mut running = start(&cli, &["shop/prod", "--timeout", "500ms"], SERVICE);
    assert_eq!(running.line().await, "one info");
    cluster.start_node(1);
    cluster.all_serve().await;
    cli.run(&["config", "put", "shop/prod", "db.url=two"]).await.done();
    assert_eq!((running.line().await, running.line().await), ("ends".into(), "two info".into()));
    running.signal("TERM");
    assert_eq!(running.code().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_copy_is_found_by_any_node_and_never_that_of_another_cluster() {
    let (mut cluster, mut other) = (three().await, one().await);
    let cli = cluster.command_line();
    let [first, second, third] = [1, 2, 3].map(|id| cluster.node(id).client_address().to_string());
    let stranger = other.endpoints();
    let by = |endpoints: &str| cli.clone().with("CONCLAVE_ENDPOINTS", endpoints);
    for (endpoints, url) in [(&first, "db.url=one"), (&stranger, "db.url=other")] {
        by(endpoints).run(&["config", "put", "shop/prod", url, "--create-namespace"]).await.done();
        by(endpoints).run(&["run", "shop/prod", "--", "true"]).await.done();
    }
    cluster.kill_all();
    other.kill_all();
    let away = ["run", "shop/prod", "--timeout", "500ms", "--", "sh", "-c", "echo $DB_URL"];
    for (endpoints, expected) in [(format!("{third},{second}"), "one\n"), (stranger.clone(), "other\n")] {
        let ran = by(&endpoints).run(&away).await;
        assert_eq!((ran.code, &*ran.stdout), (Some(0), expected), "{endpoints}: {}", ran.stderr);
    }
    let told = by(&format!("{second},{stranger}")).run(&away).await.failed(5);
    assert!(told.contains("several clusters") && told.contains("--cache"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_starts_is_killed_with_it() {
    let (_cluster, cli) = with_shop().await;
    let script = "trap '' TERM; sleep 600 & echo up; wait; while :; do sleep 0.1; done";
    let mut running = start(&cli, &["shop/prod", "--grace", "200ms"], script);
    assert_eq!(running.line().await, "up");
    running.signal("TERM");
    assert_eq!(running.code().await, Some(137));
    // As long as any of them lives, the pipe is open.
    running.nobody_is_left().await;
}
