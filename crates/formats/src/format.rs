//! The formats and how they are named.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::UnknownFormat;

/// A configuration file's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// YAML 1.2, one document.
    Yaml,
    /// JSON (RFC 8259).
    Json,
    /// TOML 1.
    Toml,
    /// Java properties, in UTF-8.
    Properties,
    /// Shell-like `NAME=value` lines.
    Env,
    /// XML 1.0: a list of items, or nested elements.
    Xml,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 6] = [Self::Yaml, Self::Json, Self::Toml, Self::Properties, Self::Env, Self::Xml];

    /// The format's name, which is also the usual file extension.
    pub fn name(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Toml => "toml",
            Self::Properties => "properties",
            Self::Env => "env",
            Self::Xml => "xml",
        }
    }

    /// The format that a file's name tells, if it tells one: by its extension, or `.env` and
    /// `.env.production` by their beginning.
    ///
    /// ```
    /// use conclave_formats::Format;
    /// assert_eq!(Format::from_path("shop/settings.yml".as_ref()), Some(Format::Yaml));
    /// assert_eq!(Format::from_path(".env.production".as_ref()), Some(Format::Env));
    /// assert_eq!(Format::from_path("README".as_ref()), None);
    /// ```
    pub fn from_path(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        if name == ".env" || name.starts_with(".env.") {
            return Some(Self::Env);
        }
        path.extension()?.to_str()?.parse().ok()
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        match name.to_ascii_lowercase().as_str() {
            "yaml" | "yml" => Ok(Self::Yaml),
            "json" => Ok(Self::Json),
            "toml" => Ok(Self::Toml),
            "properties" => Ok(Self::Properties),
            "env" => Ok(Self::Env),
            "xml" => Ok(Self::Xml),
            _ => Err(UnknownFormat { name: name.to_owned() }),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
