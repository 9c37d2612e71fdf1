//! That what was accepted keeps the bounds, and is what the core reads.

use conclave_core::config::{Action, Authorship, Commit, ConfigCommand};
use conclave_core::lock::LockCommand;
use conclave_core::{Command, decode_command, encode_command, preview};
use conclave_door::Limits;
use conclave_mvcc::MemoryMap;

use super::limits;
use crate::config_wire::tests::Store;

thread_local! {
    static STORE: MemoryMap = store();
}

fn store() -> MemoryMap {
    let mut store = Store::default();
    store.put("a", "a", "1");
    store.put("a", "b", "2");
    store.put("a/b", "a", "3");
    store.remove("a", "b");
    store.map
}

/// Reads of a small store; that it cannot be read is a mistake.
pub(super) fn in_store<T>(read: impl FnOnce(&MemoryMap) -> Result<T, conclave_mvcc::MapError>) {
    STORE.with(|store| drop(read(store).expect("the store is whole")));
}

/// The core reads it, would do it or refuse it, and it is within the bounds.
pub(super) fn kept(command: &Command) {
    assert_eq!(decode_command(&encode_command(command)).as_ref(), Ok(command));
    in_store(|store| Ok(preview(store, command, 1_000).expect("the store is whole")));
    match command {
        Command::Config(command) => of_config(command),
        Command::Guarded(guarded) => {
            assert!(guarded.held.len() <= Limits::HELD_LOCKS_MAX);
            of_config(&guarded.command);
        }
        Command::Lock(LockCommand::Acquire(acquire)) => {
            assert!(acquire.owner.len() <= Limits::LOCK_OWNER_SIZE_BYTES_MAX);
            assert!(acquire.metadata.len() <= Limits::LOCK_METADATA_SIZE_BYTES_MAX);
        }
        _ => {}
    }
}

fn of_config(command: &ConfigCommand) {
    match command {
        ConfigCommand::Commit(commit) => of_commit(commit),
        ConfigCommand::CreateNamespace(create) => {
            of_authorship(&create.authorship);
            let description = create.settings.description.as_deref().unwrap_or_default();
            assert!(description.len() <= limits().message_size_bytes_max);
        }
        ConfigCommand::Rollback(rollback) => of_authorship(&rollback.authorship),
        ConfigCommand::CreateSnapshot(create) => {
            let named = create.namespaces.as_ref().map_or(0, Vec::len);
            assert!(named <= Limits::SNAPSHOT_NAMESPACES_MAX);
        }
        _ => {}
    }
}

fn of_authorship(authorship: &Authorship) {
    assert!(authorship.author.len() <= limits().author_size_bytes_max);
    assert!(authorship.message.len() <= limits().message_size_bytes_max);
}

fn of_commit(commit: &Commit) {
    of_authorship(&commit.authorship);
    let edits = commit.namespaces.iter().flat_map(|namespace| &namespace.edits);
    assert!(edits.clone().count() <= limits().commit_edits_max);
    for edit in edits {
        assert!((1..=limits().key_size_bytes_max).contains(&edit.key.as_str().len()));
        if let Action::Put(content) = &edit.action {
            assert!(content.value.len() <= limits().value_size_bytes_max);
            assert!(content.content_type.len() <= Limits::CONTENT_TYPE_SIZE_BYTES_MAX);
            assert!(content.labels.len() <= Limits::LABELS_MAX);
            let longest = content.labels.iter().map(|(name, value)| name.len().max(value.len())).max();
            assert!(longest.unwrap_or(0) <= Limits::LABEL_SIZE_BYTES_MAX);
        }
    }
}
