//! The requests that read page by page.
//!
//! All pages of one listing are read at the revision of the first one, which the page token carries.

use conclave_core::config::{
    At, DiffQuery, HistoryQuery, ItemChange, ItemQuery, KeyChange, NamespacePage, NamespaceQuery, Read,
    VersionInfo, diff, history, list_items, list_namespaces, newest_version,
};
use conclave_core::{NamespaceName, Version};
use conclave_door::{Limits, Refusal};
use conclave_mvcc::{ReadMap, Revision, newest_revision};
use conclave_node::Consistency;
use conclave_proto::config::v1 as wire;
use prost::Message as _;

use super::messages;
use crate::fields::{Fields, page_entries};
use crate::paging::{PageBounds, Place, Tokens, gather};

/// Versions without their changes that are read at once to fill a page by size.
pub(super) const PIECE_ENTRIES: usize = 64;

/// A page that was asked for.
#[derive(Debug)]
pub(crate) struct Page<Q> {
    pub(crate) query: Q,
    /// How fresh the first page must be.
    pub(crate) consistency: Consistency,
    /// Where it begins; none: at the beginning.
    pub(super) place: Option<Place>,
    pub(super) entries_max: usize,
    pub(super) tokens: Tokens,
}

impl<Q> Page<Q> {
    /// The revision that the first page was read at: what answers must have come so far.
    pub(crate) fn revision_min(&self) -> Revision {
        self.place.as_ref().map_or(Revision::ZERO, |place| place.revision)
    }

    /// The revision at which all pages are read: that of the first, which this is if none is known yet.
    pub(super) fn revision(&self, view: &dyn ReadMap) -> Result<Revision, conclave_mvcc::MapError> {
        self.place.as_ref().map_or_else(|| newest_revision(view), |place| Ok(place.revision))
    }

    pub(super) fn after(&self) -> Option<&str> {
        self.place.as_ref().map(|place| place.after.as_str())
    }

    pub(super) fn bounds(&self, piece_entries: usize) -> PageBounds {
        let size_bytes_max = Limits::PAGE_SIZE_BYTES_MAX;
        PageBounds { entries_max: self.entries_max, size_bytes_max, piece_entries }
    }

    /// The token that leads to what follows; empty if nothing does.
    pub(super) fn token(&self, more: bool, next: impl FnOnce() -> Place) -> String {
        if more { self.tokens.write(&next()) } else { String::new() }
    }
}

/// Asks for namespaces.
#[derive(Debug)]
pub(crate) struct Namespaces {
    prefix: String,
}

impl Namespaces {
    const ENTRIES_DEFAULT: usize = 100;

    pub(crate) fn parse(
        request: wire::ListNamespacesRequest,
        limits: &Limits,
    ) -> Result<Page<Self>, Refusal> {
        let wire::ListNamespacesRequest { prefix, page_size, page_token, consistency } = request;
        let mut fields = Fields::new(limits);
        fields.size("prefix", prefix.len(), Limits::NAMESPACE_PREFIX_SIZE_BYTES_MAX);
        let consistency = fields.consistency(consistency);
        let prefix = fields.finish(Some(prefix))?;
        let listed = wire::ListNamespacesRequest { prefix: prefix.clone(), ..Default::default() };
        let tokens = Tokens::of("ListNamespaces", &listed);
        Ok(Page {
            query: Self { prefix },
            consistency,
            place: tokens.read(&page_token)?,
            entries_max: page_entries(page_size, Self::ENTRIES_DEFAULT),
            tokens,
        })
    }
}

impl Page<Namespaces> {
    pub(crate) fn answer(&self, view: &dyn ReadMap) -> Read<wire::ListNamespacesResponse> {
        let revision = self.revision(view)?;
        let query = NamespaceQuery {
            prefix: &self.query.prefix,
            after: self.after(),
            at: revision,
            namespaces_max: self.entries_max,
            size_bytes_max: Limits::PAGE_SIZE_BYTES_MAX,
        };
        let NamespacePage { namespaces, next } = list_namespaces(view, &query)?;
        let place = |after| Place { revision, version: 0, after };
        Ok(Ok(wire::ListNamespacesResponse {
            next_page_token: next.map_or_else(String::new, |after| self.token(true, || place(after))),
            store_revision: revision.get(),
            namespaces: namespaces.into_iter().map(messages::namespace).collect(),
        }))
    }
}

