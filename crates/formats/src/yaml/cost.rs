//! What anchors and aliases may cost.

use crate::limits::{NODES_MAX, UNFOLDED_SIZE_BYTES_MAX};
use crate::node::{Node, Value};

/// What a copy of a node costs.
pub(super) struct Cost {
    pub(super) nodes: usize,
    pub(super) size_bytes: usize,
    /// Levels of maps and lists.
    pub(super) height: usize,
}

impl Cost {
    pub(super) fn of(node: &Node) -> Self {
        let mut cost = Self { nodes: 1, size_bytes: 0, height: 0 };
        match &node.value {
            Value::Leaf(leaf) => cost.size_bytes = leaf.size_bytes(),
            Value::Map(entries) => {
                cost.height = 1;
                entries.iter().for_each(|entry| cost.add(&Self::of(&entry.node), entry.key.len()));
            }
            Value::List(nodes) => {
                cost.height = 1;
                nodes.iter().for_each(|node| cost.add(&Self::of(node), 0));
            }
        }
        cost
    }

    fn add(&mut self, child: &Self, key_size_bytes: usize) {
        self.nodes += child.nodes;
        self.size_bytes += child.size_bytes + key_size_bytes;
        self.height = self.height.max(child.height + 1);
    }
}

/// What all anchors hold. Those of a file without anchors in anchors cannot exceed what it may hold itself.
#[derive(Default)]
pub(super) struct Held {
    nodes: usize,
    size_bytes: usize,
}

impl Held {
    pub(super) fn add(&mut self, cost: &Cost) -> Result<(), String> {
        self.nodes += cost.nodes;
        self.size_bytes += cost.size_bytes;
        let (what, max) = match (self.nodes > NODES_MAX, self.size_bytes > UNFOLDED_SIZE_BYTES_MAX) {
            (true, _) => ("values, maps and lists", NODES_MAX),
            (_, true) => ("bytes", UNFOLDED_SIZE_BYTES_MAX),
            (false, false) => return Ok(()),
        };
        Err(format!("anchors within anchors hold more than {max} {what}"))
    }
}
