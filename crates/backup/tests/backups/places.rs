//! Backups in archives and in repositories: written, read, damaged, cut off.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use conclave_backup::{
    BackupError, Destination, Discard, FileSink, Manifest, ManifestFile, OpenBackup, Place, Repository,
    Wanted, Which, Written,
};
use xxhash_rust::xxh3::xxh3_64;

pub(crate) type Files = BTreeMap<&'static str, Vec<u8>>;

/// Keeps what it is given.
#[derive(Default)]
struct Keep {
    files: BTreeMap<String, Vec<u8>>,
    open: Option<(String, Vec<u8>)>,
}

impl FileSink for Keep {
    fn begin(&mut self, file: &ManifestFile) -> io::Result<()> {
        self.open = Some((file.name.clone(), Vec::new()));
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.open.as_mut().expect("a file was begun").1.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.files.extend(self.open.take());
        Ok(())
    }
}

/// Bytes that no compressor makes much smaller.
pub(crate) fn noise(seed: u64, size_bytes: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..size_bytes).map(|_| next()).collect()
}

pub(crate) fn files() -> Files {
    Files::from([
        ("000009.sst", noise(1, 300_000)),
        ("000010.sst", b"again and again ".repeat(50_000)),
        ("CURRENT", b"MANIFEST-000005\n".to_vec()),
        ("EMPTY", Vec::new()),
    ])
}

pub(crate) fn manifest(files: &Files, revision: u64) -> Manifest {
    let file = |(name, content): (&&str, &Vec<u8>)| ManifestFile {
        name: (*name).into(),
        size_bytes: content.len() as u64,
        checksum: xxh3_64(content),
    };
    Manifest {
        cluster_id: 7,
        cluster_name: "shop".into(),
        node_id: 1,
        version: "0.1.0".into(),
        revision,
        applied_index: revision + 10,
        applied_term: 2,
        digest: "00".repeat(16),
        time_ms: 1_764_000_000_000 + i64::try_from(revision).unwrap() * 1_000,
        made_ms: 1_764_000_000_000,
        files: files.iter().map(file).collect(),
    }
}

/// Writes a backup of the files, but for those that are there already.
pub(crate) async fn back_up(place: &Place, files: &Files, revision: u64) -> Result<Written, BackupError> {
    let destination = Destination::open(place.clone(), false)?;
    let known = destination.known_files().await?;
    let mut writer = destination.begin(manifest(files, revision))?;
    for (index, content) in files.values().enumerate() {
        if known.contains(&writer.manifest().files[index]) {
            continue;
        }
        writer.begin_file(index)?;
        for piece in content.chunks(100_000) {
            writer.write(piece).await?;
        }
        writer.finish_file().await?;
    }
    writer.finish().await
}

async fn read(place: &Place, which: Which) -> Result<BTreeMap<String, Vec<u8>>, BackupError> {
    let mut kept = Keep::default();
    OpenBackup::open(place, &which.into()).await?.read(&mut kept).await?;
    Ok(kept.files)
}

pub(crate) async fn damage(place: &Place) -> Vec<String> {
    match OpenBackup::open(place, &Which::Newest.into()).await {
        Ok(open) => {
            let found = open.verify(&mut Discard).await.expect("it can be read");
            found.iter().map(ToString::to_string).collect()
        }
        Err(error) => vec![error.to_string()],
    }
}

