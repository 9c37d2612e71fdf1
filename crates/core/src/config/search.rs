//! Finding items by what their keys or values contain.

use conclave_mvcc::{KeyRange, MapError, RangeCursor, ReadMap, Revision, newest_revision};

use super::item::Item;
use super::kept_at::KeptAt;
use super::keys::{all_items, item_key, items, split_item_key};
use crate::names::{ItemKey, NamespaceName};
use crate::stop::part;

/// What to look for, and how far.
#[derive(Clone, Copy, Debug)]
pub struct SearchQuery<'a> {
    /// The text.
    pub text: &'a str,
    /// Only namespaces whose names begin with this.
    pub namespace_prefix: &'a str,
    /// Whether keys are searched.
    pub in_keys: bool,
    /// Whether values are searched.
    pub in_values: bool,
    /// Whether the case of ASCII letters is passed over.
    pub ignore_case: bool,
    /// Only items after this one.
    pub after: Option<(&'a NamespaceName, &'a ItemKey)>,
    /// The state of this revision; namespaces of which it was dropped are passed over.
    pub at: Revision,
    /// At most so many matches.
    pub matches_max: usize,
    /// At most so many items are looked at, of which some may not exist any more, or not yet.
    pub items_max: usize,
    /// No further item is looked at once those that were take so much.
    pub size_bytes_max: usize,
}

/// A page of matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchPage {
    /// Namespace by namespace, each in order of key.
    pub matches: Vec<SearchMatch>,
    /// The last item that was looked at, if there are more: search on after it.
    pub next: Option<(NamespaceName, String)>,
}

/// An item that contains the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchMatch {
    /// Its namespace.
    pub namespace: NamespaceName,
    /// The item.
    pub item: Item,
    /// Whether its key contains the text.
    pub key_matches: bool,
    /// Whether its value does.
    pub value_matches: bool,
}

/// A page of the items that contain a text, namespace by namespace, each in order of key. It may hold none
/// although there are some further on.
///
/// # Errors
/// The map cannot be read.
pub fn search(view: &dyn ReadMap, query: &SearchQuery<'_>) -> Result<SearchPage, MapError> {
    let range = all_items(query.namespace_prefix);
    let range = match query.after {
        Some((namespace, key)) => range.after(&item_key(namespace, key)),
        None => range,
    };
    let mut scope = Scope::new(view, query)?;
    let needle = Needle::new(query);
    let mut cursor = RangeCursor::bounded(view, &range, query.at, query.items_max)?;
    let (mut page, mut looked) = (SearchPage::default(), Looked::default());
    while let Some(key) = cursor.key() {
        let is_full = page.matches.len() >= query.matches_max || looked.size_bytes >= query.size_bytes_max;
        if looked.last.is_some() && is_full {
            page.next = looked.last;
            return Ok(page);
        }
        let (namespace, local) = split_item_key(key)?;
        let size_bytes = key.len();
        if looked.is_new(&namespace) && !scope.holds(&namespace)? {
            looked.keys += cursor.keys();
            looked.at(namespace.clone(), local, size_bytes);
            if looked.keys >= query.items_max {
                page.next = looked.last;
                return Ok(page);
            }
            let (rest, left) = (without(&range, &namespace), query.items_max - looked.keys);
            cursor = RangeCursor::bounded(view, &rest, query.at, left)?;
            continue;
        }
        let record = cursor.record()?;
        let size_bytes = size_bytes + record.size_bytes();
        let key_matches = query.in_keys && needle.is_in(local.as_bytes());
        let value_matches = query.in_values && needle.is_in(&record.value);
        if key_matches || value_matches {
            let (namespace, item) = (namespace.clone(), Item::decode(local.clone(), record)?);
            page.matches.push(SearchMatch { namespace, item, key_matches, value_matches });
        }
        looked.at(namespace, local, size_bytes);
        cursor.advance()?;
    }
    page.next = cursor.stopped_after()?.map(|key| split_item_key(&key)).transpose()?;
    Ok(page)
}

/// What was looked at for a page.
#[derive(Default)]
struct Looked {
    /// Keys that earlier cursors came to.
    keys: usize,
    size_bytes: usize,
    last: Option<(NamespaceName, String)>,
}

impl Looked {
    /// Whether this is the first item of the namespace that the page comes to.
    fn is_new(&self, namespace: &NamespaceName) -> bool {
        self.last.as_ref().is_none_or(|(last, _)| last != namespace)
    }

    fn at(&mut self, namespace: NamespaceName, key: String, size_bytes: usize) {
        self.size_bytes += size_bytes;
        self.last = Some((namespace, key));
    }
}

/// Which namespaces are searched.
struct Scope<'a> {
    prefix: &'a str,
    /// An earlier revision that is searched; none: what is now, of which nothing is ever dropped.
    earlier: Option<KeptAt<'a>>,
}

impl<'a> Scope<'a> {
    fn new(view: &'a dyn ReadMap, query: &SearchQuery<'a>) -> Result<Self, MapError> {
        let earlier = (query.at < newest_revision(view)?).then(|| KeptAt::new(view, query.at));
        Ok(Self { prefix: query.namespace_prefix, earlier })
    }

    /// Whether the namespace's name begins as asked, and all that it held is still there. Keys alone do not
    /// tell: those of `shop` begin with `shop/` too.
    fn holds(&mut self, namespace: &NamespaceName) -> Result<bool, MapError> {
        if !namespace.as_str().starts_with(self.prefix) {
            return Ok(false);
        }
        match &mut self.earlier {
            Some(kept) => Ok(part(kept.check(namespace))?.is_ok()),
            None => Ok(true),
        }
    }
}

/// What is left of a range, beginning in the items of this namespace, without them.
fn without(range: &KeyRange, namespace: &NamespaceName) -> KeyRange {
    KeyRange::new(items(namespace, "").end, range.end.clone())
}

/// What is looked for.
struct Needle {
    bytes: Vec<u8>,
    ignore_case: bool,
}

impl Needle {
    fn new(query: &SearchQuery<'_>) -> Self {
        let bytes = query.text.as_bytes();
        let bytes = if query.ignore_case { bytes.to_ascii_lowercase() } else { bytes.to_vec() };
        Self { bytes, ignore_case: query.ignore_case }
    }

    fn is_in(&self, text: &[u8]) -> bool {
        if self.ignore_case {
            memchr::memmem::find(&text.to_ascii_lowercase(), &self.bytes).is_some()
        } else {
            memchr::memmem::find(text, &self.bytes).is_some()
        }
    }
}
