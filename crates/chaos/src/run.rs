//! One run: a cluster, its clients, what is done to them, and what is found.

use std::fs;
use std::io::{self, Write as _};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use conclave_checker::lock::LockHistory;
use conclave_checker::watch::Account;
use conclave_checker::{Recorder, config, kv};
use conclave_testkit::{Cluster, ClusterOptions};
use futures::FutureExt as _;
use futures::future::join_all;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::checks::{check_answers, check_truth};
use crate::clients::config::Namespaces;
use crate::clients::worker::{WorkerArgs, WorkerProcess};
use crate::clients::{Client, kv_calls, sdk, watch_config, watch_keys};
use crate::clients::{config as config_client, kv as kv_client};
use crate::dice::Dice;
use crate::disks::Disks;
use crate::faults::Kind;
use crate::nemesis;
use crate::noted::Noted;
use crate::report::{Report, Wire};
use crate::site::{Site, now_ns};
use crate::stage::{Binaries, Stage};
use crate::truth::Truth;

/// How long clients may take to finish what they are at, and watchers to be told all.
const FINISH_LIMIT: Duration = Duration::from_secs(120);
/// The same, if the cluster is not well: nothing is to be expected of it.
const GIVE_UP_LIMIT: Duration = Duration::from_secs(10);

/// So slow that a small snapshot is on its way long enough to be met there.
const SNAPSHOT_RATE_BYTES_PER_S: u64 = 128 << 10;
/// `heartbeat_ms` of all nodes, and `election_ms_min` and `election_ms_max`, which the report names: the defaults.
const HEARTBEAT_MS: u64 = 50;
pub(crate) const ELECTION_MS: (u64, u64) = (150, 300);
/// The log is cut after so many entries: nodes that were away are sent snapshots.
const SNAPSHOT_ENTRIES: u64 = 300;

/// What a node says that closes a connection because of it.
const DAMAGED_ON_THE_WAY: &str = "was damaged on the way";

/// What a run is to be.
pub(crate) struct Plan {
    pub(crate) newer: PathBuf,
    pub(crate) older: Option<PathBuf>,
    pub(crate) length: Duration,
    pub(crate) seed: u64,
    pub(crate) nodes: u64,
    pub(crate) kinds: Vec<Kind>,
    /// So many clients of each sort.
    pub(crate) clients: u64,
    /// Where histories go, if something must not be.
    pub(crate) out: PathBuf,
}

/// Runs it.
pub(crate) async fn run(plan: &Plan) -> anyhow::Result<Report> {
    let mut dice = Dice::new(plan.seed);
    let binary = plan.newer.to_str().context("the program's path is no text")?;
    let mut cluster = Cluster::prepare(options(binary, plan.nodes)).await;
    let disks = disks(plan, &mut cluster)?;
    cluster.start_all();
    cluster.all_serve().await;
    let site = Site::new(now_ns());
    let binaries = Binaries { newer: plan.newer.clone(), older: plan.older.clone() };
    let mut stage = Stage::new((cluster, disks), dice.split(), site, binaries);
    stage.tell_endpoints().await;
    let kinds = possible(&plan.kinds, &stage)?;
    let clients = Clients::begin(plan, &mut dice, &mut stage).await?;
    let until = Instant::now() + plan.length;
    let tormented = AssertUnwindSafe(nemesis::torment(&mut stage, &kinds, until)).catch_unwind().await;
    let is_well = tormented.is_ok();
    if !is_well {
        let wrong = "the cluster did not get well: the panic above says what was waited for";
        stage.told.wrong.push(wrong.into());
        stage.tell_who_ended();
    }
    let (noted, truth) = clients.finish(&mut stage, is_well).await;
    judge(plan, stage, noted, truth)
}

fn options(binary: &str, nodes: u64) -> ClusterOptions {
    ClusterOptions::new(binary, nodes)
        .set("heartbeat_ms", HEARTBEAT_MS)
        .set("election_ms_min", ELECTION_MS.0)
        .set("election_ms_max", ELECTION_MS.1)
        .set("snapshot_entries", SNAPSHOT_ENTRIES)
        .set("snapshot_rate_bytes_per_s", SNAPSHOT_RATE_BYTES_PER_S)
        .with_links()
}

