//! Messages of every kind, made from their definitions: seeds for whatever checks requests.

use prost::Message as _;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value,
};

/// How many messages are made of each kind: each has other fields of a oneof, and flags the other way.
const VARIANTS: usize = 6;
/// How deep messages lie in messages.
const DEPTH_MAX: usize = 4;

/// Messages with this name, all of whose fields are set to something that is good for most: encoded.
///
/// # Panics
/// If these are no descriptors, or there is no such message among them.
pub fn messages(descriptors: &[u8], name: &str) -> Vec<Vec<u8>> {
    let pool = DescriptorPool::decode(descriptors).expect("the descriptors are whole");
    let message = pool.get_message_by_name(name).unwrap_or_else(|| unknown(name));
    (0..VARIANTS).map(|variant| Maker { variant }.message(&message, 0).encode_to_vec()).collect()
}

#[expect(clippy::panic, reason = "a test that asks for it is told so")]
fn unknown(name: &str) -> ! {
    panic!("there is no message {name}")
}

/// What the calls of all services take, and nothing else, by full names.
///
/// # Panics
/// If these are no descriptors.
pub fn requests(descriptors: &[u8]) -> Vec<String> {
    let pool = DescriptorPool::decode(descriptors).expect("the descriptors are whole");
    let calls = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    let mut names: Vec<_> = calls.map(|call| call.input().full_name().to_owned()).collect();
    names.sort();
    names.dedup();
    names
}

struct Maker {
    variant: usize,
}

impl Maker {
    fn message(&self, kind: &MessageDescriptor, depth: usize) -> DynamicMessage {
        let mut message = DynamicMessage::new(kind.clone());
        for field in kind.fields().filter(|field| self.is_chosen(field)) {
            if let Some(value) = self.value(&field, depth) {
                message.set_field(&field, value);
            }
        }
        message
    }

    fn is_chosen(&self, field: &FieldDescriptor) -> bool {
        field.containing_oneof().is_none_or(|of| {
            let chosen = of.fields().nth(self.variant % of.fields().len());
            chosen.is_some_and(|chosen| chosen.number() == field.number())
        })
    }

    fn value(&self, field: &FieldDescriptor, depth: usize) -> Option<Value> {
        if field.is_map() {
            return Some(Value::Map([(MapKey::String("a".into()), Value::String("b".into()))].into()));
        }
        let one = self.single(field, depth)?;
        Some(if field.is_list() { Value::List(vec![one]) } else { one })
    }

    /// None: it would lie too deep.
    fn single(&self, field: &FieldDescriptor, depth: usize) -> Option<Value> {
        let number = number(field.name());
        Some(match field.kind() {
            Kind::Message(_) if depth >= DEPTH_MAX => return None,
            Kind::Message(kind) => Value::Message(self.message(&kind, depth + 1)),
            Kind::String => Value::String(text(field.name()).to_owned()),
            Kind::Bytes => Value::Bytes("a".into()),
            Kind::Bool => Value::Bool(self.variant % 2 == 1),
            Kind::Enum(_) => Value::EnumNumber(i32::from(self.variant % 3 == 1)),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(i32::from(number)),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(i64::from(number)),
            Kind::Uint32 | Kind::Fixed32 => Value::U32(u32::from(number)),
            Kind::Uint64 | Kind::Fixed64 => Value::U64(u64::from(number)),
            Kind::Float => Value::F32(1.0),
            Kind::Double => Value::F64(1.0),
        })
    }
}

/// Something that a text of this name may be.
fn text(name: &str) -> &'static str {
    match name {
        "content_type" => "text/plain",
        "peer_address" | "client_address" => "10.0.0.1:7000",
        "peerURLs" => "http://10.0.0.1:7000",
        "page_token" | "hashedPassword" => "",
        _ => "a",
    }
}

fn number(name: &str) -> u16 {
    if name.ends_with("_ms") { 5_000 } else { 1 }
}
