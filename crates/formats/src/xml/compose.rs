//! From elements to items: a list of items as it says, other documents by their nesting.

use std::collections::HashMap;

use super::element::{Element, read};
use crate::content::{Leaf, content_type, from_base64};
use crate::limits::{ITEMS_MAX, KEY_SIZE_BYTES_MAX};
use crate::node::{Entry, Node, SeenKeys, Value};
use crate::source::Source;
use crate::{FileItem, FormatError, flatten};

/// Reads a file's items, in the file's order.
pub(crate) fn parse(source: &Source<'_>) -> Result<Vec<FileItem>, FormatError> {
    let root = read(source)?;
    if is_list(&root) {
        return list(source, root);
    }
    let is_blank = root.text_at.is_none();
    match nested(source, root)? {
        Node { value: Value::Leaf(_), .. } if is_blank => Ok(Vec::new()),
        root => flatten::flatten(source, root),
    }
}

/// Whether a document is a list of items: its root is called so, and so is what comes first in it.
fn is_list(root: &Element) -> bool {
    let Some(tag) = item_tag(&root.name) else { return false };
    let first = root.children.iter().find(|child| child.name != COMMENT);
    first.is_some_and(|child| child.name == tag && child.attribute("key").is_some())
}

/// A remark that Java writes into its properties.
const COMMENT: &str = "comment";

fn item_tag(root: &str) -> Option<&'static str> {
    match root {
        "configuration" => Some("item"),
        "properties" => Some("entry"),
        _ => None,
    }
}

fn list(source: &Source<'_>, root: Element) -> Result<Vec<FileItem>, FormatError> {
    let tag = item_tag(&root.name).unwrap_or_default();
    let mut seen = SeenKeys::default();
    let mut items = Vec::new();
    for element in root.children.into_iter().filter(|child| child.name != COMMENT) {
        let at = element.at;
        if element.name != tag || !element.children.is_empty() {
            let message =
                format!("<{}> does not belong here: this is a list of <{tag} key=\"...\">", element.name);
            return Err(source.error(at, message));
        }
        let item = item(source, element)?;
        seen.add(source, &item.key, at)?;
        if items.len() == ITEMS_MAX {
            return Err(source.error(at, format!("more than {ITEMS_MAX} items in one file")));
        }
        items.push(item);
    }
    Ok(items)
}

fn item(source: &Source<'_>, element: Element) -> Result<FileItem, FormatError> {
    let wrong = |message: String| source.error(element.at, message);
    let known = |name: &str| ["key", "content-type", "encoding"].contains(&name);
    if let Some((name, _)) = element.attributes.iter().find(|(name, _)| !known(name)) {
        return Err(wrong(format!(
            "<{}> has no attribute {name:?}: it has key, content-type and encoding",
            element.name
        )));
    }
    let key =
        element.attribute("key").ok_or_else(|| wrong(format!("<{}> has no key", element.name)))?.to_owned();
    if key.len() > KEY_SIZE_BYTES_MAX {
        return Err(wrong(format!("the key has {} bytes, {KEY_SIZE_BYTES_MAX} are allowed", key.len())));
    }
    let given_type = element.attribute("content-type").map(str::to_owned);
    let (value, usual_type) = match element.attribute("encoding") {
        None => (element.text.into_bytes(), content_type::TEXT),
        Some("base64") => {
            let bytes = from_base64(&element.text);
            (
                bytes.ok_or_else(|| wrong(format!("the value of item {key:?} is not base64")))?,
                content_type::BYTES,
            )
        }
        Some(other) => return Err(wrong(format!("unknown encoding {other:?}: base64 is known"))),
    };
    Ok(FileItem { key, value, content_type: given_type.unwrap_or_else(|| usual_type.to_owned()) })
}

/// The content of an element by its nesting. One with nothing in it is an empty text.
fn nested(source: &Source<'_>, element: Element) -> Result<Node, FormatError> {
    let Element { at, name, attributes, children, text, text_at } = element;
    let mut groups = Groups::default();
    for (name, value) in attributes.into_iter().filter(|(name, _)| !is_of_xml(name)) {
        groups.add(name, Node { at, value: Value::Leaf(Leaf::Text(value)) }, true, source)?;
    }
    match text_at {
        Some(at) if !groups.order.is_empty() => {
            let message = format!("<{name}> holds text beside attributes: give the text its own element");
            return Err(source.error(at, message));
        }
        Some(_) => return Ok(Node { at, value: Value::Leaf(Leaf::Text(text)) }),
        None => {}
    }
    for child in children {
        let name = child.name.clone();
        groups.add(name, nested(source, child)?, false, source)?;
    }
    let value = if groups.order.is_empty() { Value::Leaf(Leaf::Text(text)) } else { groups.into_value() };
    Ok(Node { at, value })
}

/// Attributes that speak to XML itself.
fn is_of_xml(name: &str) -> bool {
    name == "xmlns" || ["xmlns:", "xml:", "xsi:"].iter().any(|prefix| name.starts_with(prefix))
}

/// What is in one element, by name, in the order of the file.
#[derive(Default)]
struct Groups {
    order: Vec<(String, Vec<Node>)>,
    places: HashMap<String, usize>,
    attributes: usize,
}

impl Groups {
    fn add(
        &mut self,
        name: String,
        node: Node,
        is_attribute: bool,
        source: &Source<'_>,
    ) -> Result<(), FormatError> {
        self.attributes += usize::from(is_attribute);
        match self.places.get(&name) {
            Some(place) if *place < self.attributes => {
                Err(source.duplicate(&name, node.at, self.order[*place].1[0].at))
            }
            Some(place) => {
                self.order[*place].1.push(node);
                Ok(())
            }
            None => {
                self.places.insert(name.clone(), self.order.len());
                self.order.push((name, vec![node]));
                Ok(())
            }
        }
    }

    fn into_value(self) -> Value {
        let entry = |(key, mut nodes): (String, Vec<Node>)| {
            let at = nodes[0].at;
            let node =
                if nodes.len() == 1 { nodes.remove(0) } else { Node { at, value: Value::List(nodes) } };
            Entry { key, node }
        };
        Value::Map(self.order.into_iter().map(entry).collect())
    }
}
