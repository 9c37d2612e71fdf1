//! What a loss of power leaves of names, against a plain model.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use conclave_storage::Disk;
use proptest::prelude::*;

use super::super::host_disk::HostDisk;
use super::super::sim_disk::Crash;
use super::{disk, write};

const FOLDERS: [&str; 2] = ["/a", "/b"];
const NAMES: usize = 3;

/// A name in one of the folders.
type Name = (usize, usize);

#[derive(Clone, Debug)]
enum Step {
    Create(Name),
    Rename(Name, Name),
    Remove(Name),
    Sync(usize),
    Crash(Crash),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = || (0..FOLDERS.len(), 0..NAMES);
    let step = prop_oneof![
        4 => name().prop_map(Step::Create),
        4 => (name(), name()).prop_map(|(from, to)| Step::Rename(from, to)),
        2 => name().prop_map(Step::Remove),
        2 => (0..FOLDERS.len()).prop_map(Step::Sync),
        1 => Just(Step::Crash(Crash::Process)),
        2 => Just(Step::Crash(Crash::Power)),
    ];
    prop::collection::vec(step, 1..40)
}

fn path((folder, name): Name) -> PathBuf {
    Path::new(FOLDERS[folder]).join(name.to_string())
}

/// Which file has which name. Each file has a content of its own, which is synced.
type Files = BTreeMap<Name, String>;

fn files(disk: &HostDisk) -> Files {
    let all = (0..FOLDERS.len()).flat_map(|folder| (0..NAMES).map(move |name| (folder, name)));
    let found = all.filter_map(|name| Some((name, String::from_utf8(disk.read(&path(name)).ok()?).unwrap())));
    found.collect()
}

/// What is known of names: how they were at each moment since a folder was synced, oldest first.
struct Model {
    since: [Vec<Files>; FOLDERS.len()],
}

impl Model {
    fn now(&self) -> &Files {
        self.since[0].last().unwrap()
    }

    fn change(&mut self, now: &Files) {
        self.since.iter_mut().for_each(|since| since.push(now.clone()));
    }

    fn sync(&mut self, folder: usize) {
        self.since[folder] = vec![self.now().clone()];
    }

    fn check(&self, found: &Files) -> Result<(), TestCaseError> {
        for folder in 0..FOLDERS.len() {
            for name in (0..NAMES).map(|name| (folder, name)) {
                let is_known = self.since[folder].iter().any(|files| files.get(&name) == found.get(&name));
                prop_assert!(is_known, "{name:?} was never {:?} since it was durable", found.get(&name));
            }
        }
        let contents: BTreeSet<_> = found.values().collect();
        prop_assert_eq!(contents.len(), found.len(), "a rename was done by half");
        // What always had some name, whichever, has one now.
        let always = |content: &&String| {
            self.since.iter().flatten().all(|files| files.values().any(|v| v == *content))
        };
        for content in self.now().values().filter(always) {
            prop_assert!(contents.contains(content), "{content} was lost by a rename");
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn a_name_is_as_it_was_at_some_moment_since_it_was_durable(seed: u64, steps in steps()) {
        let (disk, mut of_host) = disk(seed);
        FOLDERS.iter().for_each(|folder| of_host.create_dir_all(Path::new(folder)).unwrap());
        of_host.sync_dir(Path::new("/")).unwrap();
        let mut model = Model { since: [vec![Files::new()], vec![Files::new()]] };
        for (nth, step) in steps.into_iter().enumerate() {
            let mut now = model.now().clone();
            match step {
                Step::Create(name) => {
                    // Never the same file with another content.
                    if of_host.remove_file(&path(name)).is_ok() {
                        now.remove(&name);
                        model.change(&now);
                    }
                    write(&of_host, path(name).to_str().unwrap(), nth.to_string().as_bytes());
                    now.insert(name, nth.to_string());
                }
                Step::Rename(from, to) if from != to => {
                    if of_host.rename(&path(from), &path(to)).is_ok() {
                        let file = now.remove(&from).unwrap();
                        now.insert(to, file);
                    }
                }
                Step::Rename(..) => {}
                Step::Remove(name) => {
                    prop_assert_eq!(of_host.remove_file(&path(name)).is_ok(), now.remove(&name).is_some());
                }
                Step::Sync(folder) => {
                    of_host.sync_dir(Path::new(FOLDERS[folder])).unwrap();
                    model.sync(folder);
                }
                Step::Crash(crash) => {
                    disk.crash(crash);
                    of_host = disk.start();
                    if crash == Crash::Power {
                        now = files(&of_host);
                        model.check(&now)?;
                        model.since = [vec![now.clone()], vec![now.clone()]];
                    }
                }
            }
            model.change(&now);
            prop_assert_eq!(&files(&of_host), &now);
        }
    }
}

#[test]
fn a_folder_that_was_removed_may_be_left_in_part_until_that_is_durable() {
    let mut left = BTreeSet::new();
    for seed in 0..400 {
        let (disk, of_host) = disk(seed);
        of_host.create_dir_all(Path::new("/a")).unwrap();
        write(&of_host, "/a/0", b"0");
        write(&of_host, "/a/1", b"1");
        for folder in ["/a", "/"] {
            of_host.sync_dir(Path::new(folder)).unwrap();
        }
        of_host.remove_dir_all(Path::new("/a")).unwrap();
        if seed % 2 == 0 {
            of_host.sync_dir(Path::new("/")).unwrap();
        }
        disk.crash(Crash::Power);
        let names = disk.start().names(Path::new("/a")).map_err(|error| error.kind());
        assert!(seed % 2 == 1 || names.is_err(), "{names:?}");
        left.insert(format!("{names:?}"));
    }
    let all = [r#"Err(NotFound)"#, r#"Ok(["0", "1"])"#, r#"Ok(["0"])"#, r#"Ok(["1"])"#, "Ok([])"];
    assert_eq!(left.into_iter().collect::<Vec<_>>(), all);
}

#[test]
fn what_was_never_synced_gets_durable_after_a_while() {
    let (disk, of_host) = disk(1);
    for nth in 0..200 {
        write(&of_host, &format!("/{nth:03}"), b"x");
    }
    disk.crash(Crash::Power);
    let names = disk.start().names(Path::new("/")).unwrap();
    assert!(
        names.len() >= 100 && names[..100].iter().enumerate().all(|(nth, name)| *name == format!("{nth:03}"))
    );
}
