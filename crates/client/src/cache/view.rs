//! A whole namespace as one type: keys are places in it, values are read as [`value`](super::value) says.

use std::collections::BTreeMap;

use conclave_proto::config::v1::Item;
use serde::de::value::{MapAccessDeserializer, StringDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer as _, MapAccess, SeqAccess, Visitor,
};

use super::error::ViewError;
use super::path::{self, KeyStep};
use super::value::ValueDeserializer;

/// Reads items as one type.
pub(super) fn of<'a, T: DeserializeOwned>(items: impl Iterator<Item = &'a Item>) -> Result<T, ViewError> {
    let mut root = Node::default();
    for item in items {
        root.insert(item)?;
    }
    T::deserialize(Place { node: &root, key: "" })
}

/// A place: with a value, with places in it, or (if that is what the keys say) both.
#[derive(Debug, Default)]
struct Node<'a> {
    item: Option<&'a Item>,
    inner: BTreeMap<KeyStep, Node<'a>>,
}

impl<'a> Node<'a> {
    fn insert(&mut self, item: &'a Item) -> Result<(), ViewError> {
        let mut at = self;
        for step in path::key_steps(&item.key) {
            at = at.inner.entry(step).or_default();
        }
        match at.item.replace(item) {
            Some(other) => {
                Err(ViewError::new(format!("names the same place as {}", other.key)).at(&item.key))
            }
            None => Ok(()),
        }
    }

    fn is_list(&self) -> bool {
        !self.inner.is_empty() && self.inner.keys().all(|step| matches!(step, KeyStep::Index(_)))
    }
}

/// A place with the key that leads to it.
#[derive(Debug, Clone, Copy)]
struct Place<'de, 'k> {
    node: &'de Node<'de>,
    key: &'k str,
}

impl<'de> Place<'de, '_> {
    fn value(self) -> Result<ValueDeserializer<'de>, ViewError> {
        match self.node.item {
            Some(item) => Ok(ValueDeserializer(item)),
            None => Err(self.wrong("has keys below it, where one value is wanted")),
        }
    }

    fn wrong(self, message: &str) -> ViewError {
        ViewError::new(message).at(self.key)
    }

    fn fields(self) -> Fields<'de> {
        Fields { key: self.key.to_owned(), left: self.node.inner.iter(), next: None }
    }

    fn entries<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ViewError> {
        let steps = self.node.inner.keys().enumerate();
        if let Some((at, _)) = steps.into_iter().find(|(at, step)| **step != KeyStep::Index(*at)) {
            return Err(self.wrong(&format!("is no list: it has no entry [{at}], but others")));
        }
        visitor.visit_seq(Entries(self.fields()))
    }

    fn map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ViewError> {
        visitor.visit_map(self.fields()).map_err(|error| error.at(self.key))
    }
}

