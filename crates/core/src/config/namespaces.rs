//! Reading what is known of namespaces, without their items.

use conclave_mvcc::{MapError, RangeCursor, ReadMap, Revision};

use super::command::Defaults;
use super::head::Head;
use super::info;
use super::keys::{heads, heads_after, namespace_of_head};
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
/// `page_max` of them, as they were at a revision, with the settings of now; and whether there are more.
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
    let mut cursor = RangeCursor::new(view, &range, at)?;
    let mut page = Vec::new();
    while let Some(key) = cursor.key() {
        let record = cursor.record()?;
        let head = Head::decode(&record)?;
        if !head.deleted_namespace {
            if page.len() >= page_max {
                return Ok((page, true));
            }
            let name = namespace_of_head(key)?;
            let settings = Settings::find(view, &name)?;
            page.push(info::of(view, name, (head, record.mod_revision), settings)?);
        }
        cursor.advance()?;
    }
    Ok((page, false))
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
