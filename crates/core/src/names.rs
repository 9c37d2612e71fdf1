//! Names as they come in from outside: parsed once, then trusted.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is not a name of the kind asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It has no characters.
    #[error("it is empty: give at least one character")]
    Empty,
    /// It takes too many bytes as UTF-8.
    #[error("it takes {size_bytes} bytes, of which {size_bytes_max} are allowed: shorten it")]
    TooLong {
        /// What it takes.
        size_bytes: usize,
        /// What is allowed.
        size_bytes_max: usize,
    },
    /// It holds a character that such names may not have.
    #[error("it holds {character:?} at byte {at_byte}: use only {allowed}")]
    Character {
        /// The first such character.
        character: char,
        /// Where it begins.
        at_byte: usize,
        /// What may be used.
        allowed: &'static str,
    },
    /// One of its segments is empty, `.` or `..`.
    #[error(
        "its segment {number} is {segment:?}: join segments by one '/', none of them empty, \".\" or \"..\""
    )]
    Segment {
        /// Which, from 1.
        number: usize,
        /// The segment.
        segment: String,
    },
}

/// Name of a namespace: segments of letters, digits, `.`, `_` and `-`, joined by `/`.
///
/// ```
/// use conclave_core::NamespaceName;
/// assert_eq!(NamespaceName::parse("payments/prod")?.as_str(), "payments/prod");
/// assert!(NamespaceName::parse("payments//prod").is_err());
/// # Ok::<(), conclave_core::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct NamespaceName(String);

impl NamespaceName {
    /// The longest name.
    pub const SIZE_BYTES_MAX: usize = 256;

    /// The name that `text` is.
    ///
    /// # Errors
    /// Says what is wrong with it and what to do.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check_segments(text, Self::SIZE_BYTES_MAX)?;
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Name of a lock, or of an election: as that of a namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct LockName(String);

impl LockName {
    /// The longest name.
    pub const SIZE_BYTES_MAX: usize = 256;

    /// The name that `text` is.
    ///
    /// # Errors
    /// Says what is wrong with it and what to do.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check_segments(text, Self::SIZE_BYTES_MAX)?;
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Name of a tag or of a snapshot: letters, digits, `.`, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct PinName(String);

impl PinName {
    /// The longest name.
    pub const SIZE_BYTES_MAX: usize = 128;

