//! One value as the type that a program wants: what the type asks for decides how the bytes are read.
//!
//! Text is taken as it is (`0.10` stays `0.10`), numbers and booleans are read from their text, and lists,
//! maps and structs from JSON. Where the type asks for anything, a JSON scalar is what it says, and all
//! else is text; so is a whole number beyond 64 bits, of which any number would lose digits.

use std::str::{self, FromStr};

use conclave_proto::config::v1::Item;
use serde::de::value::StrDeserializer;
use serde::de::{Deserializer, IntoDeserializer as _, Visitor};

use super::error::ViewError;

/// Reads the value of an item.
#[derive(Debug, Clone, Copy)]
pub(super) struct ValueDeserializer<'de>(pub(super) &'de Item);

impl<'de> ValueDeserializer<'de> {
    fn text(self) -> Result<&'de str, ViewError> {
        str::from_utf8(&self.0.value).map_err(|_| self.wrong("its value is not text"))
    }

    fn parsed<T: FromStr>(self, what: &str) -> Result<T, ViewError> {
        self.text()?.trim().parse().map_err(|_| self.wrong(format!("its value is not {what}")))
    }

    /// Reads the value as JSON. What JSON says of a mistake may hold a part of the value: only the place
    /// is told.
    fn json<T>(
        self,
        read: impl FnOnce(&mut serde_json::Deserializer<serde_json::de::StrRead<'de>>) -> serde_json::Result<T>,
    ) -> Result<T, ViewError> {
        let mut json = serde_json::Deserializer::from_str(self.text()?);
        let value = read(&mut json).and_then(|value| json.end().map(|()| value));
        value.map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let what = if error.is_data() { "JSON of the wanted shape" } else { "JSON" };
            self.wrong(format!("its value is not {what}: see line {line}, column {column} of it"))
        })
    }

    fn is_null(self) -> bool {
        self.0.value.trim_ascii() == b"null" && self.0.content_type == "application/json"
    }

    fn wrong(self, message: impl Into<String>) -> ViewError {
        ViewError::new(message).at(&self.0.key)
    }

    fn named<T>(self, read: Result<T, ViewError>) -> Result<T, ViewError> {
        read.map_err(|error| error.at(&self.0.key))
    }
}

/// A value that somebody reads without saying as what.
enum Guess<'de> {
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(&'de str),
    Json,
    Null,
    Bytes(&'de [u8]),
}

fn guess(item: &Item) -> Guess<'_> {
    let Ok(text) = str::from_utf8(&item.value) else { return Guess::Bytes(&item.value) };
    match serde_json::from_str(text) {
        Ok(serde_json::Value::Bool(value)) => Guess::Bool(value),
        Ok(serde_json::Value::Number(number)) => number
            .as_u64()
            .map(Guess::Unsigned)
            .or_else(|| number.as_i64().map(Guess::Signed))
            .or_else(|| number.as_f64().filter(|_| !is_whole(text)).map(Guess::Float))
            .unwrap_or(Guess::Text(text)),
        Ok(_) if item.content_type != "application/json" => Guess::Text(text),
        Ok(serde_json::Value::Null) => Guess::Null,
        Ok(_) => Guess::Json,
        Err(_) => Guess::Text(text),
    }
}

/// Whether a JSON number has neither a fraction nor an exponent.
fn is_whole(number: &str) -> bool {
    !number.contains(['.', 'e', 'E'])
}

macro_rules! numbers {
    ($($deserialize:ident $visit:ident $number:ty: $what:literal;)*) => {$(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ViewError> {
            let number = self.parsed::<$number>($what)?;
            self.named(visitor.$visit(number))
        }
    )*};
}

