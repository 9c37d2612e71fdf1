//! Tags and snapshots: the requests that set, list and go back to them.

use conclave_core::config::{
    ConfigCommand, ConfigOutcome, CreateSnapshot, DeleteSnapshot, DeleteTag, Read, RollbackSnapshot, SetTag,
    SnapshotRestored, list_snapshots, list_tags, snapshot_namespaces,
};
use conclave_core::{NamespaceName, PinName, RequestId, Version};
use conclave_door::{Limits, Refusal};
use conclave_mvcc::{ReadMap, Revision};
use conclave_proto::config::v1 as wire;

use super::listings::Page;
use super::writes::{Write, committed_version, strange_outcome};
use super::{guards, messages};
use crate::fields::{Fields, page_entries};
use crate::paging::{Place, Tokens};

/// Entries of a page if the request names no number.
const ENTRIES_DEFAULT: usize = 100;

pub(crate) fn set_tag(request: wire::SetTagRequest, limits: &Limits) -> Result<Write, Refusal> {
    let mut fields = Fields::new(limits);
    let namespace = fields.namespace("namespace", &request.namespace);
    let tag = fields.pin_name("tag", &request.tag);
    let authorship = fields.authorship(request.authorship);
    let version = Some(request.version).filter(|version| *version > 0).map(Version::new);
    let may_move = request.r#move;
    let write = namespace.zip(tag).zip(authorship).map(|((namespace, tag), (id, authorship))| {
        let set = SetTag { namespace, tag, version, may_move, authorship };
        Write::new(id, ConfigCommand::SetTag(set))
    });
    fields.finish(write)
}

pub(crate) fn delete_tag(request: wire::DeleteTagRequest, limits: &Limits) -> Result<Write, Refusal> {
    let mut fields = Fields::new(limits);
    let namespace = fields.namespace("namespace", &request.namespace);
    let tag = fields.pin_name("tag", &request.tag);
    let authorship = fields.authorship(request.authorship);
    let write = namespace.zip(tag).zip(authorship).map(|((namespace, tag), (id, authorship))| {
        Write::new(id, ConfigCommand::DeleteTag(DeleteTag { namespace, tag, authorship }))
    });
    fields.finish(write)
}

pub(crate) fn create_snapshot(
    request: wire::CreateSnapshotRequest,
    limits: &Limits,
) -> Result<Write, Refusal> {
    let mut fields = Fields::new(limits);
    let snapshot = fields.pin_name("snapshot", &request.snapshot);
    let namespaces = names(&mut fields, &request.namespaces);
    match (request.namespaces.is_empty(), request.all_namespaces) {
        (true, false) => fields.refuse("namespaces", "there are none: name some, or set all_namespaces"),
        (false, true) => fields.refuse("all_namespaces", "some are named as well: choose one of the two"),
        _ => {}
    }
    let authorship = fields.authorship(request.authorship);
    let revision = Some(request.revision).filter(|revision| *revision > 0).map(Revision::new);
    let write = snapshot.zip(authorship).map(|(snapshot, (id, authorship))| {
        let create = CreateSnapshot { snapshot, namespaces, revision, authorship };
        Write::new(id, ConfigCommand::CreateSnapshot(create))
    });
    fields.finish(write)
}

pub(crate) fn delete_snapshot(
    request: wire::DeleteSnapshotRequest,
    limits: &Limits,
) -> Result<Write, Refusal> {
    let mut fields = Fields::new(limits);
    let snapshot = fields.pin_name("snapshot", &request.snapshot);
    let authorship = fields.authorship(request.authorship);
    let write = snapshot.zip(authorship).map(|(snapshot, (id, authorship))| {
        Write::new(id, ConfigCommand::DeleteSnapshot(DeleteSnapshot { snapshot, authorship }))
    });
    fields.finish(write)
}

