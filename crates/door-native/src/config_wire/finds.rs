//! The requests that follow one item, and that find items by what they contain.

use bytes::Bytes;
use conclave_core::config::{
    ItemContent, ItemHistoryQuery, ItemRevision, Read, SearchMatch, SearchPage, SearchQuery, item_history,
    search,
};
use conclave_core::{ItemKey, NamespaceName};
use conclave_door::{Limits, Refusal};
use conclave_mvcc::{MapError, ReadMap, Revision};
use conclave_proto::config::v1 as wire;

use super::listings::{PIECE_ENTRIES, Page};
use super::messages;
use crate::fields::{Fields, page_entries};
use crate::paging::{Place, Tokens, gather};

/// Parts namespace and key in a page token: neither holds it.
const SEPARATOR: char = '\0';

/// Asks for the changes of an item.
#[derive(Debug)]
pub(crate) struct ItemChanges {
    namespace: NamespaceName,
    key: ItemKey,
}

impl ItemChanges {
    const ENTRIES_DEFAULT: usize = 50;

    pub(crate) fn parse(request: wire::ItemHistoryRequest, limits: &Limits) -> Result<Page<Self>, Refusal> {
        let mut fields = Fields::new(limits);
        let namespace = fields.namespace("namespace", &request.namespace);
        let key = fields.key("key", &request.key);
        let consistency = fields.consistency(request.consistency);
        let (namespace, key) = fields.finish(namespace.zip(key))?;
        let (page_size, page_token) = (request.page_size, request.page_token.clone());
        let listed =
            wire::ItemHistoryRequest { page_size: 0, page_token: String::new(), consistency: 0, ..request };
        let tokens = Tokens::of("ItemHistory", &listed);
        Ok(Page {
            query: Self { namespace, key },
            consistency,
            place: tokens.read(&page_token)?,
            entries_max: page_entries(page_size, Self::ENTRIES_DEFAULT),
            tokens,
        })
    }
}

impl Page<ItemChanges> {
    pub(crate) fn answer(&self, view: &dyn ReadMap) -> Read<wire::ItemHistoryResponse> {
        let revision = self.revision(view)?;
        let read = |last: Option<&ItemRevision>, page_max| {
            let query = ItemHistoryQuery {
                namespace: &self.query.namespace,
                key: &self.query.key,
                before: last.map(|change| change.version.revision).or(self.before()),
                page_max,
                size_bytes_max: Limits::PAGE_SIZE_BYTES_MAX,
            };
            item_history(view, &query)
        };
        let page = gather(self.bounds(PIECE_ENTRIES), change_size_bytes, read)?;
        Ok(page.map(|(found, more)| {
            let version = found.last().map_or(0, |change| change.version.revision.get());
            wire::ItemHistoryResponse {
                next_page_token: self.token(more, || Place { revision, version, after: String::new() }),
                revisions: found.into_iter().map(item_revision).collect(),
            }
        }))
    }

    fn before(&self) -> Option<Revision> {
        self.place.as_ref().map(|place| Revision::new(place.version))
    }
}

/// What a change takes on the wire, nearly.
fn change_size_bytes(change: &ItemRevision) -> usize {
    let item = change.item.as_ref().map_or(0, |item| item_size_bytes(&item.key, &item.content));
    change.version.author.len() + change.version.message.len() + item
}

fn item_size_bytes(key: &str, content: &ItemContent) -> usize {
    let labels = content.labels.iter().map(|(name, value)| name.len() + value.len());
    key.len() + content.value.len() + content.content_type.len() + labels.sum::<usize>()
}

fn item_revision(change: ItemRevision) -> wire::ItemRevision {
    wire::ItemRevision {
        version: Some(messages::version(change.version, Vec::new())),
        kind: messages::change_kind(change.kind).into(),
        item: change.item.map(messages::item),
    }
}

/// Asks for items that contain a text.
#[derive(Debug)]
pub(crate) struct Search {
    text: String,
    namespace_prefix: String,
    in_keys: bool,
    in_values: bool,
    ignore_case: bool,
}

impl Search {
    const ENTRIES_DEFAULT: usize = 100;

