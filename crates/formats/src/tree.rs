//! From flat items to nested content, ready to be written.
//!
//! Keys are read as paths. What cannot be one document is refused with the keys concerned, never
//! bent: a key that is both a value and a map (`a` and `a.b`), a list with a gap, a key that is no
//! path. Maps are in key order, so that equal items give equal files.

use std::collections::BTreeMap;

use crate::content::{Leaf, tree_of};
use crate::limits::DEPTH_MAX;
use crate::path::{self, Segment};
use crate::{FileItem, Format, FormatError};

/// Nested content. `L` is what a single value is: its meaning, or already the text to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tree<L = Leaf> {
    Leaf(L),
    Map(BTreeMap<String, Tree<L>>),
    List(Vec<Tree<L>>),
}

impl<L> Tree<L> {
    /// Whether this is a map or list with something in it.
    pub(crate) fn has_children(&self) -> bool {
        match self {
            Self::Leaf(_) => false,
            Self::Map(entries) => !entries.is_empty(),
            Self::List(entries) => !entries.is_empty(),
        }
    }

    fn height(&self) -> usize {
        let below = |tallest: Option<usize>| 1 + tallest.unwrap_or(0);
        match self {
            Self::Leaf(_) => 0,
            Self::Map(entries) => below(entries.values().map(Self::height).max()),
            Self::List(entries) => below(entries.iter().map(Self::height).max()),
        }
    }
}

impl Tree {
    /// Turns every single value into text. `word` may refuse one by saying what it is that the
    /// format cannot hold; the error names the key.
    pub(crate) fn map_leaves(self, format: Format, word: &Word) -> Result<Tree<String>, FormatError> {
        self.map_leaves_at(&mut String::new(), format, word)
    }

    fn map_leaves_at(
        self,
        path: &mut String,
        format: Format,
        word: &Word,
    ) -> Result<Tree<String>, FormatError> {
        let length = path.len();
        match self {
            Self::Leaf(leaf) => {
                let text = word(&leaf).map_err(|what| FormatError::no_word(path, format, what))?;
                Ok(Tree::Leaf(text))
            }
            Self::Map(entries) => {
                let mapped = entries.into_iter().map(|(name, child)| {
                    path::push_name(path, &name);
                    let child = child.map_leaves_at(path, format, word)?;
                    path.truncate(length);
                    Ok((name, child))
                });
                mapped.collect::<Result<_, _>>().map(Tree::Map)
            }
            Self::List(entries) => {
                let mapped = entries.into_iter().enumerate().map(|(index, child)| {
                    path::push_index(path, index);
                    let child = child.map_leaves_at(path, format, word)?;
                    path.truncate(length);
                    Ok(child)
                });
                mapped.collect::<Result<_, _>>().map(Tree::List)
            }
        }
    }
}

/// A single value's text in a format, or what it is that the format cannot hold.
type Word = dyn Fn(&Leaf) -> Result<String, &'static str>;

/// Builds the one document that the items describe; no items are an empty map.
pub(crate) fn unflatten(items: &[FileItem]) -> Result<Tree, FormatError> {
    let mut root = None;
    for item in items {
        let segments = path::parse(&item.key).map_err(|message| FormatError::item(&item.key, message))?;
        let tree = tree_of(item)?;
        if segments.len() + tree.height() > DEPTH_MAX {
            let message = format!("it is nested deeper than {DEPTH_MAX} levels");
            return Err(FormatError::item(&item.key, message));
        }
        insert(&mut root, segments, &item.key, tree)?;
    }
    root.map_or_else(|| Ok(Tree::Map(BTreeMap::new())), Growing::finish)
}

/// A document under construction. `key` is the first item's that made this place.
enum Growing {
    Done { key: String, tree: Tree },
    Map { key: String, entries: BTreeMap<String, Option<Growing>> },
    List { key: String, entries: BTreeMap<usize, Option<Growing>> },
}

fn insert(
    root: &mut Option<Growing>,
    segments: Vec<Segment>,
    key: &str,
    tree: Tree,
) -> Result<(), FormatError> {
    let mut place = root;
    for segment in segments {
        let container = place.get_or_insert_with(|| Growing::container(&segment, key));
        place = container.enter(segment).map_err(|other| conflict(key, &other))?;
    }
    if let Some(there) = place {
        return Err(conflict(key, there.key()));
    }
    *place = Some(Growing::Done { key: key.to_owned(), tree });
    Ok(())
}

