//! Tags: names for versions. What a tag names is not dropped.

use conclave_mvcc::{MapError, RangeCursor, ReadMap, Record, Revision, Transaction, get_at};
use serde::{Deserialize, Serialize};

use super::command::{DeleteTag, SetTag};
use super::head::{Head, not_found};
use super::keys::{all_tags, tag_key, tag_of_key, tags};
use super::outcome::{ConfigOutcome, TagInfo};
use super::present;
use super::quota;
use super::read::Read;
use super::versions;
use crate::encoding::{decode, encode};
use crate::names::{NamespaceName, PinName};
use crate::rejection::{QuotaKind, Rejection};
use crate::stop::{Stop, part};
use crate::version::Version;

const FORMAT: u8 = 1;
/// Most tags of a namespace.
pub const TAGS_MAX: u64 = 256;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Tag {
    version: Version,
    author: String,
    message: String,
    time_ms: i64,
}

/// Names a version, which must be there.
pub(crate) fn set(
    transaction: &mut Transaction<'_>,
    set: &SetTag,
    time_ms: i64,
) -> Result<ConfigOutcome, Stop> {
    let SetTag { namespace, tag: name, version, may_move, authorship } = set;
    let head = Head::find(transaction, namespace)?.ok_or_else(|| not_found(namespace))?;
    let version = version.unwrap_or(head.version);
    versions::revision_of(transaction.view(), namespace, &head, version)?;
    match find(transaction.view(), namespace, name)? {
        Some(present) if present.version != version && !may_move => {
            let (namespace, tag) = (namespace.to_string(), name.as_str().to_owned());
            return Err(Rejection::TagExists { namespace, tag, version: present.version.get() }.into());
        }
        // What it is already is not set anew.
        Some(present) if present.version == version => return Ok(ConfigOutcome::Tagged(present)),
        Some(_) => {}
        None => check_count(transaction, namespace)?,
    }
    let (author, message) = (authorship.author.clone(), authorship.message.clone());
    let tag = Tag { version, author, message, time_ms };
    present::put(transaction, &all_tags(), tag_key(namespace, name), encode(FORMAT, &tag))?;
    Ok(ConfigOutcome::Tagged(tag.into_info(name.clone(), transaction.revision())))
}

/// Takes a name away.
pub(crate) fn delete(transaction: &mut Transaction<'_>, delete: &DeleteTag) -> Result<ConfigOutcome, Stop> {
    let DeleteTag { namespace, tag, .. } = delete;
    Head::find(transaction, namespace)?.ok_or_else(|| not_found(namespace))?;
    let found = find(transaction.view(), namespace, tag)?.ok_or_else(|| unknown(namespace, tag))?;
    present::delete(transaction, &all_tags(), tag_key(namespace, tag))?;
    Ok(ConfigOutcome::Tagged(found))
}

/// A page of a namespace's tags in order of name, and whether there are more.
///
/// # Errors
/// The map cannot be read. Within: the name was never used.
pub fn list_tags(
    view: &dyn ReadMap,
    namespace: &NamespaceName,
    after: Option<&str>,
    page_max: usize,
) -> Read<(Vec<TagInfo>, bool)> {
    part(find_page(view, namespace, after, page_max))
}

/// The version that a tag names.
pub(crate) fn version_of(
    view: &dyn ReadMap,
    namespace: &NamespaceName,
    tag: &PinName,
) -> Result<Version, Stop> {
    let found = find(view, namespace, tag)?.ok_or_else(|| unknown(namespace, tag))?;
    Ok(found.version)
}

/// The versions that tags of the namespace name.
pub(crate) fn tagged(view: &dyn ReadMap, namespace: &NamespaceName) -> Result<Vec<Version>, MapError> {
    let mut cursor = RangeCursor::new(view, &tags(namespace), Revision::MAX)?;
    let mut found = Vec::new();
    while cursor.key().is_some() {
        found.push(Tag::decode(&cursor.record()?)?.version);
        cursor.advance()?;
    }
    Ok(found)
}

fn find_page(
    view: &dyn ReadMap,
    namespace: &NamespaceName,
    after: Option<&str>,
    page_max: usize,
) -> Result<(Vec<TagInfo>, bool), Stop> {
    Head::at(view, namespace, Revision::MAX)?;
    let range = tags(namespace);
    let range = after.map_or(range.clone(), |name| range.after(&[&range.start, name.as_bytes()].concat()));
    let mut cursor = RangeCursor::new(view, &range, Revision::MAX)?;
    let mut page = Vec::new();
    while let Some(key) = cursor.key() {
        if page.len() >= page_max {
            return Ok((page, true));
        }
        let (name, record) = (tag_of_key(namespace, key)?, cursor.record()?);
        page.push(Tag::decode(&record)?.into_info(name, record.mod_revision));
        cursor.advance()?;
    }
    Ok((page, false))
}

fn find(view: &dyn ReadMap, namespace: &NamespaceName, name: &PinName) -> Result<Option<TagInfo>, MapError> {
    match get_at(view, &tag_key(namespace, name), Revision::MAX)? {
        None => Ok(None),
        Some(record) => Ok(Some(Tag::decode(&record)?.into_info(name.clone(), record.mod_revision))),
    }
}

fn check_count(transaction: &Transaction<'_>, namespace: &NamespaceName) -> Result<(), Stop> {
    let count = tagged(transaction.view(), namespace)?.len() as u64;
    if count < TAGS_MAX {
        return Ok(());
    }
    Err(quota::exceeded(namespace.as_str(), QuotaKind::Tags, (count + 1, TAGS_MAX)))
}

fn unknown(namespace: &NamespaceName, tag: &PinName) -> Stop {
    let (namespace, tag) = (namespace.to_string(), tag.as_str().to_owned());
    Stop::Rejected(Rejection::TagNotFound { namespace, tag })
}

impl Tag {
    fn decode(record: &Record) -> Result<Self, MapError> {
        decode(FORMAT, &record.value).map_err(|error| MapError::new(format_args!("tag: {error}")))
    }

    fn into_info(self, name: PinName, revision: Revision) -> TagInfo {
        let Self { version, author, message, time_ms } = self;
        TagInfo { name, version, author, message, time_ms, revision }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        let tag =
            Tag { version: Version::new(300), author: "ann".into(), message: "why".into(), time_ms: 1_000 };
        assert_eq!(encode(FORMAT, &tag).as_ref(), b"\x01\xac\x02\x03ann\x03why\xd0\x0f");
    }
}