fn named(files: Files) -> BTreeMap<String, Vec<u8>> {
    files.into_iter().map(|(name, content)| (name.to_owned(), content)).collect()
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

pub(crate) fn places(folder: &Path) -> [Place; 2] {
    let place = |name: &str| Place::parse(&folder.join(name).display().to_string()).unwrap();
    [place("one.conclave"), place("many")]
}

#[tokio::test]
async fn what_was_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    for place in places(folder.path()) {
        let written = back_up(&place, &files(), 100).await.unwrap();
        assert_eq!((written.files, written.size_bytes), (4, 1_100_016));
        assert!(written.stored_bytes < 320_000, "it is compressed: {written:?}");
        assert_eq!(read(&place, Which::Newest).await.unwrap(), named(files()));
        assert_eq!(damage(&place).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_archive_is_not_overwritten_unless_asked() {
    let folder = tempfile::tempdir().unwrap();
    let [place, _] = places(folder.path());
    back_up(&place, &files(), 100).await.unwrap();
    let refused = back_up(&place, &files(), 101).await.unwrap_err();
    assert!(matches!(refused, BackupError::Exists { .. }), "{refused}");
    let again = manifest(&Files::new(), 102);
    let writer = Destination::open(place.clone(), true).unwrap().begin(again.clone()).unwrap();
    writer.finish().await.unwrap();
    assert_eq!(OpenBackup::open(&place, &Which::Newest.into()).await.unwrap().manifest(), &again);
    assert_eq!(names(folder.path()), ["one.conclave"], "nothing is left beside it");
}

#[tokio::test]
async fn a_further_backup_adds_only_what_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let [_, place] = places(folder.path());
    let first = back_up(&place, &files(), 100).await.unwrap();
    let mut later = files();
    later.insert("000011.sst", noise(2, 1_000));
    later.insert("CURRENT", b"MANIFEST-000012\n".to_vec());
    let second = back_up(&place, &later, 200).await.unwrap();
    assert_eq!((second.files, second.size_bytes), (2, 1_016));
    assert_eq!(names(&folder.path().join("many/objects")).len(), 6);
    assert_eq!(read(&place, Which::Newest).await.unwrap(), named(later.clone()));
    assert_eq!(read(&place, Which::Id(first.id)).await.unwrap(), named(files()));
    for (wanted, revision) in [
        (Which::Revision(199), 100),
        (Which::Revision(200), 200),
        (Which::Time(1_764_000_150_000), 100),
        (Which::Id(second.id), 200),
    ] {
        let open = OpenBackup::open(&place, &wanted.clone().into()).await.unwrap();
        assert_eq!(open.manifest().revision, revision, "{wanted:?}");
    }
    for wanted in [Which::Revision(99), Which::Time(0), Which::Id("x".into())] {
        let none = OpenBackup::open(&place, &wanted.clone().into()).await.err().expect("there is none");
        assert!(matches!(none, BackupError::NoSuchBackup { .. }), "{none}");
    }
}

#[tokio::test]
async fn a_backup_that_was_cut_off_is_none() {
    let folder = tempfile::tempdir().unwrap();
    for place in places(folder.path()) {
        let mut writer =
            Destination::open(place.clone(), false).unwrap().begin(manifest(&files(), 1)).unwrap();
        writer.begin_file(0).unwrap();
        writer.write(&files()["000009.sst"]).await.unwrap();
        writer.finish_file().await.unwrap();
        writer.begin_file(1).unwrap();
        writer.write(b"again").await.unwrap();
        writer.abort().await;
    }
    assert_eq!(names(folder.path()), ["many"], "of an archive nothing is left");
    let repository = Repository::open(&places(folder.path())[1]).unwrap();
    let listing = repository.list().await.unwrap();
    assert!(listing.backups.is_empty() && listing.unreadable.is_empty());
}

#[tokio::test]
async fn what_is_not_what_the_manifest_says_makes_no_backup() {
    let folder = tempfile::tempdir().unwrap();
    for place in places(folder.path()) {
        let begin = || Destination::open(place.clone(), false).unwrap().begin(manifest(&files(), 1)).unwrap();
        let missing = begin().finish().await.unwrap_err();
        assert!(matches!(missing, BackupError::Unfit(_)), "{missing}");
        for content in [&b"MANIFEST-000006\n"[..], b"MANIFEST", b"MANIFEST-000005\n\n"] {
            let mut writer = begin();
            writer.begin_file(2).unwrap();
            writer.write(content).await.unwrap();
            let unfit = writer.finish_file().await.unwrap_err();
            assert!(unfit.to_string().contains("CURRENT: it"), "{unfit}");
        }
        assert!(begin().begin_file(4).is_err());
        assert!(OpenBackup::open(&place, &Which::Newest.into()).await.is_err());
    }
    let mut outside = manifest(&files(), 1);
    outside.files[0].name = "../x".into();
    let place = places(folder.path())[0].clone();
    assert!(Destination::open(place, false).unwrap().begin(outside).is_err());
}

#[tokio::test]
async fn every_flipped_byte_of_an_archive_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let [place, _] = places(folder.path());
    let few = Files::from([("000009.sst", noise(3, 900)), ("CURRENT", b"MANIFEST-000005\n".to_vec())]);
    back_up(&place, &few, 100).await.unwrap();
    let path = folder.path().join("one.conclave");
    let intact = std::fs::read(&path).unwrap();
    for at in 0..intact.len() {
        let mut damaged = intact.clone();
        damaged[at] ^= 0x04;
        std::fs::write(&path, damaged).unwrap();
        assert!(!damage(&place).await.is_empty(), "byte {at} of {}", intact.len());
    }
    for size_bytes in 0..intact.len() {
        std::fs::write(&path, &intact[..size_bytes]).unwrap();
        assert!(!damage(&place).await.is_empty(), "cut after {size_bytes} bytes");
    }
    std::fs::write(&path, [&intact[..], b"\0"].concat()).unwrap();
    assert!(damage(&place).await[0].contains("more follows"));
}

#[tokio::test]
async fn damage_is_told_with_the_file_that_it_is_in() {
    let folder = tempfile::tempdir().unwrap();
    let [archive, repository] = places(folder.path());
    for place in [&archive, &repository] {
        back_up(place, &files(), 100).await.unwrap();
    }
    let path = folder.path().join("one.conclave");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[150_000] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let told = damage(&archive).await;
    assert!(told[0].contains("one.conclave: file 000009.sst is damaged"), "{told:?}");
    assert!(read(&archive, Which::Newest).await.is_err_and(|error| error.is_damage()));

    let object = |content: &[u8]| -> PathBuf {
        let name = format!("{:016x}-{}.zst", xxh3_64(content), content.len());
        folder.path().join("many/objects").join(name)
    };
    let (first, second) = (object(&files()["000009.sst"]), object(&files()["CURRENT"]));
    let mut bytes = std::fs::read(&first).unwrap();
    bytes.truncate(1_000);
    std::fs::write(&first, bytes).unwrap();
    std::fs::remove_file(&second).unwrap();
    let told = damage(&repository).await;
    assert!(told.len() == 2 && told[0].contains("(file 000009.sst) is damaged"), "{told:?}");
    assert!(told[1].ends_with("(file CURRENT) is damaged: it is missing"), "{told:?}");

    // A file that is missing is sent again; so the next backup is whole.
    let next = back_up(&repository, &Files::from([("CURRENT", files()["CURRENT"].clone())]), 101).await;
    assert_eq!(next.unwrap().files, 1);
    assert_eq!(damage(&repository).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_manifest_that_cannot_be_read_hides_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let [_, place] = places(folder.path());
    let first = back_up(&place, &files(), 100).await.unwrap();
    let second = back_up(&place, &files(), 200).await.unwrap();
    let path = folder.path().join(format!("many/backups/{}.json", second.id));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"revision\": 200", "\"revision\": 201")).unwrap();
    let listing = Repository::open(&place).unwrap().list().await.unwrap();
    assert_eq!((listing.backups.len(), listing.backups[0].id()), (1, first.id.clone()));
    assert_eq!(listing.unreadable[0].id, second.id);
    // It may be the newest one; an older one must be asked for by name.
    assert!(OpenBackup::open(&place, &Which::Newest.into()).await.is_err());
    assert!(OpenBackup::open(&place, &Which::Id(first.id).into()).await.is_ok());
}

