//! Items as templates see them: `config` nested as the keys say, `items` by whole key.
//!
//! A value prints as the bytes that it is. Beside that, `true` and `false` are booleans and whole numbers
//! are numbers, so that `{% if config.debug %}` and sums work, and JSON lists and maps can be walked through.

use std::collections::BTreeMap;

use conclave_client::config::Item;
use conclave_client::{Content, KeyStep, key_steps};
use minijinja::Value;

/// What a template can name.
pub(super) fn of(content: &Content) -> Value {
    let mut root = Node::default();
    let mut items = BTreeMap::new();
    for item in content.items() {
        let value = leaf(item);
        root.insert(&item.key, value.clone());
        items.insert(item.key.clone(), value);
    }
    let parts = [
        ("config".to_owned(), root.group()),
        ("items".to_owned(), Value::from(items)),
        ("namespace".to_owned(), Value::from(content.namespace())),
        ("version".to_owned(), Value::from(content.version())),
        ("revision".to_owned(), Value::from(content.revision())),
    ];
    Value::from(BTreeMap::from(parts))
}

#[derive(Default)]
struct Node {
    value: Option<Value>,
    inner: BTreeMap<KeyStep, Node>,
}

impl Node {
    fn insert(&mut self, key: &str, value: Value) {
        let place = key_steps(key).into_iter().fold(self, |at, step| at.inner.entry(step).or_default());
        place.value = Some(value);
    }

    /// A place with others below it is a group; its own value is found in `items`.
    fn into_value(self) -> Value {
        match self.value {
            Some(value) if self.inner.is_empty() => value,
            _ => self.group(),
        }
    }

    fn group(self) -> Value {
        let is_list = self.inner.keys().enumerate().all(|(at, step)| *step == KeyStep::Index(at));
        if is_list && !self.inner.is_empty() {
            return Value::from(self.inner.into_values().map(Self::into_value).collect::<Vec<_>>());
        }
        let named = self.inner.into_iter().map(|(step, node)| (name(step), node.into_value()));
        Value::from(named.collect::<BTreeMap<String, Value>>())
    }
}

fn name(step: KeyStep) -> String {
    match step {
        KeyStep::Name(name) => name,
        KeyStep::Index(index) => index.to_string(),
    }
}

fn leaf(item: &Item) -> Value {
    let Ok(text) = std::str::from_utf8(&item.value) else { return Value::from(&*item.value) };
    match text {
        "true" => return Value::from(true),
        "false" => return Value::from(false),
        _ => {}
    }
    if let Some(number) = text.parse::<i64>().ok().filter(|number| number.to_string() == text) {
        return Value::from(number);
    }
    let is_json = item.content_type == "application/json" && text.trim_start().starts_with(['[', '{']);
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(json) if is_json => Value::from(minijinja::value::Serde(json)),
        _ => Value::from(text),
    }
}