pub(crate) fn rollback_snapshot(
    request: wire::RollbackSnapshotRequest,
    limits: &Limits,
) -> Result<Write, Refusal> {
    let mut fields = Fields::new(limits);
    let snapshot = fields.pin_name("snapshot", &request.snapshot);
    let namespaces = names(&mut fields, &request.namespaces);
    let authorship = fields.authorship(request.authorship);
    let held = guards::held_locks(&mut fields, request.held_locks);
    let write = snapshot.zip(authorship).zip(held).map(|((snapshot, (id, authorship)), held)| {
        let command = ConfigCommand::RollbackSnapshot(RollbackSnapshot { snapshot, namespaces, authorship });
        Write { dry_run: request.dry_run, ..Write::guarded(id, command, held) }
    });
    fields.finish(write)
}

/// The names of namespaces; none if there are none.
fn names(fields: &mut Fields<'_>, texts: &[String]) -> Option<Vec<NamespaceName>> {
    if texts.len() > Limits::SNAPSHOT_NAMESPACES_MAX {
        let most = Limits::SNAPSHOT_NAMESPACES_MAX;
        fields.refuse("namespaces", format_args!("there are {}, of which {most} are allowed", texts.len()));
        return None;
    }
    let parsed = texts.iter().enumerate();
    let names = parsed.map(|(index, text)| fields.namespace(format_args!("namespaces[{index}]"), text));
    names.collect::<Option<Vec<_>>>().filter(|names| !names.is_empty())
}

pub(crate) fn set_tag_response(outcome: ConfigOutcome) -> Result<wire::SetTagResponse, Refusal> {
    match outcome {
        ConfigOutcome::Tagged(tag) => Ok(wire::SetTagResponse { tag: Some(messages::tag(tag)) }),
        _ => Err(strange_outcome()),
    }
}

pub(crate) fn delete_tag_response(outcome: ConfigOutcome) -> Result<wire::DeleteTagResponse, Refusal> {
    match outcome {
        ConfigOutcome::Tagged(tag) => Ok(wire::DeleteTagResponse { tag: Some(messages::tag(tag)) }),
        _ => Err(strange_outcome()),
    }
}

pub(crate) fn create_snapshot_response(
    outcome: ConfigOutcome,
) -> Result<wire::CreateSnapshotResponse, Refusal> {
    match outcome {
        ConfigOutcome::Snapshot(info) => {
            Ok(wire::CreateSnapshotResponse { snapshot: Some(messages::snapshot(info)) })
        }
        _ => Err(strange_outcome()),
    }
}

pub(crate) fn delete_snapshot_response(
    outcome: ConfigOutcome,
) -> Result<wire::DeleteSnapshotResponse, Refusal> {
    match outcome {
        ConfigOutcome::Snapshot(info) => {
            Ok(wire::DeleteSnapshotResponse { snapshot: Some(messages::snapshot(info)) })
        }
        _ => Err(strange_outcome()),
    }
}

pub(crate) fn rollback_snapshot_response(
    outcome: ConfigOutcome,
    request_id: &RequestId,
) -> Result<wire::RollbackSnapshotResponse, Refusal> {
    let ConfigOutcome::SnapshotRestored(restored) = outcome else { return Err(strange_outcome()) };
    let SnapshotRestored { versions, changed, unchanged, revision, time_ms } = restored;
    Ok(wire::RollbackSnapshotResponse {
        versions: versions.into_iter().map(committed_version).collect(),
        namespaces_changed: changed,
        namespaces_unchanged: unchanged,
        revision: revision.get(),
        time_ms,
        request_id: request_id.to_string(),
    })
}

/// Asks for the tags of a namespace.
#[derive(Debug)]
pub(crate) struct Tags {
    namespace: NamespaceName,
}

impl Tags {
    pub(crate) fn parse(request: wire::ListTagsRequest, limits: &Limits) -> Result<Page<Self>, Refusal> {
        let mut fields = Fields::new(limits);
        let namespace = fields.namespace("namespace", &request.namespace);
        let consistency = fields.consistency(request.consistency);
        let namespace = fields.finish(namespace)?;
        let (page_size, page_token) = (request.page_size, request.page_token.clone());
        let listed =
            wire::ListTagsRequest { page_size: 0, page_token: String::new(), consistency: 0, ..request };
        let tokens = Tokens::of("ListTags", &listed);
        Ok(Page {
            query: Self { namespace },
            consistency,
            place: tokens.read(&page_token)?,
            entries_max: page_entries(page_size, ENTRIES_DEFAULT),
            tokens,
        })
    }
}

