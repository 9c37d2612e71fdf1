//! Changes of the configuration that depend on locks, in the model: always the same commit of nothing.

use conclave_core::config::{
    Authorship, Commit, Committed, CommittedVersion, ConfigCommand, ConfigOutcome, NamespaceEdits,
};
use conclave_core::lock::{HeldLock, LockRejection};
use conclave_core::{Guarded, NamespaceName, Outcome, Version};
use conclave_mvcc::Revision;

use crate::world::{Done, Model};

/// The change.
pub(crate) fn command(held: Vec<HeldLock>) -> Guarded {
    let edits = NamespaceEdits {
        namespace: namespace(),
        expected_version: None,
        create_if_missing: true,
        edits: Vec::new(),
    };
    let commit = Commit { namespaces: vec![edits], authorship: Authorship::default() };
    Guarded { held, command: ConfigCommand::Commit(commit) }
}

pub(crate) fn apply(model: &mut Model, command: &Guarded) -> Done {
    for HeldLock { name, token } in &command.held {
        if !model.tickets(name).iter().any(|ticket| ticket.has_token(*token)) {
            let held_token = model.first_token(name).map_or(0, |token| token.get());
            let (name, token) = (name.to_string(), token.get());
            return Err(LockRejection::TokenMismatch { name, token, held_token }.into());
        }
    }
    model.version += 1;
    let version = CommittedVersion {
        namespace: namespace(),
        version: Version::new(model.version),
        added: 0,
        changed: 0,
        deleted: 0,
    };
    model.committed += 1;
    let (revision, time_ms) = (Revision::new(model.committed), model.time_ms);
    let committed = Committed { versions: vec![version], revision, time_ms };
    Ok((Outcome::Config(ConfigOutcome::Committed(committed)), false))
}

fn namespace() -> NamespaceName {
    NamespaceName::parse("fenced").unwrap()
}