#[tokio::test]
async fn what_is_not_there_is_no_backup() {
    let folder = tempfile::tempdir().unwrap();
    for place in places(folder.path()) {
        assert!(OpenBackup::open(&place, &Which::Newest.into()).await.is_err());
    }
    std::fs::write(folder.path().join("one.conclave"), "something else").unwrap();
    let error = OpenBackup::open(&places(folder.path())[0], &Which::Newest.into()).await.err().unwrap();
    assert!(matches!(error, BackupError::NotABackup { .. }), "{error}");
    assert_eq!(names(folder.path()), ["one.conclave"], "reading makes no directory");
}

#[tokio::test]
async fn the_newest_of_several_clusters_must_be_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let [_, place] = places(folder.path());
    let drill = Manifest { cluster_id: 8, cluster_name: "drill".into(), ..manifest(&Files::new(), 300) };
    back_up(&place, &files(), 100).await.unwrap();
    let writer = Destination::open(place.clone(), false).unwrap().begin(drill.clone()).unwrap();
    writer.finish().await.unwrap();
    for which in [Which::Newest, Which::Revision(300), Which::Time(i64::MAX)] {
        let refused = OpenBackup::open(&place, &which.into()).await.err().expect("it may be the drill's");
        let expected = "holds backups of 2 clusters: 0000000000000007 (shop), 0000000000000008 (drill)";
        assert!(refused.to_string().ends_with(expected), "{refused}");
    }
    let opened = async |which, cluster_id| {
        let wanted = Wanted { which, cluster_id };
        OpenBackup::open(&place, &wanted).await.map(|open| open.manifest().revision)
    };
    assert_eq!(opened(Which::Newest, Some(7)).await.unwrap(), 100);
    assert_eq!(opened(Which::Newest, Some(8)).await.unwrap(), 300);
    assert_eq!(opened(Which::Id(drill.id()), None).await.unwrap(), 300);
    assert_eq!(opened(Which::Revision(200), None).await.unwrap(), 100, "the drill has none that is so old");
    for refused in [opened(Which::Id(drill.id()), Some(7)).await, opened(Which::Newest, Some(9)).await] {
        assert!(matches!(refused, Err(BackupError::NoSuchBackup { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn what_a_killed_backup_left_goes_with_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let [place, _] = places(folder.path());
    std::fs::write(folder.path().join(".conclave-backup-Xy12"), "cut off").unwrap();
    let begin = || Destination::open(place.clone(), true).unwrap().begin(manifest(&Files::new(), 1)).unwrap();
    let under_way = begin();
    begin().finish().await.unwrap();
    assert_eq!(names(folder.path()).len(), 2, "what is under way stays: {:?}", names(folder.path()));
    under_way.finish().await.unwrap();
    assert_eq!(names(folder.path()), ["one.conclave"]);
}
