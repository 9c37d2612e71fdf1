//! The requests that change something, and what they are answered.

use conclave_core::config::{
    Commit, Committed, CommittedVersion, ConfigCommand, ConfigOutcome, CreateNamespace, DeleteNamespace,
    Rollback,
};
use conclave_core::lock::HeldLock;
use conclave_core::{Command, Guarded, RequestId, Version};
use conclave_door::{Limits, Refusal};
use conclave_node::RequestError;
use conclave_proto::config::v1 as wire;

use super::{edits, guards, messages, settings};
use crate::fields::Fields;

/// A write, as it was asked for.
#[derive(Debug)]
pub(crate) struct Write {
    /// Its id: the caller's, or one that was made here.
    pub(crate) request_id: RequestId,
    /// What to do.
    pub(crate) command: Command,
    /// Whether it is only to be tried.
    pub(crate) dry_run: bool,
}

impl Write {
    pub(super) fn new(request_id: RequestId, command: ConfigCommand) -> Self {
        Self { request_id, command: Command::Config(command), dry_run: false }
    }

    /// A write that is refused unless all these locks are held.
    pub(super) fn guarded(request_id: RequestId, command: ConfigCommand, held: Vec<HeldLock>) -> Self {
        if held.is_empty() {
            return Self::new(request_id, command);
        }
        Self { request_id, command: Command::Guarded(Guarded { held, command }), dry_run: false }
    }
}

pub(crate) fn create_namespace(
    request: wire::CreateNamespaceRequest,
    limits: &Limits,
) -> Result<Write, Refusal> {
    let mut fields = Fields::new(limits);
    let namespace = fields.namespace("namespace", &request.namespace);
    let settings = settings::of_new(&mut fields, &request);
    let authorship = fields.authorship(request.authorship);
    let write = namespace.zip(authorship).map(|(namespace, (id, authorship))| {
        let create = CreateNamespace { namespace, settings, authorship };
        Write::new(id, ConfigCommand::CreateNamespace(create))
    });
    fields.finish(write)
}

pub(crate) fn delete_namespace(
    request: wire::DeleteNamespaceRequest,
    limits: &Limits,
) -> Result<Write, Refusal> {
    let mut fields = Fields::new(limits);
    let namespace = fields.namespace("namespace", &request.namespace);
    let authorship = fields.authorship(request.authorship);
    let held = guards::held_locks(&mut fields, request.held_locks);
    let expected_version = request.expected_version.map(Version::new);
    let write = namespace.zip(authorship).zip(held).map(|((namespace, (id, authorship)), held)| {
        let delete = DeleteNamespace { namespace, expected_version, authorship };
        Write::guarded(id, ConfigCommand::DeleteNamespace(delete), held)
    });
    fields.finish(write)
}

pub(crate) fn commit(request: wire::CommitRequest, limits: &Limits) -> Result<Write, Refusal> {
    let mut fields = Fields::new(limits);
    let namespaces = edits::namespaces(&mut fields, request.namespaces);
    let authorship = fields.authorship(request.authorship);
    let held = guards::held_locks(&mut fields, request.held_locks);
    let write = namespaces.zip(authorship).zip(held).map(|((namespaces, (id, authorship)), held)| {
        let command = ConfigCommand::Commit(Commit { namespaces, authorship });
        Write { dry_run: request.dry_run, ..Write::guarded(id, command, held) }
    });
    fields.finish(write)
}

pub(crate) fn rollback(request: wire::RollbackRequest, limits: &Limits) -> Result<Write, Refusal> {
    let mut fields = Fields::new(limits);
    let namespace = fields.namespace("namespace", &request.namespace);
    if request.to_version == 0 {
        fields.refuse("to_version", "it is 0: versions begin at 1");
    }
    let authorship = fields.authorship(request.authorship);
    let held = guards::held_locks(&mut fields, request.held_locks);
    let (to_version, expected_version) =
        (Version::new(request.to_version), request.expected_version.map(Version::new));
    let write = namespace.zip(authorship).zip(held).map(|((namespace, (id, authorship)), held)| {
        let rollback = Rollback { namespace, to_version, expected_version, authorship };
        let command = ConfigCommand::Rollback(rollback);
        Write { dry_run: request.dry_run, ..Write::guarded(id, command, held) }
    });
    fields.finish(write)
}