/// Asks for the items of a namespace.
#[derive(Debug)]
pub(crate) struct Items {
    namespace: NamespaceName,
    key_prefix: String,
    at: At,
    keys_only: bool,
}

impl Items {
    const ENTRIES_DEFAULT: usize = 1_000;

    pub(crate) fn parse(request: wire::ListRequest, limits: &Limits) -> Result<Page<Self>, Refusal> {
        let mut fields = Fields::new(limits);
        let namespace = fields.namespace("namespace", &request.namespace);
        fields.key_prefix("key_prefix", &request.key_prefix);
        let at = fields.at(request.at.clone());
        let consistency = fields.consistency(request.consistency);
        let namespace = fields.finish(namespace)?;
        let (page_size, page_token) = (request.page_size, request.page_token.clone());
        let (key_prefix, keys_only) = (request.key_prefix.clone(), request.keys_only);
        let listed = wire::ListRequest { page_size: 0, page_token: String::new(), consistency: 0, ..request };
        let tokens = Tokens::of("List", &listed);
        Ok(Page {
            query: Self { namespace, key_prefix, at, keys_only },
            consistency,
            place: tokens.read(&page_token)?,
            entries_max: page_entries(page_size, Self::ENTRIES_DEFAULT),
            tokens,
        })
    }
}

impl Page<Items> {
    pub(crate) fn answer(&self, view: &dyn ReadMap) -> Read<wire::ListResponse> {
        let query = ItemQuery {
            namespace: &self.query.namespace,
            key_prefix: &self.query.key_prefix,
            after: self.after(),
            at: self.at(),
            records_max: self.entries_max,
            size_bytes_max: Limits::PAGE_SIZE_BYTES_MAX,
            keys_only: self.query.keys_only,
        };
        Ok(list_items(view, &query)?.map(|page| {
            let place = |after| Place { revision: page.revision, version: page.version.get(), after };
            wire::ListResponse {
                next_page_token: page
                    .next
                    .map_or_else(String::new, |after| self.token(true, || place(after))),
                version: page.version.get(),
                store_revision: page.revision.get(),
                items: page.items.into_iter().map(messages::item).collect(),
            }
        }))
    }

    /// "Now" is the moment of the first page, and so is what a tag, a time or a snapshot meant there; the other
    /// moments stand for themselves.
    fn at(&self) -> At {
        match (&self.place, &self.query.at) {
            (Some(place), At::Now | At::Snapshot(_)) => At::Revision(place.revision),
            (Some(place), At::Tag(_) | At::Time(_)) => At::Version(Version::new(place.version)),
            (_, at) => at.clone(),
        }
    }
}

/// Asks for the versions of a namespace.
#[derive(Debug)]
pub(crate) struct Versions {
    namespace: NamespaceName,
    with_changes: bool,
}

impl Versions {
    const ENTRIES_DEFAULT: usize = 50;

    pub(crate) fn parse(request: wire::HistoryRequest, limits: &Limits) -> Result<Page<Self>, Refusal> {
        let mut fields = Fields::new(limits);
        let namespace = fields.namespace("namespace", &request.namespace);
        let consistency = fields.consistency(request.consistency);
        let namespace = fields.finish(namespace)?;
        let (page_size, page_token) = (request.page_size, request.page_token.clone());
        let with_changes = request.with_changes;
        let listed =
            wire::HistoryRequest { page_size: 0, page_token: String::new(), consistency: 0, ..request };
        let tokens = Tokens::of("History", &listed);
        Ok(Page {
            query: Self { namespace, with_changes },
            consistency,
            place: tokens.read(&page_token)?,
            entries_max: page_entries(page_size, Self::ENTRIES_DEFAULT),
            tokens,
        })
    }
}

/// A version with the keys that it changed.
type Told = (VersionInfo, Vec<KeyChange>);

impl Page<Versions> {
    pub(crate) fn answer(&self, view: &dyn ReadMap) -> Read<wire::HistoryResponse> {
        let revision = self.revision(view)?;
        let with_changes = self.query.with_changes;
        let read = |last: Option<&Told>, page_max| {
            let before = last.map(|(info, _)| info.version).or(self.before());
            let changes_max = with_changes.then_some(Limits::VERSION_CHANGES_MAX);
            history(view, &HistoryQuery { namespace: &self.query.namespace, before, page_max, changes_max })
        };
        // A version's changes can take much, so of those no version is read for nothing.
        let piece_entries = if with_changes { 1 } else { PIECE_ENTRIES };
        let page = gather(self.bounds(piece_entries), version_size_bytes, read)?;
        Ok(page.map(|(found, more)| {
            let version = found.last().map_or(0, |(info, _)| info.version.get());
            wire::HistoryResponse {
                next_page_token: self.token(more, || Place { revision, version, after: String::new() }),
                versions: found.into_iter().map(|(info, changes)| messages::version(info, changes)).collect(),
            }
        }))
    }

