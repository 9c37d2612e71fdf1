//! The command that makes a backup, or the node that it reads from, is killed in the middle of it: what is left
//! is never taken for a backup, and is in nobody's way. The same for the command that restores one.

use std::fs;
use std::path::{Path, PathBuf};

use conclave_testkit::{Cluster, CommandLine, Ran, wait};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::pipe;
use tokio::process::Child;

use crate::stage::{create, fill, items, one};
use crate::start_refused::refusal;
use crate::valve::Valve;

const VALUE_SIZE_BYTES: usize = 1_000_000;
/// So much of a backup comes through; there is more.
const PASSES_BYTES: usize = 4 << 20;
/// So much is more than a directory's objects are kept in memory for, also when it is compressed.
const PASSES_TO_DISK_BYTES: usize = 16 << 20;

/// A backup that does not go on.
struct Held {
    command: Child,
    valve: Valve,
}

impl Held {
    /// Begins one of node 1 that is held in the middle.
    async fn begin(cluster: &mut Cluster, place: &str, passes_bytes: usize) -> Self {
        let valve = Valve::before(cluster.node(1).client_address(), passes_bytes).await;
        let endpoint = valve.address().to_string();
        let cli = cluster.command_line();
        let command = cli.spawn(&["backup", "create", place, "--endpoints", &endpoint]);
        valve.holds().await;
        assert_eq!(kept(cluster), 1, "the node keeps its files for it");
        Self { command, valve }
    }

    async fn kill(mut self) {
        self.command.kill().await.expect("it is our child");
    }