    /// The name that `text` is.
    ///
    /// # Errors
    /// Says what is wrong with it and what to do.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check_size(text, Self::SIZE_BYTES_MAX)?;
        let allowed = "letters a-z and A-Z, digits, '.', '_' and '-'";
        check_characters(text, allowed, |character| {
            character.is_ascii_alphanumeric() || "._-".contains(character)
        })?;
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Key of an item within its namespace: any text without control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct ItemKey(String);

impl ItemKey {
    /// The key that `text` is, if it takes at most so many bytes. The bound is a setting of the door;
    /// keys that are in the store already may be longer.
    ///
    /// # Errors
    /// Says what is wrong with it and what to do.
    pub fn parse(text: &str, size_bytes_max: usize) -> Result<Self, NameError> {
        check_size(text, size_bytes_max)?;
        check_characters(text, "characters that are no control characters", |character| {
            !character.is_control()
        })?;
        Ok(Self(text.to_owned()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Names one attempt to change something, through all its retries.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct RequestId(String);

impl RequestId {
    /// The longest id.
    pub const SIZE_BYTES_MAX: usize = 64;

    /// The id that `text` is.
    ///
    /// # Errors
    /// Says what is wrong with it and what to do.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check_size(text, Self::SIZE_BYTES_MAX)?;
        check_characters(text, "printable ASCII characters without spaces", |character| {
            character.is_ascii_graphic()
        })?;
        Ok(Self(text.to_owned()))
    }

    /// The id of all attempts of which the answer is not remembered.
    pub fn unused() -> Self {
        Self("-".to_owned())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Segments of letters, digits, `.`, `_` and `-`, joined by `/`.
fn check_segments(text: &str, size_bytes_max: usize) -> Result<(), NameError> {
    check_size(text, size_bytes_max)?;
    let allowed = "letters a-z and A-Z, digits, '.', '_', '-' and '/'";
    let fits = |character: char| character.is_ascii_alphanumeric() || "._-/".contains(character);
    check_characters(text, allowed, fits)?;
    for (number, segment) in (1..).zip(text.split('/')) {
        if matches!(segment, "" | "." | "..") {
            return Err(NameError::Segment { number, segment: segment.to_owned() });
        }
    }
    Ok(())
}

fn check_size(text: &str, size_bytes_max: usize) -> Result<(), NameError> {
    match text.len() {
        0 => Err(NameError::Empty),
        size_bytes if size_bytes > size_bytes_max => Err(NameError::TooLong { size_bytes, size_bytes_max }),
        _ => Ok(()),
    }
}

fn check_characters(text: &str, allowed: &'static str, fits: impl Fn(char) -> bool) -> Result<(), NameError> {
    match text.char_indices().find(|(_, character)| !fits(*character)) {
        None => Ok(()),
        Some((at_byte, character)) => Err(NameError::Character { character, at_byte, allowed }),
    }
}

impl TryFrom<String> for NamespaceName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl TryFrom<String> for LockName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl TryFrom<String> for ItemKey {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text, usize::MAX)
    }
}

impl TryFrom<String> for PinName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl TryFrom<String> for RequestId {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl fmt::Display for NamespaceName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl fmt::Display for LockName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl fmt::Display for ItemKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl fmt::Display for PinName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_joined_segments() {
        for name in ["a", "payments/prod", "A-1/b_2/c.3", "..."] {
            assert_eq!(NamespaceName::parse(name).map(|name| name.to_string()), Ok(name.to_owned()));
        }
        for name in ["", "/", "a/", "/a", "a//b", "a/./b", "..", "a b", "ä", "a\0"] {
            assert!(NamespaceName::parse(name).is_err(), "{name:?}");
        }
        assert!(NamespaceName::parse(&"n".repeat(256)).is_ok());
        assert!(NamespaceName::parse(&"n".repeat(257)).is_err());
    }

    #[test]
    fn item_keys_are_bounded_text_without_control_characters() {
        for key in ["db.url", "ключ", "a/b//c", " "] {
            assert!(ItemKey::parse(key, 512).is_ok(), "{key:?}");
        }
        for key in ["", "a\nb", "\u{7f}", "\u{85}", "toolong"] {
            assert!(ItemKey::parse(key, 6).is_err(), "{key:?}");
        }
    }

    #[test]
    fn tags_and_snapshots_have_plain_names() {
        for name in ["v1.2", "go-live_2", &"n".repeat(128)] {
            assert_eq!(PinName::parse(name).map(|name| name.to_string()), Ok(name.to_owned()));
        }
        for name in ["", "a/b", "a b", "ä", "a\0", &"n".repeat(129)] {
            assert!(PinName::parse(name).is_err(), "{name:?}");
        }
        assert!(PinName::try_from("a//b".to_owned()).is_err());
    }

    #[test]
    fn request_ids_are_printable() {
        assert!(RequestId::parse("018f-22:e").is_ok());
        for id in ["", "a b", "ä", &"r".repeat(65)] {
            assert!(RequestId::parse(id).is_err(), "{id:?}");
        }
    }

    #[test]
    fn errors_say_what_to_do() {
        let error = |name| NamespaceName::parse(name).unwrap_err().to_string();
        assert_eq!(
            error("a b"),
            "it holds ' ' at byte 1: use only letters a-z and A-Z, digits, '.', '_', '-' and '/'"
        );
        assert_eq!(
            error("a/../b"),
            "its segment 2 is \"..\": join segments by one '/', none of them empty, \".\" or \"..\""
        );
        assert_eq!(error(""), "it is empty: give at least one character");
    }
}
