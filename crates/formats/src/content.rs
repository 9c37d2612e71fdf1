//! What a value is, and the content type that says so in the store.

use base64::Engine as _;
use toml::value::Datetime;

use crate::{FileItem, FormatError, Tree, json};

/// Content types that this crate gives and understands.
pub mod content_type {
    /// A string.
    pub const TEXT: &str = "text/plain";
    /// A number, boolean, null, empty map or empty list, as JSON text.
    pub const JSON: &str = "application/json";
    /// What only TOML has a notation for, in that notation: dates, times, `inf` and `nan`.
    pub const TOML: &str = "application/toml";
    /// Bytes.
    pub const BYTES: &str = "application/octet-stream";
}

/// A single value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leaf {
    /// A string.
    Text(String),
    /// A number, boolean or null, as JSON text.
    Json(String),
    /// Positive infinity (`inf`), negative infinity (`-inf`) or `nan`.
    NotFinite(&'static str),
    /// A date, a time or both, as TOML writes them.
    Datetime(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Leaf {
    /// The value's bytes and content type.
    pub(crate) fn into_content(self) -> (Vec<u8>, &'static str) {
        match self {
            Self::Text(text) => (text.into_bytes(), content_type::TEXT),
            Self::Json(text) => (text.into_bytes(), content_type::JSON),
            Self::NotFinite(word) => (word.into(), content_type::TOML),
            Self::Datetime(text) => (text.into_bytes(), content_type::TOML),
            Self::Bytes(bytes) => (bytes, content_type::BYTES),
        }
    }

    /// Size of the value's bytes.
    pub(crate) fn size_bytes(&self) -> usize {
        match self {
            Self::Text(text) | Self::Json(text) | Self::Datetime(text) => text.len(),
            Self::NotFinite(word) => word.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }
}

/// What an item holds, by its content type. JSON maps and lists unfold into branches.
pub(crate) fn tree_of(item: &FileItem) -> Result<Tree, FormatError> {
    match essence(&item.content_type).as_str() {
        content_type::JSON => json_of(item),
        content_type::TOML => toml_of(item).map(Tree::Leaf),
        _ => Ok(Tree::Leaf(leaf_of(item))),
    }
}

/// What an item holds where nothing has structure: its text, or its bytes if it is none.
pub(crate) fn leaf_of(item: &FileItem) -> Leaf {
    match std::str::from_utf8(&item.value) {
        Ok(text) if essence(&item.content_type) != content_type::BYTES => Leaf::Text(text.to_owned()),
        _ => Leaf::Bytes(item.value.clone()),
    }
}

/// A content type without its parameters.
fn essence(content_type: &str) -> String {
    let end = content_type.find(';').unwrap_or(content_type.len());
    content_type[..end].trim().to_ascii_lowercase()
}

fn json_of(item: &FileItem) -> Result<Tree, FormatError> {
    json::parse(&item.value).map_err(|wrong| {
        let message =
            format!("its content type is {}, but its value is not JSON: {wrong}", content_type::JSON);
        FormatError::item(&item.key, message)
    })
}

fn toml_of(item: &FileItem) -> Result<Leaf, FormatError> {
    let text = String::from_utf8_lossy(&item.value);
    if let Some(word) = not_finite(&text) {
        return Ok(Leaf::NotFinite(word));
    }
    if text.parse::<Datetime>().is_ok() {
        return Ok(Leaf::Datetime(text.into_owned()));
    }
    let message =
        format!("its content type is {}, but its value is no date, time, inf or nan", content_type::TOML);
    Err(FormatError::item(&item.key, message))
}

/// The one spelling of a float that is not finite; `nan` has no sign here.
pub(crate) fn not_finite(text: &str) -> Option<&'static str> {
    match text {
        "inf" | "+inf" => Some("inf"),
        "-inf" => Some("-inf"),
        "nan" | "+nan" | "-nan" => Some("nan"),
        _ => None,
    }
}

/// Reads base64, with or without line breaks and padding.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let compact: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let engine = base64::engine::general_purpose::STANDARD_NO_PAD;
    engine.decode(compact.trim_end_matches('=')).ok()
}

/// Writes base64, with padding and without line breaks.
pub(crate) fn to_base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
