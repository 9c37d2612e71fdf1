//! Configuration files as items and items as configuration files.
//!
//! [`parse`] takes a YAML, JSON, TOML, properties, env or XML file apart into flat items; [`render`]
//! writes items as one such file. Pure functions over bytes: no files, no network, and bounded in
//! memory and depth whatever the input (see [`limits`]).
//!
//! # Keys
//! A structured file is flattened: `server.ports[0]` is the first entry of the list `ports` in the
//! map `server`. A map key that is empty, does not print, or contains a dot, bracket or quote is
//! quoted: `hosts["db.internal"].port`. Places and keys correspond one to one. Properties and env
//! files have no structure; their keys are taken literally. A name in an env file has letters, digits,
//! `_`, `.` and `-`, and no digit first. XML is written as a list of items, whose keys are literal too; of any
//! other XML document the elements are nested keys.
//!
//! # Values and content types
//! | in the file | value | content type |
//! |---|---|---|
//! | string | its text | `text/plain` |
//! | number, boolean, null, empty map, empty list | JSON text, numbers digit for digit | `application/json` |
//! | TOML date or time; `inf`, `-inf`, `nan` of TOML and YAML | as TOML writes it | `application/toml` |
//! | YAML `!!binary` | the bytes | `application/octet-stream` |
//!
//! Of an item with another content type, the value is written as a string if it is UTF-8 and as
//! bytes otherwise. An `application/json` item that holds a map or list is written as that map or
//! list, and reads back as the items in it. XML keeps every value and content type as it is.
//!
//! # What is promised
//! Items that [`parse`] gave, [`render`] writes in the same format so that they parse to the same
//! items; maps come out in key order, so equal items give equal bytes. Nothing is bent to fit:
//!
//! - Keys that cannot be one document (`a` and `a.b`, a list with a gap, a key that is no path) are
//!   an error that names them, and so is a key given twice. Properties and XML take any key.
//! - Bytes can only be written to YAML and XML, null not to TOML, `inf` and `nan` only to YAML, TOML and XML; the
//!   error names the key. Dates become strings in YAML and JSON.
//! - Properties and env files hold text only: numbers, booleans and dates are written as their text
//!   and read back as strings.
//!
//! A byte order mark and carriage returns before line feeds change nothing: a file means the same
//! whichever editor saved it. Comments are not kept.
//!
//! # What is refused, with line and column
//! Text that is not UTF-8, a key set twice, and of YAML: several documents, tags other than the core
//! ones and `!!binary`, maps and lists as keys, aliases that unfold beyond the limits. YAML anchors
//! and merge keys (`<<`) are resolved. Of XML: several roots, text beside elements or attributes, and document
//! types that declare anything, so nothing can be expanded or fetched.
//!
//! ```
//! use conclave_formats::{Format, parse, render};
//!
//! let items = parse(b"db:\n  url: postgres://db/shop\n  pool: 8\n", Format::Yaml)?;
//! assert_eq!(items[0].key, "db.url");
//! assert_eq!((items[1].value.as_slice(), items[1].content_type.as_str()), (&b"8"[..], "application/json"));
//! let toml = render(&items, Format::Toml)?;
//! assert_eq!(toml, b"[db]\npool = 8\nurl = \"postgres://db/shop\"\n");
//!
//! let wrong = parse(b"{\"a\": 1,\n \"a\": 2}", Format::Json).unwrap_err();
//! assert_eq!(wrong.to_string(), "line 2, column 2: the key \"a\" is set twice, first in line 1");
//! # Ok::<(), conclave_formats::FormatError>(())
//! ```

mod content;
mod env;
mod error;
mod flatten;
mod format;
mod json;
pub mod limits;
mod lines;
mod node;
mod number;
mod path;
mod properties;
mod quote;
mod source;
mod toml;
mod tree;
mod xml;
mod yaml;

use source::Source;
use tree::Tree;

pub use content::content_type;
pub use error::{FormatError, UnknownFormat};
pub use format::Format;

/// One item of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileItem {
    /// The flat key.
    pub key: String,
    /// The value's bytes.
    pub value: Vec<u8>,
    /// What the bytes are; see [`content_type`].
    pub content_type: String,
}

impl FileItem {
    /// An item that holds text.
    pub fn text(key: impl Into<String>, text: impl Into<String>) -> Self {
        let content_type = content_type::TEXT.to_owned();
        Self { key: key.into(), value: text.into().into_bytes(), content_type }
    }
}

/// Reads a file's items, in the file's order (TOML: in key order). Each key comes once.
///
/// # Errors
/// Says in which line and column the text is wrong, or that the file is too large.
pub fn parse(text: &[u8], format: Format) -> Result<Vec<FileItem>, FormatError> {
    let source = Source::read(text)?;
    match format {
        Format::Yaml => match yaml::compose(&source)? {
            Some(root) => flatten::flatten(&source, root),
            None => Ok(Vec::new()),
        },
        Format::Json => flatten::flatten(&source, json::compose(&source)?),
        Format::Toml => flatten::flatten(&source, toml::compose(&source)?),
        Format::Properties => properties::parse(&source),
        Format::Env => env::parse(&source),
        Format::Xml => xml::parse(&source),
    }
}

/// Writes items as a file, in key order. The items' order does not matter.
///
/// # Errors
/// Names the item that the format cannot hold, or that contradicts another one.
pub fn render(items: &[FileItem], format: Format) -> Result<Vec<u8>, FormatError> {
    let text = match format {
        Format::Yaml => Ok(yaml::render(&tree::unflatten(items)?)),
        Format::Json => json::render(tree::unflatten(items)?),
        Format::Toml => toml::render(tree::unflatten(items)?),
        Format::Properties => properties::render(items),
        Format::Env => env::render(items),
        Format::Xml => xml::render(items),
    }?;
    Ok(text.into_bytes())
}
