//! A node is backed up, and others are made of it.

use std::time::Duration;

use bytes::Bytes;
use conclave_core::config::{Authorship, ConfigCommand, CreateNamespace, SettingsChange, get_namespace};
use conclave_core::{Command, NamespaceName, RequestId};
use conclave_mvcc::floor_of;
use conclave_storage::{OsThreads, WorkKind};
use conclave_watch::WatchOptions;
use tokio::time::Instant;

use super::*;
use crate::{AlarmOptions, BackupManifest, Consistency, Machine, Node, NodeHandle, NodeOptions, Readiness};

/// A backup in memory.
struct Taken {
    manifest: BackupManifest,
    files: Vec<Vec<Bytes>>,
}

fn members() -> BTreeMap<u64, PeerAddress> {
    [(1, PeerAddress { peer: "127.0.0.1:1".into(), ..PeerAddress::default() })].into()
}

async fn start(data_dir: &Path, cluster_name: &str) -> Node {
    let options = NodeOptions {
        node_id: 1,
        node_id_given: true,
        cluster_name: cluster_name.into(),
        cluster_name_given: true,
        join: None,
        data_dir: data_dir.to_owned(),
        peer_listen: "127.0.0.1:0".parse().unwrap(),
        members: members(),
        heartbeat_ms: 100,
        election_ms_min: 300,
        election_ms_max: 600,
        snapshot_entries: 1_000,
        snapshot_log_bytes: 1 << 20,
        snapshot_rate_bytes_per_s: 0,
        alarms: AlarmOptions { space_reserve_bytes: 0, slow_fsync: Duration::from_secs(60) },
        version: "0",
        watch: WatchOptions::default(),
        proposals_max: 1,
        reads_max: 1,
        machine: Machine::real(),
    };
    let node = Node::start(options).await.unwrap();
    node.handle().readiness().wait_for(|readiness| *readiness == Readiness::Ready).await.unwrap();
    node
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

async fn create(node: &NodeHandle, name: &str) {
    let command = CreateNamespace {
        namespace: NamespaceName::parse(name).unwrap(),
        settings: SettingsChange::default(),
        authorship: Authorship::default(),
    };
    let command = Command::Config(ConfigCommand::CreateNamespace(command));
    node.propose(RequestId::parse(name).unwrap(), command, soon()).await.unwrap().unwrap();
}

async fn exists(node: &NodeHandle, name: &str) -> bool {
    let name = NamespaceName::parse(name).unwrap();
    let read = move |view: &dyn ReadMap| get_namespace(view, &name);
    node.read(Consistency::Linearizable, soon(), read).await.unwrap().is_ok()
}

async fn take(node: &NodeHandle) -> Taken {
    let mut backup = node.create_backup().await.unwrap();
    let manifest = backup.manifest().clone();
    let mut files = vec![Vec::new(); manifest.files.len()];
    while let Some(piece) = backup.next_piece().await.unwrap() {
        let before: usize = files[piece.file].iter().map(Bytes::len).sum();
        assert_eq!(piece.offset, before as u64);
        files[piece.file].push(piece.data);
    }
    Taken { manifest, files }
}

fn options(data_dir: &Path, taken: &Taken) -> RestoreOptions {
    let BackupManifest { cluster_id, revision, applied, digest, .. } = &taken.manifest;
    RestoreOptions {
        data_dir: data_dir.to_owned(),
        node_id: 1,
        cluster_name: "again".into(),
        members: members(),
        revision_gap: 1_000,
        restore_id: None,
        backup: BackedUp {
            checksum: 7,
            cluster_id: *cluster_id,
            revision: revision.get(),
            applied: *applied,
            digest: digest.to_string(),
        },
    }
}

fn fill(restore: &mut Restore, taken: &Taken) {
    for (file, pieces) in taken.manifest.files.iter().zip(&taken.files) {
        restore.begin_file(file.clone()).unwrap();
        for piece in pieces {
            restore.write(piece).unwrap();
        }
        restore.finish_file().unwrap();
    }
}

fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = io::Result<T>> {
    conclave_storage::run(&OsThreads, WorkKind::Awaited, (), work)
}

fn run(options: RestoreOptions, taken: &Taken) -> Result<Restored, RestoreError> {
    let mut restore = Restore::begin(options)?;
    fill(&mut restore, taken);
    restore.finish()
}

/// A node of two namespaces, backed up between them; and a folder.
async fn backed_up() -> (tempfile::TempDir, Taken) {
    let folder = tempfile::tempdir().unwrap();
    let node = start(&folder.path().join("before"), "alone").await;
    create(&node.handle(), "one").await;
    let taken = take(&node.handle()).await;
    create(&node.handle(), "two").await;
    node.shutdown().await;
    (folder, taken)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_node_holds_what_was_backed_up_and_goes_on() {
    let (folder, taken) = backed_up().await;
    let path = folder.path().join("after");
    let options = options(&path, &taken);
    let restoring = {
        let options = options.clone();
        blocking(move || run(options, &taken).map(|restored| (restored, taken)))
    };
    let (restored, taken) = restoring.await.unwrap().unwrap();
    assert_eq!(restored.revision, taken.manifest.revision.get() + 1_000);
    assert_ne!(restored.cluster_id, taken.manifest.cluster_id);
    assert!(!path.join(BUILDING).exists());

    let node = start(&path, "again").await;
    let handle = node.handle();
    assert_eq!(handle.cluster_id(), restored.cluster_id);
    assert!(exists(&handle, "one").await && !exists(&handle, "two").await);
    create(&handle, "three").await;
    let read = |view: &dyn ReadMap| Ok((newest_revision(view)?, floor_of(view, &KeyRange::all())?));
    let (newest, floor) = handle.read(Consistency::Linearizable, soon(), read).await.unwrap();
    assert_eq!((newest.get(), floor.get()), (restored.revision + 1, restored.revision));
    node.shutdown().await;
    drop(handle);

    // A second start finds it as the first one left it, also beside what a restore could not remove.
    fs::create_dir(path.join(BUILDING)).unwrap();
    let node = start(&path, "again").await;
    assert!(exists(&node.handle(), "three").await);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_holds_something_is_left_as_it_is() {
    let (folder, taken) = backed_up().await;
    let checking = blocking(move || {
        let before = folder.path().join("before");
        let refused = run(options(&before, &taken), &taken).unwrap_err();
        assert!(matches!(refused, RestoreError::NotEmpty { .. }), "{refused}");
        assert!(before.join("identity").is_file() && !before.join(BUILDING).exists());

        let mut stranger = options(&folder.path().join("x"), &taken);
        stranger.node_id = 2;
        assert!(matches!(run(stranger, &taken), Err(RestoreError::NotAMember(2))));
        let mut far = options(&folder.path().join("x"), &taken);
        far.revision_gap = u64::MAX;
        assert!(matches!(run(far, &taken), Err(RestoreError::GapTooLarge { .. })));
        assert!(!folder.path().join("x").exists());
    });
    checking.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_was_cut_off_is_begun_again() {
    let (folder, taken) = backed_up().await;
    let checking = blocking(move || {
        let path = folder.path().join("after");
        let mut begun = Restore::begin(options(&path, &taken)).unwrap();
        let twice = Restore::begin(options(&path, &taken)).err().expect("another one is under way");
        assert!(matches!(twice, RestoreError::Storage(StorageError::Locked { .. })), "{twice}");
        fill(&mut begun, &taken);
        drop(begun);
        // No node starts on what is left.
        assert!(matches!(Claim::take(&path), Err(StorageError::NotADataDir { .. })));
        // Neither if it was cut off while all was moved.
        fs::rename(path.join(BUILDING).join("log"), path.join("log")).unwrap();
        assert!(matches!(Claim::take(&path), Err(StorageError::NotADataDir { .. })));
        run(options(&path, &taken), &taken).unwrap();
        assert!(path.join("identity").is_file() && !path.join(BUILDING).exists());
    });
    checking.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_is_not_what_the_manifest_says_is_refused() {
    let (folder, taken) = backed_up().await;
    let checking = blocking(move || {
        let path = folder.path().join("after");
        let alter: [fn(&mut BackedUp); 4] = [
            |backup| backup.revision += 1,
            |backup| backup.applied.index += 1,
            |backup| backup.applied.term += 1,
            |backup| backup.digest = "0".repeat(32),
        ];
        for alter in alter {
            let mut altered = options(&path, &taken);
            alter(&mut altered.backup);
            let refused = run(altered, &taken).unwrap_err();
            assert!(matches!(refused, RestoreError::Differs { .. }), "{refused}");
            assert!(!path.join("identity").exists());
        }
    });
    checking.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_restores_of_one_backup_make_two_clusters() {
    let (folder, taken) = backed_up().await;
    let checking = blocking(move || {
        let restored = |name: &str, change: fn(&mut RestoreOptions)| {
            let mut options = options(&folder.path().join(name), &taken);
            change(&mut options);
            run(options, &taken).unwrap()
        };
        let (first, second) = (restored("first", |_| {}), restored("second", |_| {}));
        assert_ne!(first.restore_id, second.restore_id);
        assert_ne!(first.cluster_id, second.cluster_id);
        let given = restored("given", |options| options.restore_id = Some(5));
        let again = restored("again", |options| options.restore_id = Some(5));
        assert_eq!((given.restore_id, given.cluster_id), (5, again.cluster_id));
        let other_gap = restored("gap", |options| {
            options.restore_id = Some(5);
            options.revision_gap += 1;
        });
        assert_ne!(given.cluster_id, other_gap.cluster_id, "their states differ");
    });
    checking.await.unwrap();
}
