//! What a YAML scalar means: the core schema of YAML 1.2.
//!
//! Where the schema would change what was written, the text is kept: a number with leading zeros
//! (a post code, a file mode) is a string here, as YAML 1.1 and 1.2 do not agree on its value.

use granit_parser::{ScalarStyle, Tag};

use crate::content::{Leaf, from_base64};
use crate::number;

/// The value of a scalar, or what is wrong with it.
pub(super) fn resolve(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Leaf, String> {
    match tag {
        None if style == ScalarStyle::Plain => plain(text),
        None => Ok(Leaf::Text(text.to_owned())),
        Some(tag) => tagged(text, tag),
    }
}

fn tagged(text: &str, tag: &Tag) -> Result<Leaf, String> {
    match core_name(tag) {
        Some("" | "str") => Ok(Leaf::Text(text.to_owned())),
        Some("binary") => {
            from_base64(text).map(Leaf::Bytes).ok_or_else(|| "!!binary is not base64".to_owned())
        }
        Some(kind @ ("int" | "float" | "bool" | "null")) => match plain(text)? {
            leaf if is_of_kind(&leaf, kind) => Ok(leaf),
            _ => Err(format!("{text:?} is no !!{kind}")),
        },
        _ => Err(unknown_tag(tag)),
    }
}

fn is_of_kind(leaf: &Leaf, kind: &str) -> bool {
    match leaf {
        Leaf::NotFinite(_) => kind == "float",
        Leaf::Json(word) => match word.as_str() {
            "null" => kind == "null",
            "true" | "false" => kind == "bool",
            number => kind == "float" || (kind == "int" && !number.contains(['.', 'e', 'E'])),
        },
        _ => false,
    }
}

/// The name of a `!!name` tag, or nothing for tags of other kinds. A lone `!` is the empty name.
pub(super) fn core_name(tag: &Tag) -> Option<&str> {
    match (tag.handle(), tag.suffix()) {
        ("!", "") | ("", "!") => Some(""),
        ("tag:yaml.org,2002:", name) => Some(name),
        ("", uri) => uri.strip_prefix("tag:yaml.org,2002:"),
        _ => None,
    }
}

/// What to say to a tag that is not known.
pub(super) fn unknown_tag(tag: &Tag) -> String {
    let name = match core_name(tag) {
        Some(name) => format!("!!{name}"),
        None => format!("{}{}", tag.original_handle(), tag.suffix()),
    };
    format!(
        "the tag {name} is not supported; known are !!str, !!int, !!float, !!bool, !!null, !!binary, !!map and !!seq"
    )
}

/// The value of a scalar without quotes and tag.
pub(super) fn plain(text: &str) -> Result<Leaf, String> {
    let json = |word: &str| Ok(Leaf::Json(word.to_owned()));
    match text {
        "" | "~" | "null" | "Null" | "NULL" => json("null"),
        "true" | "True" | "TRUE" => json("true"),
        "false" | "False" | "FALSE" => json("false"),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Ok(Leaf::NotFinite("inf")),
        "-.inf" | "-.Inf" | "-.INF" => Ok(Leaf::NotFinite("-inf")),
        ".nan" | ".NaN" | ".NAN" => Ok(Leaf::NotFinite("nan")),
        _ => match based(text) {
            Some((digits, radix)) => number::counted(digits, radix).map(Leaf::Json).ok_or_else(|| {
                format!("the integer {text} has more than 128 bits; quote it to keep it as text")
            }),
            None => Ok(number::decimal(text).map_or_else(|| Leaf::Text(text.to_owned()), Leaf::Json)),
        },
    }
}

/// The digits and the base of a hexadecimal or octal integer.
fn based(text: &str) -> Option<(&str, u32)> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (text.strip_prefix("0o")?, 8),
    };
    (!digits.is_empty() && digits.chars().all(|c| c.is_digit(radix))).then_some((digits, radix))
}
