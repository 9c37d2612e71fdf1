//! Reading what is known of namespaces, without their items.

use conclave_mvcc::{MapError, RangeCursor, ReadMap, Record, Revision, get_at};

use super::command::Defaults;
use super::head::Head;
use super::info;
use super::kept_at::KeptAt;
use super::keys::{head_key, heads, heads_after, namespace_of_head};
use super::outcome::NamespaceInfo;
use super::quota::living;
use super::read::Read;
use super::settings::{self, Settings};
use super::stop::{Stop, part};
use crate::names::NamespaceName;
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

/// The namespaces whose names begin with `prefix` and come after `after`, in order of name, at most
/// `page_max` of them, as they were at a revision, with the settings of now; and whether there are more. One that
/// was there, but of which that was dropped since, is told as it is now.
///
/// # Errors
/// The map cannot be read.
pub fn list_namespaces(
    view: &dyn ReadMap,
    prefix: &str,
    after: Option<&str>,
    at: Revision,
    page_max: usize,
) -> Result<(Vec<NamespaceInfo>, bool), MapError> {
    let range = heads(prefix);
    let range = after.map_or(range.clone(), |name| heads_after(&range, name));
    // All heads of now, for no head is ever deleted: those of then may have been collected.
    let mut cursor = RangeCursor::new(view, &range, Revision::MAX)?;
    let mut kept = KeptAt::new(view, at);
    let mut page = Vec::new();
    while let Some(key) = cursor.key() {
        let name = namespace_of_head(key)?;
        if let Some((head, revision)) = head_then(view, &mut kept, &name, cursor.record()?)? {
            if page.len() >= page_max {
                return Ok((page, true));
            }
            let settings = Settings::find(view, &name)?;
            page.push(info::of(view, name, (head, revision), settings)?);
        }
        cursor.advance()?;
    }
    Ok((page, false))
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
    Ok((settings::defaults(view)?, living::count_in(view)?))
}

fn find_namespace(view: &dyn ReadMap, namespace: &NamespaceName) -> Result<NamespaceInfo, Stop> {
    let (head, revision) = Head::at(view, namespace, Revision::MAX)?;
    let settings = Settings::find(view, namespace)?;
    Ok(info::of(view, namespace.clone(), (head.alive(namespace)?, revision), settings)?)
}
