//! A file's content as its parser found it: in order, and with the place of everything.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use crate::content::Leaf;
use crate::limits::{DEPTH_MAX, NODES_MAX};
use crate::source::Source;
use crate::{FormatError, Tree};

/// One value, map or list.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Byte offset in the text.
    pub(crate) at: usize,
    pub(crate) value: Value,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Leaf(Leaf),
    Map(Vec<Entry>),
    List(Vec<Node>),
}

/// A map's key and what it leads to.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) node: Node,
}

impl From<Node> for Tree {
    fn from(node: Node) -> Self {
        match node.value {
            Value::Leaf(leaf) => Self::Leaf(leaf),
            Value::Map(entries) => {
                Self::Map(entries.into_iter().map(|entry| (entry.key, entry.node.into())).collect())
            }
            Value::List(nodes) => Self::List(nodes.into_iter().map(Self::from).collect()),
        }
    }
}

/// The keys of one map as they come: each may come once.
#[derive(Default)]
pub(crate) struct SeenKeys {
    first_at: HashMap<String, usize>,
}

impl SeenKeys {
    pub(crate) fn add(&mut self, source: &Source<'_>, key: &str, at: usize) -> Result<(), FormatError> {
        match self.first_at.entry(key.to_owned()) {
            Slot::Occupied(first) => Err(source.duplicate(key, at, *first.get())),
            Slot::Vacant(slot) => {
                slot.insert(at);
                Ok(())
            }
        }
    }

    pub(crate) fn contains(&self, key: &str) -> bool {
        self.first_at.contains_key(key)
    }
}

/// Counts nodes against [`NODES_MAX`] and depth against [`DEPTH_MAX`].
#[derive(Default)]
pub(crate) struct NodeCount(usize);

impl NodeCount {
    /// Takes `nodes` more, the deepest of them `depth` levels below the root.
    pub(crate) fn add(
        &mut self,
        source: &Source<'_>,
        at: usize,
        nodes: usize,
        depth: usize,
    ) -> Result<(), FormatError> {
        self.0 += nodes;
        if self.0 > NODES_MAX {
            return Err(source.error(at, format!("more than {NODES_MAX} values, maps and lists in one file")));
        }
        if depth > DEPTH_MAX {
            return Err(source.error(at, format!("maps and lists are nested deeper than {DEPTH_MAX} levels")));
        }
        Ok(())
    }
}