pub(crate) fn create_response(outcome: ConfigOutcome) -> Result<wire::CreateNamespaceResponse, Refusal> {
    match outcome {
        ConfigOutcome::Created(info) => {
            Ok(wire::CreateNamespaceResponse { namespace: Some(messages::namespace(info)) })
        }
        _ => Err(strange_outcome()),
    }
}

pub(crate) fn commit_response(
    outcome: ConfigOutcome,
    request_id: &RequestId,
) -> Result<wire::CommitResponse, Refusal> {
    let committed = committed(outcome)?;
    Ok(wire::CommitResponse {
        revision: committed.revision.get(),
        time_ms: committed.time_ms,
        request_id: request_id.to_string(),
        versions: committed.versions.into_iter().map(committed_version).collect(),
    })
}

pub(crate) fn rollback_response(
    outcome: ConfigOutcome,
    request_id: &RequestId,
) -> Result<wire::RollbackResponse, Refusal> {
    let committed = committed(outcome)?;
    let (revision, time_ms) = (committed.revision.get(), committed.time_ms);
    let committed = Some(only_version(committed)?);
    Ok(wire::RollbackResponse { committed, revision, time_ms, request_id: request_id.to_string() })
}

pub(crate) fn delete_response(
    outcome: ConfigOutcome,
    request_id: &RequestId,
) -> Result<wire::DeleteNamespaceResponse, Refusal> {
    let committed = committed(outcome)?;
    let (revision, time_ms) = (committed.revision.get(), committed.time_ms);
    let committed = Some(only_version(committed)?);
    Ok(wire::DeleteNamespaceResponse { committed, revision, time_ms, request_id: request_id.to_string() })
}

fn committed(outcome: ConfigOutcome) -> Result<Committed, Refusal> {
    match outcome {
        ConfigOutcome::Committed(committed) => Ok(committed),
        _ => Err(strange_outcome()),
    }
}

fn only_version(committed: Committed) -> Result<wire::CommittedVersion, Refusal> {
    committed.versions.into_iter().next().map(committed_version).ok_or_else(strange_outcome)
}

pub(super) fn committed_version(version: CommittedVersion) -> wire::CommittedVersion {
    wire::CommittedVersion {
        namespace: version.namespace.to_string(),
        version: version.version.get(),
        added: version.added,
        changed: version.changed,
        deleted: version.deleted,
    }
}

/// The store answers each command in kind: only a store that this program does not know would not.
pub(crate) fn strange_outcome() -> Refusal {
    RequestError::NodeFailed { cause: "the store answered a command as if it were another".into() }.into()
}

#[cfg(test)]
mod tests {
    use conclave_mvcc::Revision;

    use super::*;
    use crate::fields::tests::told;

    fn named(request_id: &str) -> Option<wire::Authorship> {
        Some(wire::Authorship { request_id: request_id.into(), author: "ann".into(), message: "why".into() })
    }

    #[test]
    fn a_creation_carries_what_was_given() {
        let request = wire::CreateNamespaceRequest {
            namespace: "payments/prod".into(),
            description: "Payments".into(),
            authorship: named("id-1"),
            ..Default::default()
        };
        let write = create_namespace(request, &Limits::default()).unwrap();
        assert_eq!((write.request_id.as_str(), write.dry_run), ("id-1", false));
        let Command::Config(ConfigCommand::CreateNamespace(create)) = write.command else { panic!() };
        assert_eq!(
            (create.namespace.as_str(), create.settings.description.as_deref().unwrap_or_default()),
            ("payments/prod", "Payments")
        );
        assert_eq!((create.authorship.author.as_str(), create.authorship.message.as_str()), ("ann", "why"));
    }