    /// Lets through what there is, and tells how the command ends.
    async fn ends(self) -> Ran {
        self.valve.open();
        let ending = tokio::time::timeout(wait::PATIENCE, self.command.wait_with_output());
        let output = ending.await.expect("it ends").expect("it is our child");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

async fn with_data() -> Cluster {
    let cluster = one().await;
    let client = cluster.client();
    create(&client, "shop").await;
    fill(&client, "shop", 0..10, VALUE_SIZE_BYTES).await;
    cluster
}

/// How many checkpoints lie on the node's disk.
fn kept(cluster: &mut Cluster) -> usize {
    fs::read_dir(cluster.node(1).data_dir().join("snapshots")).expect("it is there").count()
}

/// Waits until the node keeps nothing for a backup any more.
async fn lets_go(cluster: &mut Cluster) {
    wait::until("the node lets go of its files", async || (kept(cluster) == 0).then_some(())).await;
}

/// What was written of archives under another name.
fn unfinished(cluster: &Cluster) -> Vec<PathBuf> {
    let entries = fs::read_dir(cluster.folder()).expect("it is there").flatten();
    let is_one = |path: &PathBuf| path.to_string_lossy().contains("/.conclave-backup-");
    entries.map(|entry| entry.path()).filter(is_one).collect()
}

async fn is_made_and_intact(cli: &CommandLine, place: &str) {
    cli.run(&["backup", "create", place]).await.done();
    let verified = cli.run(&["backup", "verify", place]).await.done();
    assert!(verified.contains(": intact, "), "{verified}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_killed_leaves_no_file_that_is_a_backup() {
    let mut cluster = with_data().await;
    let cli = cluster.command_line();
    let held = Held::begin(&mut cluster, "all.conclave", PASSES_BYTES).await;
    let written = async || {
        let left = unfinished(&cluster).pop()?;
        (left.metadata().ok()?.len() >= 1 << 20).then_some(left)
    };
    let left = wait::until("a part of it is on disk", written).await.display().to_string();
    held.kill().await;

    assert!(!cluster.folder().join("all.conclave").exists(), "it has its name when it is whole");
    cli.run(&["backup", "verify", "all.conclave"]).await.failed(3);
    let told = cli.run(&["backup", "verify", &left]).await.failed(7);
    assert!(told.contains("cut short"), "{told}");
    let restore = ["backup", "restore", &left, "--data-dir", "new", "--node-id", "1"];
    cli.run(&[&restore[..], &["--initial-cluster", "1=127.0.0.1:1"]].concat()).await.failed(7);
    assert!(!cluster.folder().join("new/identity").exists());

    lets_go(&mut cluster).await;
    is_made_and_intact(&cli, "all.conclave").await;
    assert_eq!(unfinished(&cluster), Vec::<PathBuf>::new(), "the next one removes what is left");
    lets_go(&mut cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_killed_leaves_no_file_and_keeps_nothing() {
    let mut cluster = with_data().await;
    let cli = cluster.command_line();
    let held = Held::begin(&mut cluster, "all.conclave", PASSES_BYTES).await;
    cluster.node(1).kill();
    let told = held.ends().await.failed(5);
    println!("{told}");
    assert!(!cluster.folder().join("all.conclave").exists() && unfinished(&cluster).is_empty());

    assert_eq!(kept(&mut cluster), 1, "nobody was there to remove it");
    cluster.start_node(1);
    cluster.all_serve().await;
    assert_eq!(kept(&mut cluster), 0);
    is_made_and_intact(&cli, "all.conclave").await;
    lets_go(&mut cluster).await;
}

/// Ids of the backups in the directory.
async fn listed(cli: &CommandLine) -> Vec<String> {
    let text = cli.run(&["backup", "list", "backups", "--output", "json"]).await.done();
    let listing: Value = serde_json::from_str(&text).expect("the output is JSON");
    let backups = listing["backups"].as_array().expect("a list").iter();
    backups.map(|backup| backup["id"].as_str().expect("each has an id").to_owned()).collect()
}

async fn all_are_intact(cli: &CommandLine, ids: &[String]) {
    for id in ids {
        cli.run(&["backup", "verify", "backups", "--backup", id]).await.done();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_off_in_a_directory_harms_no_backup_before_or_after() {
    let mut cluster = with_data().await;
    let cli = cluster.command_line();
    cli.run(&["backup", "create", "backups/"]).await.done();
    let first = listed(&cli).await;
    fill(&cluster.client(), "shop", 10..32, VALUE_SIZE_BYTES).await;

    let held = Held::begin(&mut cluster, "backups", PASSES_TO_DISK_BYTES).await;
    let objects = cluster.folder().join("backups/objects");
    let written = async || {
        let mut names = fs::read_dir(&objects).ok()?.flatten().map(|entry| entry.file_name());
        names.find(|name| name.to_string_lossy().contains('#'))
    };
    let left = wait::until("a part of an object is on disk", written).await;
    held.kill().await;
    assert!(objects.join(&left).exists(), "nobody was there to remove it");
    assert_eq!(listed(&cli).await, first);
    all_are_intact(&cli, &first).await;
    lets_go(&mut cluster).await;

    let held = Held::begin(&mut cluster, "backups", PASSES_TO_DISK_BYTES).await;
    cluster.node(1).kill();
    held.ends().await.failed(5);
    assert_eq!(listed(&cli).await, first);
    all_are_intact(&cli, &first).await;

    cluster.start_node(1);
    cluster.all_serve().await;
    assert_eq!(kept(&mut cluster), 0);
    cli.run(&["backup", "create", "backups/"]).await.done();
    let both = listed(&cli).await;
    assert!(both.len() == 2 && both[0] == first[0], "{both:?} after {first:?}");
    all_are_intact(&cli, &both).await;
    lets_go(&mut cluster).await;
}

/// A pipe in place of an archive, of which only the first half comes.
async fn half_of(archive: &Path, pipe: &Path) -> pipe::Sender {
    let bytes = fs::read(archive).expect("it is there");
    // Whoever reads it opens it first.
    let open = async || pipe::OpenOptions::new().open_sender(pipe).ok();
    let mut sender = wait::until("the archive is opened", open).await;
    sender.write_all(&bytes[..bytes.len() / 2]).await.expect("it is read");
    sender
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_killed_leaves_nothing_to_start_on_and_is_done_again() {
    let mut cluster = with_data().await;
    let cli = cluster.command_line();
    cli.run(&["backup", "create", "all.conclave"]).await.done();
    let before = items(&cluster.client(), "shop").await;
    cluster.node(1).kill();

    let (archive, half) = (cluster.folder().join("all.conclave"), cluster.folder().join("half.conclave"));
    let made = std::process::Command::new("mkfifo").arg(&half).status();
    assert!(made.is_ok_and(|status| status.success()), "a pipe can be made");
    let again = cluster.folder().join("again");
    let (dir, peer) = (again.display().to_string(), format!("1={}", cluster.node(1).peer_address()));
    let as_whom = ["--data-dir", &dir, "--node-id", "1", "--initial-cluster", &peer];
    let mut command = cli.spawn(&[&["backup", "restore", "half.conclave"], &as_whom[..]].concat());
    let _open = half_of(&archive, &half).await;
    command.kill().await.expect("it is our child");

    assert!(again.join("restoring").is_dir() && !again.join("identity").exists(), "it was amid");
    cluster.node(1).set("data_dir", &dir);
    let told = refusal(&mut cluster, 1).await;
    assert!(told.contains(&dir) && told.contains("restoring"), "{told}");
    cli.run(&[&["backup", "restore", "all.conclave"], &as_whom[..]].concat()).await.done();
    assert!(!again.join("restoring").exists());
    cluster.start_node(1);
    cluster.all_serve().await;
    assert!(items(&cluster.client(), "shop").await == before, "all is there");
}