impl Page<Tags> {
    pub(crate) fn answer(&self, view: &dyn ReadMap) -> Read<wire::ListTagsResponse> {
        let revision = self.revision(view)?;
        let found = list_tags(view, &self.query.namespace, self.after(), self.entries_max)?;
        Ok(found.map(|(page, more)| {
            let after = || page.last().map(|tag| tag.name.to_string()).unwrap_or_default();
            wire::ListTagsResponse {
                next_page_token: self.token(more, || Place { revision, version: 0, after: after() }),
                tags: page.into_iter().map(messages::tag).collect(),
            }
        }))
    }
}

/// Asks for the snapshots.
#[derive(Debug)]
pub(crate) struct Snapshots;

impl Snapshots {
    pub(crate) fn parse(
        request: &wire::ListSnapshotsRequest,
        limits: &Limits,
    ) -> Result<Page<Self>, Refusal> {
        let mut fields = Fields::new(limits);
        let consistency = fields.consistency(request.consistency);
        let consistency = fields.finish(Some(consistency))?;
        let tokens = Tokens::of("ListSnapshots", &wire::ListSnapshotsRequest::default());
        Ok(Page {
            query: Self,
            consistency,
            place: tokens.read(&request.page_token)?,
            entries_max: page_entries(request.page_size, ENTRIES_DEFAULT),
            tokens,
        })
    }
}

impl Page<Snapshots> {
    pub(crate) fn answer(&self, view: &dyn ReadMap) -> Read<wire::ListSnapshotsResponse> {
        let revision = self.revision(view)?;
        let (page, more) = list_snapshots(view, self.after(), self.entries_max)?;
        let after = || page.last().map(|snapshot| snapshot.name.to_string()).unwrap_or_default();
        Ok(Ok(wire::ListSnapshotsResponse {
            next_page_token: self.token(more, || Place { revision, version: 0, after: after() }),
            snapshots: page.into_iter().map(messages::snapshot).collect(),
        }))
    }
}

/// Asks for the namespaces of a snapshot.
#[derive(Debug)]
pub(crate) struct SnapshotNamespaces {
    snapshot: PinName,
}

impl SnapshotNamespaces {
    pub(crate) fn parse(
        request: wire::ListSnapshotNamespacesRequest,
        limits: &Limits,
    ) -> Result<Page<Self>, Refusal> {
        let mut fields = Fields::new(limits);
        let snapshot = fields.pin_name("snapshot", &request.snapshot);
        let consistency = fields.consistency(request.consistency);
        let snapshot = fields.finish(snapshot)?;
        let (page_size, page_token) = (request.page_size, request.page_token.clone());
        let listed = wire::ListSnapshotNamespacesRequest {
            page_size: 0,
            page_token: String::new(),
            consistency: 0,
            ..request
        };
        let tokens = Tokens::of("ListSnapshotNamespaces", &listed);
        Ok(Page {
            query: Self { snapshot },
            consistency,
            place: tokens.read(&page_token)?,
            entries_max: page_entries(page_size, ENTRIES_DEFAULT),
            tokens,
        })
    }
}

impl Page<SnapshotNamespaces> {
    pub(crate) fn answer(&self, view: &dyn ReadMap) -> Read<wire::ListSnapshotNamespacesResponse> {
        let revision = self.revision(view)?;
        let found = snapshot_namespaces(view, &self.query.snapshot, self.after(), self.entries_max)?;
        Ok(found.map(|(page, more)| {
            let after = || page.last().map(|held| held.name.to_string()).unwrap_or_default();
            let next_page_token = self.token(more, || Place { revision, version: 0, after: after() });
            let namespaces = page.into_iter().map(|held| wire::SnapshotNamespace {
                namespace: held.name.to_string(),
                version: held.version.get(),
                newest_version: held.newest_version.get(),
                deleted: held.deleted,
            });
            wire::ListSnapshotNamespacesResponse { namespaces: namespaces.collect(), next_page_token }
        }))
    }
}

#[cfg(test)]
mod tests;