    fn before(&self) -> Option<Version> {
        self.place.as_ref().map(|place| Version::new(place.version))
    }
}

fn version_size_bytes((info, changes): &Told) -> usize {
    let changes: usize = changes.iter().map(|change| change.key.len()).sum();
    info.author.len() + info.message.len() + changes
}

/// Asks for what differs between two versions.
#[derive(Debug)]
pub(crate) struct Differences {
    namespace: NamespaceName,
    from: Version,
    /// None: the newest.
    to: Option<Version>,
    key_prefix: String,
}

impl Differences {
    const ENTRIES_DEFAULT: usize = 1_000;

    pub(crate) fn parse(request: wire::DiffRequest, limits: &Limits) -> Result<Page<Self>, Refusal> {
        let mut fields = Fields::new(limits);
        let namespace = fields.namespace("namespace", &request.namespace);
        fields.key_prefix("key_prefix", &request.key_prefix);
        let consistency = fields.consistency(request.consistency);
        let namespace = fields.finish(namespace)?;
        let (page_size, page_token) = (request.page_size, request.page_token.clone());
        let query = Self {
            namespace,
            from: Version::new(request.from_version),
            to: Some(request.to_version).filter(|version| *version > 0).map(Version::new),
            key_prefix: request.key_prefix.clone(),
        };
        let listed = wire::DiffRequest { page_size: 0, page_token: String::new(), consistency: 0, ..request };
        let tokens = Tokens::of("Diff", &listed);
        Ok(Page {
            query,
            consistency,
            place: tokens.read(&page_token)?,
            entries_max: page_entries(page_size, Self::ENTRIES_DEFAULT),
            tokens,
        })
    }
}

impl Page<Differences> {
    pub(crate) fn answer(&self, view: &dyn ReadMap) -> Read<wire::DiffResponse> {
        let revision = self.revision(view)?;
        let to = match self.to(view)? {
            Ok(to) => to,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let query = DiffQuery {
            namespace: &self.query.namespace,
            from: self.query.from,
            to,
            key_prefix: &self.query.key_prefix,
            after: self.after(),
            changes_max: self.entries_max,
            size_bytes_max: Limits::DIFF_PAGE_SIZE_BYTES_MAX,
        };
        Ok(diff(view, &query)?.map(|(found, more)| {
            let (found, more) = fitting(found, more);
            let after = || found.last().map(|change| change.key.clone()).unwrap_or_default();
            wire::DiffResponse {
                next_page_token: self.token(more, || Place { revision, version: to.get(), after: after() }),
                from_version: self.query.from.get(),
                to_version: to.get(),
                changes: found,
            }
        }))
    }

    /// The newer side: as asked for, else as the first page found it.
    fn to(&self, view: &dyn ReadMap) -> Read<Version> {
        match (self.query.to, &self.place) {
            (Some(to), _) => Ok(Ok(to)),
            (None, Some(place)) => Ok(Ok(Version::new(place.version))),
            (None, None) => Ok(newest_version(view, &self.query.namespace)?.map(|(newest, ..)| newest)),
        }
    }
}

/// As many changes as fit into a page on the wire, but at least one; and whether there are more. A change has
/// two values, so the one that goes beyond the bound could take the page beyond what clients accept.
fn fitting(found: Vec<ItemChange>, more: bool) -> (Vec<wire::ItemChange>, bool) {
    let mut left_bytes = Limits::DIFF_PAGE_SIZE_BYTES_MAX;
    let mut page: Vec<wire::ItemChange> = Vec::with_capacity(found.len());
    for change in found.into_iter().map(messages::item_change) {
        let size_bytes = change.encoded_len();
        if size_bytes > left_bytes && !page.is_empty() {
            return (page, true);
        }
        left_bytes = left_bytes.saturating_sub(size_bytes);
        page.push(change);
    }
    (page, more)
}

#[cfg(test)]
mod tests;
