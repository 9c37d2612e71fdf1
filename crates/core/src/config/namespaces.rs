//! Reading what is known of namespaces, without their items.

use conclave_mvcc::{MapError, RangeCursor, ReadMap, Record, Revision, get_at};

use super::command::Defaults;
use super::head::Head;
use super::info;
use super::kept_at::KeptAt;
use super::keys::{head_key, heads, heads_after, namespace_of_head};
use super::outcome::NamespaceInfo;
use super::read::{KEYS_A_PAGE_MAX, Read};
use super::settings::{self, Settings};
use crate::names::NamespaceName;
use crate::stop::{Stop, part};
use crate::totals::NAMESPACES;
use crate::version::Version;

/// One namespace.
///
/// # Errors
/// The map cannot be read. Within: it does not exist, or was deleted.
pub fn get_namespace(view: &dyn ReadMap, namespace: &NamespaceName) -> Read<NamespaceInfo> {
    part(find_namespace(view, namespace))
}

/// Number and revision of a namespace's newest version, and whether that deleted it.
///
/// # Errors
/// The map cannot be read. Within: the name was never used.
pub fn newest_version(view: &dyn ReadMap, namespace: &NamespaceName) -> Read<(Version, Revision, bool)> {
    let found = Head::at(view, namespace, Revision::MAX);
    part(found.map(|(head, revision)| (head.version, revision, head.deleted_namespace)))
}

/// Which namespaces to list.
#[derive(Clone, Copy, Debug)]
pub struct NamespaceQuery<'a> {
    /// Only those whose names begin with this; empty: all.
    pub prefix: &'a str,
    /// Only those after this one.
    pub after: Option<&'a str>,
    /// As they were at this revision, with the settings of now.
    pub at: Revision,
    /// At most so many, and at least one if there is one among the next [`KEYS_A_PAGE_MAX`] names.
    pub namespaces_max: usize,
    /// No further one once those found take so much.
    pub size_bytes_max: usize,
}

/// A page of namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespacePage {
    /// In order of name.
    pub namespaces: Vec<NamespaceInfo>,
    /// The name to read on after, if there may be more.
    pub next: Option<String>,
}

/// A page of namespaces. It may hold none although there are some further on. One that was there, but of which that
/// was dropped since, is told as it is now.
///
/// # Errors
/// The map cannot be read.
pub fn list_namespaces(view: &dyn ReadMap, query: &NamespaceQuery<'_>) -> Result<NamespacePage, MapError> {
    let range = heads(query.prefix);
    let range = query.after.map_or(range.clone(), |name| heads_after(&range, name));
    // All heads of now, for no head is ever deleted: those of then may have been collected.
    let mut cursor = RangeCursor::bounded(view, &range, Revision::MAX, KEYS_A_PAGE_MAX)?;
    let mut kept = KeptAt::new(view, query.at);
    let (mut page, mut size_bytes) = (NamespacePage::default(), 0);
    while let Some(key) = cursor.key() {
        let name = namespace_of_head(key)?;
        if let Some((head, revision)) = head_then(view, &mut kept, &name, cursor.record()?)? {
            let is_full = page.namespaces.len() >= query.namespaces_max || size_bytes >= query.size_bytes_max;
            if let Some(last) = page.namespaces.last().filter(|_| is_full) {
                page.next = Some(last.name.to_string());
                return Ok(page);
            }
            let settings = Settings::find(view, &name)?;
            let info = info::of(view, name, (head, revision), settings)?;
            size_bytes += info.size_bytes();
            page.namespaces.push(info);
        }
        cursor.advance()?;
    }
    let stopped = cursor.stopped_after()?;
    page.next = stopped.map(|key| namespace_of_head(&key).map(|name| name.to_string())).transpose()?;
    Ok(page)
}
/// The head of a namespace as it was at the revision that is asked about, and when it was written; as it is now if
/// that is no longer kept. None if the namespace was not there, or was deleted.
fn head_then(
    view: &dyn ReadMap,
    kept: &mut KeptAt<'_>,
    name: &NamespaceName,
    now: Record,
) -> Result<Option<(Head, Revision)>, MapError> {
    let at = kept.at();
    let then = if now.create_revision > at {
        None
    } else if now.mod_revision <= at || part(kept.check(name))?.is_err() {
        Some(now)
    } else {
        get_at(view, &head_key(name), at)?
    };
    let Some(record) = then else { return Ok(None) };
    let head = Head::decode(&record)?;
    Ok((!head.deleted_namespace).then_some((head, record.mod_revision)))
}

/// What holds for namespaces that do not say otherwise, complete; and how many namespaces there are.
///
/// # Errors
/// The map cannot be read.
pub fn defaults(view: &dyn ReadMap) -> Result<(Defaults, u64), MapError> {
    Ok((settings::defaults(view)?, NAMESPACES.in_view(view)?))
}

fn find_namespace(view: &dyn ReadMap, namespace: &NamespaceName) -> Result<NamespaceInfo, Stop> {
    let (head, revision) = Head::at(view, namespace, Revision::MAX)?;
    let settings = Settings::find(view, namespace)?;
    Ok(info::of(view, namespace.clone(), (head.alive(namespace)?, revision), settings)?)
}
