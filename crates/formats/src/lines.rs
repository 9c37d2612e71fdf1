//! What the formats without structure share: literal keys, each once, and text.

use crate::content::{Leaf, leaf_of};
use crate::limits::{ITEMS_MAX, KEY_SIZE_BYTES_MAX};
use crate::node::SeenKeys;
use crate::source::Source;
use crate::{FileItem, Format, FormatError};

/// Collects the items of a file, line by line.
pub(crate) struct Lines<'a> {
    source: &'a Source<'a>,
    seen: SeenKeys,
    items: Vec<FileItem>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(source: &'a Source<'a>) -> Self {
        Self { source, seen: SeenKeys::default(), items: Vec::new() }
    }

    /// Adds the item whose key stands at a byte offset.
    pub(crate) fn add(&mut self, at: usize, key: String, text: String) -> Result<(), FormatError> {
        if key.len() > KEY_SIZE_BYTES_MAX {
            let message = format!("the key has {} bytes, {KEY_SIZE_BYTES_MAX} are allowed", key.len());
            return Err(self.source.error(at, message));
        }
        self.seen.add(self.source, &key, at)?;
        if self.items.len() == ITEMS_MAX {
            return Err(self.source.error(at, format!("more than {ITEMS_MAX} items in one file")));
        }
        self.items.push(FileItem::text(key, text));
        Ok(())
    }

    pub(crate) fn into_items(self) -> Vec<FileItem> {
        self.items
    }
}

/// The keys and texts of items in key order, for a format that holds nothing else.
pub(crate) fn texts(items: &[FileItem], format: Format) -> Result<Vec<(&str, String)>, FormatError> {
    let mut texts = Vec::with_capacity(items.len());
    for item in items {
        match leaf_of(item) {
            Leaf::Text(text) => texts.push((item.key.as_str(), text)),
            _ => return Err(FormatError::no_word(&item.key, format, "bytes")),
        }
    }
    texts.sort();
    match texts.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(twice) => Err(FormatError::item(twice[0].0, "it is given twice")),
        None => Ok(texts),
    }
}
