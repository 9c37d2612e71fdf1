//! Reading YAML: from the parser's events to nodes, with anchors and merge keys resolved.
//!
//! An alias copies the node that it names. Before it does, the copy's size is taken from what the
//! file may cost, so that aliases of aliases of aliases end early and with a place. What an anchor names is
//! held for its aliases; anchors within anchors hold the same over and over, so what they hold is bounded too.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::cost::{Cost, Held};
use super::scalar::{core_name, resolve, unknown_tag};
use crate::FormatError;
use crate::content::Leaf;
use crate::limits::UNFOLDED_SIZE_BYTES_MAX;
use crate::node::{Entry, Node, NodeCount, SeenKeys, Value};
use crate::source::Source;

type Tagged<'a> = Option<Cow<'a, Tag>>;

/// Reads the one document of a file, with the place of everything; nothing if there is none.
pub(crate) fn compose(source: &Source<'_>) -> Result<Option<Node>, FormatError> {
    let mut options = granit_parser::Options::default();
    options.set_emit_comments(false);
    let parser = Parser::new_from_str_with_options(source.text(), options);
    let count = NodeCount::default();
    let held = Held::default();
    Composer { source, parser, anchors: HashMap::new(), held, count, copied_size_bytes: 0 }.document()
}

struct Composer<'a> {
    source: &'a Source<'a>,
    parser: Parser<'a, StrInput<'a>>,
    /// Finished nodes that aliases may name.
    anchors: HashMap<usize, Anchored>,
    held: Held,
    count: NodeCount,
    copied_size_bytes: usize,
}

/// A node with an anchor, and what a copy of it costs.
struct Anchored {
    node: Node,
    cost: Cost,
}