impl<'de> Deserializer<'de> for ValueDeserializer<'de> {
    type Error = ViewError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ViewError> {
        let read = match guess(self.0) {
            Guess::Bool(value) => visitor.visit_bool(value),
            Guess::Unsigned(value) => visitor.visit_u64(value),
            Guess::Signed(value) => visitor.visit_i64(value),
            Guess::Float(value) => visitor.visit_f64(value),
            Guess::Text(text) => visitor.visit_borrowed_str(text),
            Guess::Json => self.json(|json| json.deserialize_any(visitor)),
            Guess::Null => visitor.visit_unit(),
            Guess::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
        };
        self.named(read)
    }

    numbers! {
        deserialize_bool visit_bool bool: "true or false";
        deserialize_i8 visit_i8 i8: "a whole number from -128 to 127";
        deserialize_i16 visit_i16 i16: "a whole number from -32768 to 32767";
        deserialize_i32 visit_i32 i32: "a whole number of 32 bits";
        deserialize_i64 visit_i64 i64: "a whole number of 64 bits";
        deserialize_i128 visit_i128 i128: "a whole number of 128 bits";
        deserialize_u8 visit_u8 u8: "a whole number from 0 to 255";
        deserialize_u16 visit_u16 u16: "a whole number from 0 to 65535";
        deserialize_u32 visit_u32 u32: "a whole number from 0 of 32 bits";
        deserialize_u64 visit_u64 u64: "a whole number from 0 of 64 bits";
        deserialize_u128 visit_u128 u128: "a whole number from 0 of 128 bits";
        deserialize_f32 visit_f32 f32: "a number";
        deserialize_f64 visit_f64 f64: "a number";
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ViewError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ViewError> {
        let text = self.text()?;
        self.named(visitor.visit_borrowed_str(text))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ViewError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ViewError> {
        self.named(visitor.visit_borrowed_bytes(&self.0.value))
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ViewError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ViewError> {
        if self.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ViewError> {
        if self.is_null() || self.0.value.is_empty() {
            return self.named(visitor.visit_unit());
        }
        Err(self.wrong("its value is not empty"))
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
        self.named(visitor.visit_newtype_struct(self))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ViewError> {
        self.json(|json| json.deserialize_seq(visitor))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, ViewError> {
        self.json(|json| json.deserialize_tuple(length, visitor))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, ViewError> {
        self.json(|json| json.deserialize_tuple_struct(name, length, visitor))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ViewError> {
        self.json(|json| json.deserialize_map(visitor))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ViewError> {
        self.json(|json| json.deserialize_struct(name, fields, visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ViewError> {
        let text = self.text()?;
        if text.trim_start().starts_with('{') {
            return self.json(|json| json.deserialize_enum(name, variants, visitor));
        }
        let variant: StrDeserializer<'de, ViewError> = text.into_deserializer();
        self.named(visitor.visit_enum(variant))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ViewError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ViewError> {
        visitor.visit_unit()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde::de::DeserializeOwned;

    use super::*;

    fn read<T: DeserializeOwned>(value: &str, content_type: &str) -> Result<T, ViewError> {
        let (value, content_type) = (value.to_owned().into(), content_type.into());
        T::deserialize(ValueDeserializer(&Item {
            key: "k".into(),
            value,
            content_type,
            ..Default::default()
        }))
    }

    fn text<T: DeserializeOwned>(value: &str) -> Result<T, ViewError> {
        read(value, "text/plain")
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Level {
        Info,
        Debug,
        Only(String),
    }

    #[test]
    fn the_wanted_type_decides() {
        assert_eq!(text::<String>("0.10"), Ok("0.10".into()));
        assert_eq!(text::<f64>("0.10"), Ok(0.1));
        assert_eq!(text::<u16>(" 5432\n"), Ok(5432));
        assert_eq!(text::<bool>("true"), Ok(true));
        assert_eq!(text::<Option<u8>>("7"), Ok(Some(7)));
        assert_eq!(read::<Option<u8>>("null", "application/json"), Ok(None));
        assert_eq!(text::<Option<String>>("null"), Ok(Some("null".into())));
        assert_eq!(text::<Vec<u8>>("[1, 2]"), Ok(vec![1, 2]));
        assert_eq!(text::<BTreeMap<String, bool>>("{\"a\": true}"), Ok([("a".into(), true)].into()));
        assert_eq!(text::<Level>("debug"), Ok(Level::Debug));
        assert_eq!(text::<Level>("{\"only\": \"x\"}"), Ok(Level::Only("x".into())));
        assert_eq!(text::<u128>("340282366920938463463374607431768211455"), Ok(u128::MAX));
    }

    #[test]
    fn what_may_be_anything_is_a_json_scalar_or_text() {
        use serde_json::{Value, json};
        let any = |value: &str| text::<Value>(value).unwrap();
        assert_eq!(any("8"), json!(8));
        assert_eq!(any("-8"), json!(-8));
        assert_eq!(any("1.5"), json!(1.5));
        assert_eq!(any("18446744073709551615"), json!(u64::MAX));
        for whole in ["18446744073709551616", "-9223372036854775809", "123456789012345678901234567890"] {
            assert_eq!(any(whole), json!(whole), "all of its digits are kept");
        }
        assert_eq!(any("1e30"), json!(1e30));
        assert_eq!(any("true"), json!(true));
        assert_eq!(any("yes"), json!("yes"));
        assert_eq!(any("[1]"), json!("[1]"));
        assert_eq!(any("null"), json!("null"));
        assert_eq!(read::<Value>("[1]", "application/json"), Ok(json!([1])));
        assert_eq!(read::<Value>("null", "application/json"), Ok(json!(null)));
    }

    #[test]
    fn what_does_not_fit_is_told_by_key_and_never_by_value() {
        let told = [
            text::<u16>("70123").unwrap_err(),
            text::<bool>("70123").unwrap_err(),
            text::<Level>("70123").unwrap_err(),
            text::<Vec<bool>>("[70123]").unwrap_err(),
            text::<Vec<bool>>("70123,").unwrap_err(),
            text::<char>("70123").unwrap_err(),
            text::<()>("70123").unwrap_err(),
        ];
        for error in told {
            assert!(error.to_string().starts_with("k: its value is "), "{error}");
            assert!(!error.to_string().contains("70123"), "{error}");
        }
        let bytes = Item { key: "k".into(), value: vec![0xff].into(), ..Default::default() };
        let error = String::deserialize(ValueDeserializer(&bytes)).unwrap_err();
        assert_eq!(error.to_string(), "k: its value is not text");
    }
}
