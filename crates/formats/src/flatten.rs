//! From nested content to flat items.

use crate::content::Leaf;
use crate::limits::{ITEMS_MAX, KEY_SIZE_BYTES_MAX, UNFOLDED_SIZE_BYTES_MAX};
use crate::node::{Entry, Node, Value};
use crate::source::Source;
use crate::{FileItem, FormatError, path};

/// The items of a file whose root is a map or a list, in the file's order. An empty root has none.
pub(crate) fn flatten(source: &Source<'_>, root: Node) -> Result<Vec<FileItem>, FormatError> {
    let mut flattener = Flattener { source, path: String::new(), items: Vec::new(), size_bytes: 0 };
    match root.value {
        Value::Leaf(_) => {
            Err(source.error(root.at, "the file must hold a map or a list, not a single value"))
        }
        Value::Map(entries) => flattener.map(entries),
        Value::List(nodes) => flattener.list(nodes),
    }?;
    Ok(flattener.items)
}

struct Flattener<'a> {
    source: &'a Source<'a>,
    /// The key of where we are.
    path: String,
    items: Vec<FileItem>,
    size_bytes: usize,
}

impl Flattener<'_> {
    fn node(&mut self, node: Node) -> Result<(), FormatError> {
        if self.path.len() > KEY_SIZE_BYTES_MAX {
            let message = format!("the key has {} bytes, {KEY_SIZE_BYTES_MAX} are allowed", self.path.len());
            return Err(self.source.error(node.at, message));
        }
        match node.value {
            Value::Leaf(leaf) => self.leaf(node.at, leaf),
            Value::Map(entries) if entries.is_empty() => self.leaf(node.at, Leaf::Json("{}".to_owned())),
            Value::List(nodes) if nodes.is_empty() => self.leaf(node.at, Leaf::Json("[]".to_owned())),
            Value::Map(entries) => self.map(entries),
            Value::List(nodes) => self.list(nodes),
        }
    }

    fn map(&mut self, entries: Vec<Entry>) -> Result<(), FormatError> {
        let length = self.path.len();
        for entry in entries {
            path::push_name(&mut self.path, &entry.key);
            self.node(entry.node)?;
            self.path.truncate(length);
        }
        Ok(())
    }

    fn list(&mut self, nodes: Vec<Node>) -> Result<(), FormatError> {
        let length = self.path.len();
        for (index, node) in nodes.into_iter().enumerate() {
            path::push_index(&mut self.path, index);
            self.node(node)?;
            self.path.truncate(length);
        }
        Ok(())
    }

    fn leaf(&mut self, at: usize, leaf: Leaf) -> Result<(), FormatError> {
        self.size_bytes += self.path.len() + leaf.size_bytes();
        if self.size_bytes > UNFOLDED_SIZE_BYTES_MAX {
            let message = format!("keys and values unfold to more than {UNFOLDED_SIZE_BYTES_MAX} bytes");
            return Err(self.source.error(at, message));
        }
        if self.items.len() == ITEMS_MAX {
            return Err(self.source.error(at, format!("more than {ITEMS_MAX} items in one file")));
        }
        self.items.push(item(self.path.clone(), leaf));
        Ok(())
    }
}

fn item(key: String, leaf: Leaf) -> FileItem {
    let (value, content_type) = leaf.into_content();
    FileItem { key, value, content_type: content_type.to_owned() }
}
