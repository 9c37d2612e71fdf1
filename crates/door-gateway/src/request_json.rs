//! Requests: from JSON to the bytes of their message, without a message between them.
//!
//! The JSON is what etcd's gateway takes: fields by their own names or in camel case, bytes in base64, whole numbers as
//! numbers or in quotes, enums by name or number. `null` is a field that is not set, an unknown field is passed over,
//! the last of two values of a field or of a oneof is the one that counts. How deep it goes is bounded by `serde_json`.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use prost::encoding::{WireType, encode_key, encode_varint};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde::de::{
    DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};

use crate::failure::Failure;

/// As etcd reads it: padded, and whatever the last bits are.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// A text, whatever it says: that may be a secret.
const TEXT: Unexpected<'static> = Unexpected::Other("a text");

/// The bytes of the message that the text says.
///
/// # Errors
/// If it is not a text of such a message.
pub(crate) fn encode(json: &[u8], message: &MessageDescriptor) -> Result<Vec<u8>, Failure> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let encoded = MessageSeed(message).deserialize(&mut deserializer);
    encoded.map_err(|error| Failure::unreadable(error.to_string()))
}

/// A message, without its key and length.
struct MessageSeed<'a>(&'a MessageDescriptor);

impl<'de> DeserializeSeed<'de> for MessageSeed<'_> {
    type Value = Vec<u8>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for MessageSeed<'_> {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object: {}", self.0.full_name())
    }

    fn visit_unit<E>(self) -> Result<Vec<u8>, E> {
        Ok(Vec::new())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Vec<u8>, E> {
        Err(E::invalid_type(TEXT, &self))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<u8>, A::Error> {
        // By number: of the fields of a oneof, a decoder takes the last one.
        let mut fields = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            let Some(field) = named(self.0, &name) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if let Some(encoded) = map.next_value_seed(FieldSeed(&field))? {
                fields.insert(field.number(), encoded);
            }
        }
        Ok(fields.into_values().flatten().collect())
    }
}

fn named(message: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    message.get_field_by_name(name).or_else(|| message.get_field_by_json_name(name))
}

/// A field with its key, or as many of them as a list has; none if it is not set.
struct FieldSeed<'a>(&'a FieldDescriptor);

impl<'de> DeserializeSeed<'de> for FieldSeed<'_> {
    type Value = Option<Vec<u8>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for FieldSeed<'_> {
    type Value = Option<Vec<u8>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} or null", self.0.name())
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let mut out = Vec::new();
        if self.0.is_list() {
            deserializer.deserialize_any(ListVisitor { field: self.0, out: &mut out })?;
        } else {
            ValueSeed { field: self.0, out: &mut out }.deserialize(deserializer)?;
        }
        Ok(Some(out))
    }
}

/// All values of a list, each with its key.
struct ListVisitor<'a> {
    field: &'a FieldDescriptor,
    out: &'a mut Vec<u8>,
}

impl<'de> Visitor<'de> for ListVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list: {}", self.field.name())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Err(E::invalid_type(TEXT, &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(ValueSeed { field: self.field, out: self.out })?.is_some() {}
        Ok(())
    }
}

/// One value with its key.
struct ValueSeed<'a> {
    field: &'a FieldDescriptor,
    out: &'a mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.field.kind() {
            Kind::Message(message) => {
                let encoded = MessageSeed(&message).deserialize(deserializer)?;
                self.put_bytes(&encoded);
                Ok(())
            }
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl ValueSeed<'_> {
    fn put_bytes(self, bytes: &[u8]) {
        encode_key(self.field.number(), WireType::LengthDelimited, self.out);
        encode_varint(bytes.len() as u64, self.out);
        self.out.extend_from_slice(bytes);
    }

    fn put_number(self, number: u64) {
        encode_key(self.field.number(), WireType::Varint, self.out);
        encode_varint(number, self.out);
    }

    fn put_integer<E: Error>(self, number: i128) -> Result<(), E> {
        let encoded = integer(&self.field.kind(), number).ok_or_else(|| self.mistake())?;
        self.put_number(encoded);
        Ok(())
    }

    /// Never tells the value.
    fn mistake<E: Error>(&self) -> E {
        E::custom(format_args!("{} must be {}", self.field.name(), expected(&self.field.kind())))
    }
}

fn expected(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "true or false".into(),
        Kind::String => "a text".into(),
        Kind::Bytes => "a text in base64".into(),
        Kind::Enum(kind) => format!("a value of {}, by name or number", kind.full_name()),
        Kind::Message(message) => format!("an object, {}", message.full_name()),
        _ => "a whole number in its range, in quotes or not".into(),
    }
}

/// A number as it goes over the wire: negative ones extended to 64 bits.
fn integer(kind: &Kind, number: i128) -> Option<u64> {
    match kind {
        Kind::Int64 => Some(i64::try_from(number).ok()?.cast_unsigned()),
        Kind::Uint64 => u64::try_from(number).ok(),
        Kind::Int32 | Kind::Enum(_) => Some(i64::from(i32::try_from(number).ok()?).cast_unsigned()),
        Kind::Uint32 => u32::try_from(number).ok().map(u64::from),
        _ => None,
    }
}

impl Visitor<'_> for ValueSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field.name(), expected(&self.field.kind()))
    }

    /// In a list, what is not set is what is empty.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        match self.field.kind() {
            Kind::String | Kind::Bytes => self.put_bytes(&[]),
            _ => self.put_number(0),
        }
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        if self.field.kind() != Kind::Bool {
            return Err(self.mistake());
        }
        self.put_number(u64::from(value));
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.put_integer(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.put_integer(value.into())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Err(self.mistake())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        match self.field.kind() {
            Kind::String => self.put_bytes(value.as_bytes()),
            Kind::Bytes => {
                let bytes = bytes(value).ok_or_else(|| self.mistake())?;
                self.put_bytes(&bytes);
            }
            kind => {
                let number = number(&kind, value).ok_or_else(|| self.mistake())?;
                self.put_integer(number)?;
            }
        }
        Ok(())
    }
}

/// A number in quotes, or the name of a value.
fn number(kind: &Kind, text: &str) -> Option<i128> {
    match kind {
        Kind::Enum(kind) => kind.get_value_by_name(text).map(|value| value.number().into()),
        Kind::Bool => None,
        _ => text.trim().parse().ok(),
    }
}

/// Lines may be broken within base64.
fn bytes(text: &str) -> Option<Vec<u8>> {
    if text.contains(['\r', '\n']) {
        return BASE64.decode(text.replace(['\r', '\n'], "")).ok();
    }
    BASE64.decode(text).ok()
}

#[cfg(test)]
mod tests;