/// Disks for all nodes, if a fault needs them and they can be had.
fn disks(plan: &Plan, cluster: &mut Cluster) -> anyhow::Result<Option<Disks>> {
    if !plan.kinds.iter().any(|kind| kind.needs_disks()) {
        return Ok(None);
    }
    match Disks::try_new() {
        Ok(mut disks) => {
            cluster.ids().into_iter().try_for_each(|id| disks.add(cluster, id))?;
            Ok(Some(disks))
        }
        Err(error) => {
            writeln!(
                io::stdout(),
                "skipped: disks that lose what was not synced: FUSE is not to be had: {error}"
            )?;
            Ok(None)
        }
    }
}

/// The kinds of faults that can be done here. What cannot is said.
fn possible(kinds: &[Kind], stage: &Stage) -> anyhow::Result<Vec<Kind>> {
    let mut possible = Vec::new();
    for kind in kinds {
        match kind.missing(stage) {
            None => possible.push(*kind),
            Some(why) => writeln!(io::stdout(), "skipped: {}: {why}", kind.name())?,
        }
    }
    anyhow::ensure!(!possible.is_empty(), "none of these faults can be done here");
    Ok(possible)
}

fn judge(
    plan: &Plan,
    mut stage: Stage,
    noted: Noted,
    truth: anyhow::Result<Truth>,
) -> anyhow::Result<Report> {
    let mut found = check_answers(&noted, &plan.out);
    match truth {
        Ok(truth) => check_truth(&noted, &truth, &mut found),
        Err(error) => found.violations.push(format!("what really happened is not known: {error:#}")),
    }
    let wire = wire(&stage)?;
    if wire.bits > 0 && wire.found == 0 {
        found
            .violations
            .push(format!("{} bits were turned over between nodes, and nobody noticed", wire.bits));
    }
    let mut report = Report::of(&noted, std::mem::take(&mut stage.told), found);
    report.wire = wire;
    if !report.passed() {
        noted.save(&plan.out)?;
        fs::write(plan.out.join("story.txt"), report.told.story.join("\n") + "\n")?;
        keep_logs(stage.cluster.folder(), &plan.out)?;
    }
    Ok(report)
}

/// What became of the bits that were turned over between nodes, as these logged it.
fn wire(stage: &Stage) -> io::Result<Wire> {
    let mut wire = Wire { bits: stage.cluster.links().damaged(), found: 0 };
    for path in logs(stage.cluster.folder())? {
        wire.found += fs::read_to_string(path)?.matches(DAMAGED_ON_THE_WAY).count() as u64;
    }
    Ok(wire)
}

/// Keeps all logs.
fn keep_logs(from: &Path, to: &Path) -> io::Result<()> {
    for path in logs(from)? {
        fs::copy(&path, to.join(path.file_name().unwrap_or_default()))?;
    }
    Ok(())
}

/// What all nodes have logged, those that are gone too.
fn logs(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let paths = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    paths.filter(|path| path.as_ref().map_or(true, |path| path.extension() == Some("log".as_ref()))).collect()
}

/// All clients of a run.
struct Clients {
    site: Site,
    namespaces: Vec<String>,
    keys: Recorder<kv::Call, kv::Answer>,
    config: Recorder<config::Call, config::Answer>,
    callers: JoinSet<()>,
    key_watchers: JoinSet<Account>,
    config_watchers: JoinSet<anyhow::Result<Account>>,
}