macro_rules! values {
    ($($deserialize:ident)*) => {$(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ViewError> {
            self.value()?.$deserialize(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Place<'de, '_> {
    type Error = ViewError;

    values! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32
        deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_bytes
        deserialize_byte_buf deserialize_identifier
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ViewError> {
        match self.node.item {
            Some(_) if !self.node.inner.is_empty() => Err(self.wrong("has both a value and keys below it")),
            Some(item) => ValueDeserializer(item).deserialize_any(visitor),
            None if self.node.is_list() => self.entries(visitor),
            None => self.map(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ViewError> {
        match self.node.item {
            Some(item) if self.node.inner.is_empty() => ValueDeserializer(item).deserialize_option(visitor),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ViewError> {
        self.value()?.deserialize_unit(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ViewError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ViewError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ViewError> {
        if self.node.inner.is_empty() {
            self.value()?.deserialize_seq(visitor)
        } else {
            self.entries(visitor)
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ViewError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ViewError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ViewError> {
        match self.node.item {
            Some(item) if self.node.inner.is_empty() => ValueDeserializer(item).deserialize_map(visitor),
            _ => self.map(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ViewError> {
        match self.node.item {
            Some(item) if self.node.inner.is_empty() => {
                ValueDeserializer(item).deserialize_struct(name, fields, visitor)
            }
            _ => self.map(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ViewError> {
        match self.node.item {
            Some(item) => ValueDeserializer(item).deserialize_enum(name, variants, visitor),
            None => visitor.visit_enum(MapAccessDeserializer::new(self.fields())),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ViewError> {
        visitor.visit_unit()
    }
}

/// The places within a place, by name.
struct Fields<'de> {
    key: String,
    left: std::collections::btree_map::Iter<'de, KeyStep, Node<'de>>,
    next: Option<(&'de KeyStep, &'de Node<'de>)>,
}

impl<'de> Fields<'de> {
    fn read<S: DeserializeSeed<'de>>(
        &self,
        (step, node): (&KeyStep, &'de Node<'de>),
        seed: S,
    ) -> Result<S::Value, ViewError> {
        let key = path::extended(&self.key, step);
        seed.deserialize(Place { node, key: &key }).map_err(|error| error.at(&key))
    }
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = ViewError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, ViewError> {
        self.next = self.left.next();
        let Some((step, _)) = self.next else { return Ok(None) };
        let name = match step {
            KeyStep::Name(name) => name.clone(),
            KeyStep::Index(index) => index.to_string(),
        };
        let name: StringDeserializer<ViewError> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, ViewError> {
        let next = self.next.take().ok_or_else(|| ViewError::new("a value was asked for before its key"))?;
        self.read(next, seed)
    }
}

/// The places within a place, as entries of a list.
struct Entries<'de>(Fields<'de>);

impl<'de> SeqAccess<'de> for Entries<'de> {
    type Error = ViewError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, ViewError> {
        let Some(next) = self.0.left.next() else { return Ok(None) };
        self.0.read(next, seed).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::super::content::samples::content;
    use super::*;

    fn view<T: DeserializeOwned>(items: &[(&str, &str)]) -> Result<T, ViewError> {
        content(1, items).view()
    }

    /// Items of a namespace come from whoever may write it.
    #[test]
    fn fuzz_values() {
        let seeds =
            ["8", "-2.5e3", "true", "null", "[{\"port\": 80}, 1]", "{\"a\": {\"b\": [0.1]}}", "text \"x\""];
        conclave_fuzz::inputs_of!(seeds).for_each(|input| {
            let mut item = super::super::content::samples::item("a.b", "");
            item.value = input.bytes.clone().into();
            for content_type in ["application/json", "text/plain"] {
                item.content_type = content_type.into();
                let items = || std::iter::once(&item);
                drop(of::<Value>(items()));
                drop(of::<BTreeMap<String, BTreeMap<String, u64>>>(items()));
                drop(of::<BTreeMap<String, BTreeMap<String, Vec<f64>>>>(items()));
                drop(of::<BTreeMap<String, BTreeMap<String, Option<bool>>>>(items()));
                drop(of::<BTreeMap<String, BTreeMap<String, String>>>(items()));
            }
        });
    }

    #[test]
    fn fuzz_keys() {
        let seeds = ["db.pool", "servers[0].port", "limits[\"a.b\"]", "db.replica.replica.url"];
        conclave_fuzz::inputs_of!(seeds).for_each(|input| {
            let key = String::from_utf8_lossy(input);
            drop(view::<Value>(&[(&key, "8"), ("db.url", "x"), ("servers[1].port", "1")]));
            drop(view::<Settings>(&[(&key, "8"), ("name", "x")]));
        });
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Settings {
        name: String,
        db: Database,
        #[serde(default)]
        servers: Vec<Server>,
        limits: BTreeMap<String, u64>,
        motto: Option<String>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Database {
        url: String,
        pool: u32,
        replica: Option<Box<Database>>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Server {
        port: u16,
    }

    #[test]
    fn dots_brackets_and_quotes_nest() {
        let settings: Settings = view(&[
            ("db.pool", "8"),
            ("db.replica.pool", "2"),
            ("db.replica.url", "postgres://r"),
            ("db.url", "postgres://p"),
            ("limits[\"a.b\"]", "1"),
            ("limits.c", "2"),
            ("name", "0.10"),
            ("servers[0].port", "80"),
            ("servers[1].port", "443"),
            ("unknown.thing", "is passed over"),
        ])
        .unwrap();
        let replica = Database { url: "postgres://r".into(), pool: 2, replica: None };
        let expected = Settings {
            name: "0.10".into(),
            db: Database { url: "postgres://p".into(), pool: 8, replica: Some(Box::new(replica)) },
            servers: vec![Server { port: 80 }, Server { port: 443 }],
            limits: [("a.b".into(), 1), ("c".into(), 2)].into(),
            motto: None,
        };
        assert_eq!(settings, expected);
    }

    #[test]
    fn lists_keep_their_order_beyond_ten_and_json_stands_for_its_parts() {
        let items: Vec<(String, String)> = (0..12).map(|at| (format!("a[{at}]"), at.to_string())).collect();
        let items: Vec<(&str, &str)> = items.iter().map(|(key, value)| (&**key, &**value)).collect();
        let read: BTreeMap<String, Vec<u8>> = view(&items).unwrap();
        assert_eq!(read["a"], (0..12).collect::<Vec<u8>>());
        let read: BTreeMap<String, Vec<Server>> = view(&[("a", "[{\"port\": 80}]")]).unwrap();
        assert_eq!(read["a"], [Server { port: 80 }]);
    }

    #[test]
    fn anything_is_a_tree_of_scalars() {
        let read: Value = view(&[("a.b", "1"), ("a.c", "x"), ("l[0]", "true"), ("odd..key", "y")]).unwrap();
        assert_eq!(read, json!({"a": {"b": 1, "c": "x"}, "l": [true], "odd..key": "y"}));
        assert_eq!(view::<Value>(&[]).unwrap(), json!({}));
    }

    #[test]
    fn mistakes_name_the_key() {
        let told = |items: &[(&str, &str)]| view::<Settings>(items).unwrap_err().to_string();
        let db = [("db.pool", "eight"), ("db.url", "u")];
        assert_eq!(told(&db), "db.pool: its value is not a whole number from 0 of 32 bits");
        assert_eq!(told(&[("db.pool", "8")]), "db: missing field `url`");
        assert_eq!(told(&[("name.first", "x")]), "name: has keys below it, where one value is wanted");
        assert_eq!(told(&[("servers[1].port", "8")]), "servers: is no list: it has no entry [0], but others");
        assert_eq!(
            told(&[("servers[0].port", "x")]),
            "servers[0].port: its value is not a whole number from 0 to 65535"
        );
        assert_eq!(told(&[("a.b", "x"), ("a[\"b\"]", "y")]), "a[\"b\"]: names the same place as a.b");
        assert_eq!(told(&[]), "missing field `name`");
        let both = view::<Value>(&[("a", "x"), ("a.b", "y")]).unwrap_err();
        assert_eq!(both.to_string(), "a: has both a value and keys below it");
    }

    #[test]
    fn one_item_as_a_type() {
        let content = content(1, &[("pool", "8")]);
        assert_eq!(content.get_as::<u8>("pool"), Ok(Some(8)));
        assert_eq!(content.get_as::<u8>("pools"), Ok(None));
        assert_eq!(content.get_as::<bool>("pool").unwrap_err().key(), "pool");
    }
}