fn conflict(key: &str, other: &str) -> FormatError {
    if key == other {
        return FormatError::item(key, "it is given twice");
    }
    let message =
        format!("item {other:?} is in its place: one key cannot be a value, a map and a list at once");
    FormatError::item(key, message)
}

impl Growing {
    fn container(segment: &Segment, key: &str) -> Self {
        match segment {
            Segment::Name(_) => Self::Map { key: key.to_owned(), entries: BTreeMap::new() },
            Segment::Index(_) => Self::List { key: key.to_owned(), entries: BTreeMap::new() },
        }
    }

    fn key(&self) -> &str {
        match self {
            Self::Done { key, .. } | Self::Map { key, .. } | Self::List { key, .. } => key,
        }
    }

    /// The place behind a segment; the error is the key that makes it impossible.
    fn enter(&mut self, segment: Segment) -> Result<&mut Option<Self>, String> {
        match (self, segment) {
            (Self::Map { entries, .. }, Segment::Name(name)) => Ok(entries.entry(name).or_default()),
            (Self::List { entries, .. }, Segment::Index(index)) => Ok(entries.entry(index).or_default()),
            (other, _) => Err(other.key().to_owned()),
        }
    }

    fn finish(self) -> Result<Tree, FormatError> {
        match self {
            Self::Done { tree, .. } => Ok(tree),
            Self::Map { entries, .. } => {
                let finished = entries.into_iter().map(|(name, child)| Ok((name, finish_child(child)?)));
                finished.collect::<Result<_, _>>().map(Tree::Map)
            }
            Self::List { entries, .. } => finish_list(entries),
        }
    }
}

fn finish_list(entries: BTreeMap<usize, Option<Growing>>) -> Result<Tree, FormatError> {
    let mut list = Vec::with_capacity(entries.len());
    for (index, child) in entries {
        if index != list.len() {
            let key = child.as_ref().map_or("", Growing::key);
            let message = format!("its list has an entry [{index}] but none [{}]", list.len());
            return Err(FormatError::item(key, message));
        }
        list.push(finish_child(child)?);
    }
    Ok(Tree::List(list))
}

fn finish_child(child: Option<Growing>) -> Result<Tree, FormatError> {
    child.expect("insert fills every place that it enters").finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(keys: &[&str]) -> Vec<FileItem> {
        let item = |key: &&str| FileItem::text(*key, "x");
        keys.iter().map(item).collect()
    }

    fn refused(keys: &[&str]) -> String {
        unflatten(&items(keys)).unwrap_err().to_string()
    }

    #[test]
    fn conflicts_name_both_keys() {
        let cases = [
            (["a", "a.b"], "item \"a.b\": item \"a\" is in its place"),
            (["a.b", "a"], "item \"a\": item \"a.b\" is in its place"),
            (["a[0]", "a.b"], "item \"a.b\": item \"a[0]\" is in its place"),
            (["a.b.c", "a.b[0]"], "item \"a.b[0]\": item \"a.b.c\" is in its place"),
            (["[0]", "a"], "item \"a\": item \"[0]\" is in its place"),
        ];
        for (keys, message) in cases {
            let error = refused(&keys);
            assert!(error.starts_with(message), "{error}");
        }
        assert_eq!(refused(&["a", "a"]), "item \"a\": it is given twice");
    }

    #[test]
    fn lists_have_no_gaps() {
        assert_eq!(refused(&["a[0]", "a[2]"]), "item \"a[2]\": its list has an entry [2] but none [1]");
        assert_eq!(refused(&["a[1].x"]), "item \"a[1].x\": its list has an entry [1] but none [0]");
    }

    #[test]
    fn the_order_of_items_does_not_matter() {
        let forward = unflatten(&items(&["a.x", "a.y[0]", "a.y[1]", "b"])).unwrap();
        let backward = unflatten(&items(&["b", "a.y[1]", "a.y[0]", "a.x"])).unwrap();
        assert_eq!(forward, backward);
    }

    #[test]
    fn json_counts_towards_the_depth() {
        let nested = format!("{}{}", "[".repeat(40), "]".repeat(40));
        let key = vec!["a"; 30].join(".");
        let item = FileItem {
            value: nested.into(),
            content_type: "application/json".into(),
            ..FileItem::text(key, "")
        };
        let error = unflatten(&[item]).unwrap_err().to_string();
        assert!(error.ends_with("it is nested deeper than 64 levels"), "{error}");
    }
}