    #[test]
    fn all_mistakes_of_a_creation_are_told_at_once() {
        let limits = Limits { message_size_bytes_max: 2, ..Limits::default() };
        let request = wire::CreateNamespaceRequest {
            namespace: "a//b".into(),
            description: "abc".into(),
            authorship: named("a b"),
            ..Default::default()
        };
        assert_eq!(
            told(create_namespace(request, &limits)),
            [
                "namespace: its segment 2 is \"\": join segments by one '/', none of them empty, \".\" or \"..\"",
                "description: it takes 3 bytes, of which 2 are allowed: shorten it",
                "authorship.message: it takes 3 bytes, of which 2 are allowed: shorten it",
                "authorship.request_id: it holds ' ' at byte 1: use only printable ASCII characters without spaces",
            ]
        );
    }

    #[test]
    fn a_deletion_carries_its_precondition() {
        let request = wire::DeleteNamespaceRequest {
            namespace: "a".into(),
            expected_version: Some(0),
            ..Default::default()
        };
        let write = delete_namespace(request, &Limits::default()).unwrap();
        let Command::Config(ConfigCommand::DeleteNamespace(delete)) = write.command else { panic!() };
        assert_eq!(delete.expected_version, Some(Version::ZERO));
        assert_eq!(write.request_id.as_str().len(), 32);
    }

    #[test]
    fn a_rollback_needs_a_version() {
        let request = wire::RollbackRequest {
            namespace: "a".into(),
            to_version: 3,
            expected_version: Some(5),
            authorship: named("id-1"),
            dry_run: true,
            held_locks: vec![wire::HeldLock { name: "deploy".into(), token: 7 }],
        };
        let write = rollback(request.clone(), &Limits::default()).unwrap();
        assert!(write.dry_run);
        let Command::Guarded(guarded) = write.command else { panic!() };
        assert_eq!((guarded.held[0].name.as_str(), guarded.held[0].token.get()), ("deploy", 7));
        let ConfigCommand::Rollback(read) = guarded.command else { panic!() };
        assert_eq!((read.to_version, read.expected_version), (Version::new(3), Some(Version::new(5))));

        let without = wire::RollbackRequest { namespace: String::new(), to_version: 0, ..request };
        assert_eq!(
            told(rollback(without, &Limits::default())),
            [
                "namespace: it is empty: give at least one character",
                "to_version: it is 0: versions begin at 1"
            ]
        );
    }

    fn two_versions() -> Committed {
        let version = |namespace: &str, version| CommittedVersion {
            namespace: conclave_core::NamespaceName::parse(namespace).unwrap(),
            version: Version::new(version),
            added: 1,
            changed: 2,
            deleted: 3,
        };
        Committed {
            versions: vec![version("b", 7), version("a", 8)],
            revision: Revision::new(9),
            time_ms: 10,
        }
    }

    #[test]
    fn answers_keep_the_order_and_name_the_id() {
        let id = RequestId::parse("id-1").unwrap();
        let response = commit_response(ConfigOutcome::Committed(two_versions()), &id).unwrap();
        assert_eq!((response.revision, response.time_ms, response.request_id.as_str()), (9, 10, "id-1"));
        let versions: Vec<_> =
            response.versions.iter().map(|it| (it.namespace.as_str(), it.version)).collect();
        assert_eq!(versions, [("b", 7), ("a", 8)]);

        let response = rollback_response(ConfigOutcome::Committed(two_versions()), &id).unwrap();
        let version = response.committed.unwrap();
        assert_eq!((version.added, version.changed, version.deleted), (1, 2, 3));
        assert_eq!((response.revision, response.request_id.as_str()), (9, "id-1"));
    }

    #[test]
    fn an_answer_of_another_kind_is_no_success() {
        assert!(create_response(ConfigOutcome::Committed(two_versions())).is_err());
        let none = Committed { versions: Vec::new(), ..two_versions() };
        let id = RequestId::parse("id-1").unwrap();
        assert!(delete_response(ConfigOutcome::Committed(none), &id).is_err());
    }
}