    pub(crate) fn parse(request: wire::SearchRequest, limits: &Limits) -> Result<Page<Self>, Refusal> {
        let mut fields = Fields::new(limits);
        if request.text.is_empty() {
            fields.refuse("text", "it is empty: give at least one character");
        }
        fields.size("text", request.text.len(), Limits::SEARCH_TEXT_SIZE_BYTES_MAX);
        let prefix = &request.namespace_prefix;
        fields.size("namespace_prefix", prefix.len(), Limits::NAMESPACE_PREFIX_SIZE_BYTES_MAX);
        let consistency = fields.consistency(request.consistency);
        let consistency = fields.finish(Some(consistency))?;
        let listed = wire::SearchRequest {
            page_size: 0,
            page_token: String::new(),
            consistency: 0,
            ..request.clone()
        };
        let tokens = Tokens::of("Search", &listed);
        let everywhere = !request.in_keys && !request.in_values;
        Ok(Page {
            place: tokens.read(&request.page_token)?,
            consistency,
            entries_max: page_entries(request.page_size, Self::ENTRIES_DEFAULT),
            tokens,
            query: Self {
                text: request.text,
                namespace_prefix: request.namespace_prefix,
                in_keys: request.in_keys || everywhere,
                in_values: request.in_values || everywhere,
                ignore_case: request.ignore_case,
            },
        })
    }
}

impl Page<Search> {
    pub(crate) fn answer(&self, view: &dyn ReadMap) -> Read<wire::SearchResponse> {
        let revision = self.revision(view)?;
        let after = self.after().map(split).transpose()?;
        let query = SearchQuery {
            text: &self.query.text,
            namespace_prefix: &self.query.namespace_prefix,
            in_keys: self.query.in_keys,
            in_values: self.query.in_values,
            ignore_case: self.query.ignore_case,
            after: after.as_ref().map(|(namespace, key)| (namespace, key)),
            at: revision,
            matches_max: self.entries_max,
            items_max: Limits::SEARCH_ITEMS_MAX,
            size_bytes_max: Limits::SEARCH_SIZE_BYTES_MAX,
        };
        let SearchPage { matches, next } = search(view, &query)?;
        let (matches, next) = cut(matches, next);
        let next_page_token = next.map_or_else(String::new, |(namespace, key)| {
            let after = format!("{namespace}{SEPARATOR}{key}");
            self.token(true, || Place { revision, version: 0, after })
        });
        Ok(Ok(wire::SearchResponse { matches, next_page_token, store_revision: revision.get() }))
    }
}

/// The last item of a page that was looked at.
type Looked = (NamespaceName, String);

/// As many matches as a page may hold by size, and from where to go on.
fn cut(found: Vec<SearchMatch>, next: Option<Looked>) -> (Vec<wire::Match>, Option<Looked>) {
    let (mut matches, mut size_bytes) = (Vec::new(), 0);
    let count = found.len();
    for one in found {
        let place = (one.namespace.clone(), one.item.key.clone());
        let (told, told_bytes) = matched(one);
        size_bytes += told_bytes;
        matches.push(told);
        if size_bytes >= Limits::PAGE_SIZE_BYTES_MAX && matches.len() < count {
            return (matches, Some(place));
        }
    }
    (matches, next)
}

/// Namespace and key of a place; the token's checksum says that they were written here.
fn split(after: &str) -> Result<(NamespaceName, ItemKey), MapError> {
    let (namespace, key) = after.split_once(SEPARATOR).unwrap_or((after, ""));
    let namespace = NamespaceName::parse(namespace).map_err(MapError::new)?;
    Ok((namespace, ItemKey::parse(key, usize::MAX).map_err(MapError::new)?))
}

/// A match on the wire, and what it takes there, nearly.
fn matched(found: SearchMatch) -> (wire::Match, usize) {
    let SearchMatch { namespace, mut item, key_matches, value_matches } = found;
    let value_omitted = item.content.value.len() > Limits::MATCH_VALUE_SIZE_BYTES_MAX;
    if value_omitted {
        item.content.value = Bytes::new();
    }
    let namespace = namespace.to_string();
    let size_bytes = namespace.len() + item_size_bytes(&item.key, &item.content);
    let item = Some(messages::item(item));
    (wire::Match { namespace, item, key_matches, value_matches, value_omitted }, size_bytes)
}

#[cfg(test)]
mod tests;