impl Clients {
    async fn begin(plan: &Plan, dice: &mut Dice, stage: &mut Stage) -> anyhow::Result<Self> {
        let site = stage.site.clone();
        let namespaces = Namespaces::of(plan.length);
        let mut begun = Self {
            site: site.clone(),
            namespaces: namespaces.all(),
            keys: Recorder::new(now_ns),
            config: Recorder::new(now_ns),
            callers: JoinSet::new(),
            key_watchers: JoinSet::new(),
            config_watchers: JoinSet::new(),
        };
        let mut id = 0;
        let mut client = || {
            id += 1;
            Client::new(id, dice.split(), site.clone())
        };
        config_client::begin(client(), begun.config.clone(), namespaces).await;
        for _ in 0..plan.clients {
            begun.callers.spawn(kv_client::work(client(), begun.keys.clone()));
            begun.callers.spawn(config_client::work(client(), begun.config.clone(), namespaces));
        }
        for _ in 0..2 {
            begun.key_watchers.spawn(watch_keys::watch(client()));
            begun.config_watchers.spawn(watch_config::watch(client(), begun.namespaces.clone()));
        }
        for number in 1..=plan.clients {
            let worker = start_worker(1_000 + number, dice.seed(), stage).await?;
            stage.workers.push(worker);
        }
        Ok(begun)
    }

    /// Has all clients finish; gives what they noted, and what really happened.
    async fn finish(mut self, stage: &mut Stage, is_well: bool) -> (Noted, anyhow::Result<Truth>) {
        self.site.end();
        let mut wrong = Vec::new();
        let mut noted = Noted::default();
        let limit = if is_well { FINISH_LIMIT } else { GIVE_UP_LIMIT };
        if timeout(limit, join(&mut self.callers)).await.is_err() {
            wrong.push("some clients do not come to an end".to_owned());
        }
        noted.locks = finish_workers(stage, limit, &mut wrong).await;
        let truth =
            if is_well { self.see_all(stage, &mut noted).await } else { Err(anyhow::anyhow!("see above")) };
        noted.keys = self.keys.history();
        noted.config = self.config.history();
        stage.told.wrong.append(&mut wrong);
        (noted, truth)
    }

    /// Writes what is last, waits until the watchers were told, and reads the whole history.
    async fn see_all(&mut self, stage: &mut Stage, noted: &mut Noted) -> anyhow::Result<Truth> {
        let leader = stage.cluster.all_serve().await;
        let last = kv::Call::put(watch_keys::LAST_KEY, "last");
        let pending = self.keys.call(0, last.clone());
        pending.answered(kv_calls::ask(stage.cluster.channel(leader), &last).await?);
        let sdk = sdk(self.site.endpoints(), "last");
        let namespace = self.namespaces[0].clone();
        let call = config::Call::Commit { namespace, expected: None, content: watch_config::LAST.into() };
        let pending = self.config.call(0, call.clone());
        pending.answered(config_client::ask(&sdk, &call).await?);
        let told = async {
            while let Some(account) = self.key_watchers.join_next().await {
                noted.key_watches.push(account?);
            }
            while let Some(account) = self.config_watchers.join_next().await {
                noted.config_watches.push(account??);
            }
            anyhow::Ok(())
        };
        timeout(FINISH_LIMIT, told).await.context("the watchers are not told all")??;
        stage.cluster.agree().await;
        Truth::read(&stage.cluster, &self.namespaces).await
    }
}

async fn join(callers: &mut JoinSet<()>) {
    while let Some(ended) = callers.join_next().await {
        ended.expect("clients do not panic");
    }
}

async fn start_worker(id: u64, seed: u64, stage: &Stage) -> anyhow::Result<WorkerProcess> {
    let out = worker_file(stage.cluster.folder(), id);
    let args = WorkerArgs::new(id, seed, stage.site.began_ns, out);
    WorkerProcess::start(args, &stage.site.endpoints()).await
}

fn worker_file(folder: &Path, id: u64) -> PathBuf {
    folder.join(format!("worker{id}.jsonl"))
}

async fn finish_workers(stage: &mut Stage, limit: Duration, wrong: &mut Vec<String>) -> LockHistory {
    let mut operations = Vec::new();
    let workers = std::mem::take(&mut stage.workers).into_iter().map(|worker| {
        worker.resume();
        timeout(limit, worker.finish())
    });
    for finished in join_all(workers).await {
        match finished {
            Ok(Ok(history)) => operations.extend(history.operations().iter().cloned()),
            Ok(Err(error)) => wrong.push(format!("{error:#}")),
            Err(_) => wrong.push("a worker does not come to an end".to_owned()),
        }
    }
    operations.sort_by_key(|operation| operation.called_ns);
    operations.into_iter().collect()
}