impl<'a> Composer<'a> {
    fn document(mut self) -> Result<Option<Node>, FormatError> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentEnd => {}
                Event::StreamEnd => return Ok(root.filter(|node| !is_null(node))),
                Event::DocumentStart(..) if root.is_some() => {
                    let message = "a second document begins here; a file must hold one";
                    return Err(self.source.error(start(&span), message));
                }
                Event::DocumentStart(..) => {
                    let first = self.next()?;
                    root = Some(self.node(first, 0)?);
                }
                _ => return Err(self.source.error(start(&span), "a document was expected here")),
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), FormatError> {
        match self.parser.next() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(self.scan_error(&error)),
            None => Err(self.source.error(self.source.text().len(), "the file ends too early")),
        }
    }

    fn scan_error(&self, error: &ScanError) -> FormatError {
        self.source.error(error.marker().byte_offset().unwrap_or(0), error.info())
    }

    fn node(&mut self, (event, span): (Event<'a>, Span), depth: usize) -> Result<Node, FormatError> {
        let at = start(&span);
        match event {
            Event::Alias(id) => self.alias(id, at, depth),
            Event::Scalar(text, style, anchor, tag) => {
                self.count.add(self.source, at, 1, depth)?;
                let leaf =
                    resolve(&text, style, tag.as_deref()).map_err(|wrong| self.source.error(at, wrong))?;
                self.anchored(anchor, Node { at, value: Value::Leaf(leaf) })
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.open(at, depth, &tag, "seq")?;
                let value = Value::List(self.list(depth)?);
                self.anchored(anchor, Node { at, value })
            }
            Event::MappingStart(_, anchor, tag) => {
                self.open(at, depth, &tag, "map")?;
                let value = Value::Map(self.map(depth)?);
                self.anchored(anchor, Node { at, value })
            }
            _ => Err(self.source.error(at, "a value was expected here")),
        }
    }

    /// Accounts for a map or list, and checks that it has no tag but its own.
    fn open(&mut self, at: usize, depth: usize, tag: &Tagged<'_>, own: &str) -> Result<(), FormatError> {
        self.count.add(self.source, at, 1, depth + 1)?;
        match tag.as_deref() {
            Some(tag) if !matches!(core_name(tag), Some(name) if name == own || name.is_empty()) => {
                Err(self.source.error(at, unknown_tag(tag)))
            }
            _ => Ok(()),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, FormatError> {
        let mut nodes = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(nodes),
                first => nodes.push(self.node(first, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<Entry>, FormatError> {
        let mut seen = SeenKeys::default();
        let mut entries = Vec::new();
        let mut merged = None;
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let at = start(&span);
            let merges = is_merge_key(&event);
            let key = self.key(event, at)?;
            let value = self.next()?;
            let node = self.node(value, depth + 1)?;
            if merges {
                seen.add(self.source, MERGE_KEY_SEEN, at)?;
                merged = Some(node);
            } else {
                seen.add(self.source, &key, at)?;
                entries.push(Entry { key, node });
            }
        }
        if let Some(merged) = merged {
            self.merge(&mut entries, &seen, merged)?;
        }
        Ok(entries)
    }

    fn key(&self, event: Event<'a>, at: usize) -> Result<String, FormatError> {
        match event {
            Event::Scalar(text, _, 0, None) => Ok(text.into_owned()),
            Event::Scalar(text, _, 0, Some(tag)) if core_name(&tag) == Some("str") => Ok(text.into_owned()),
            Event::Scalar(..) => Err(self.source.error(at, "a key can have no anchor, and no tag but !!str")),
            Event::Alias(_) => Err(self.source.error(at, "a key cannot be an alias")),
            _ => Err(self.source.error(at, "a key must be a string; it cannot be a map or a list")),
        }
    }

    /// Adds the entries of a merge key's maps. The map's own entries win, then the earlier map.
    fn merge(&self, entries: &mut Vec<Entry>, own: &SeenKeys, merged: Node) -> Result<(), FormatError> {
        let maps = match merged.value {
            Value::List(nodes) => nodes,
            _ => vec![merged],
        };
        let mut taken = std::collections::HashSet::new();
        for map in maps {
            let Value::Map(more) = map.value else {
                return Err(self.source.error(map.at, "a merge key << needs a map or a list of maps"));
            };
            for entry in more {
                if !own.contains(&entry.key) && taken.insert(entry.key.clone()) {
                    entries.push(entry);
                }
            }
        }
        Ok(())
    }

    fn anchored(&mut self, anchor: usize, node: Node) -> Result<Node, FormatError> {
        if anchor != 0 {
            let cost = Cost::of(&node);
            self.held.add(&cost).map_err(|wrong| self.source.error(node.at, wrong))?;
            self.anchors.insert(anchor, Anchored { node: node.clone(), cost });
        }
        Ok(node)
    }

    fn alias(&mut self, id: usize, at: usize, depth: usize) -> Result<Node, FormatError> {
        let Some(Anchored { node, cost }) = self.anchors.get(&id) else {
            return Err(self.source.error(at, "the alias names a map or list that it is part of"));
        };
        self.count.add(self.source, at, cost.nodes, depth + cost.height)?;
        self.copied_size_bytes += cost.size_bytes;
        if self.copied_size_bytes > UNFOLDED_SIZE_BYTES_MAX {
            let message = format!("aliases unfold to more than {UNFOLDED_SIZE_BYTES_MAX} bytes");
            return Err(self.source.error(at, message));
        }
        Ok(Node { at, value: node.value.clone() })
    }
}

/// Stands for the merge key among the keys seen; no key of a file contains a control character
/// unescaped, and `<<` in quotes is an ordinary key.
const MERGE_KEY_SEEN: &str = "<<";

fn is_merge_key(event: &Event<'_>) -> bool {
    matches!(event, Event::Scalar(text, ScalarStyle::Plain, 0, None) if text == "<<")
}

fn is_null(node: &Node) -> bool {
    matches!(&node.value, Value::Leaf(Leaf::Json(word)) if word == "null")
}

fn start(span: &Span) -> usize {
    span.start.byte_offset().expect("a parser over a string knows byte offsets")
}
