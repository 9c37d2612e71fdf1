//! What can be wrong with a cache: its cluster, its file, or what a program wants to read from it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::ClientError;

/// A cache cannot start.
#[derive(Debug, Clone, thiserror::Error)]
pub struct CacheError {
    /// Why nothing came from the cluster.
    #[source]
    pub cluster: ClientError,
    /// Why the last good copy does not help, if there is one.
    pub file: Option<CacheFileError>,
}

impl fmt::Display for CacheError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cluster)?;
        match &self.file {
            Some(file) => write!(f, "; and the last good copy does not help: {file}"),
            None => Ok(()),
        }
    }
}

/// The file of the last good copy cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CacheFileError {
    /// It is there and cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
    /// It is not what was written. It is passed over, and replaced when the cluster is there.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// It is a good copy, but of something else.
    #[error("{} is a copy of {found}, not of {wanted}", path.display())]
    OfAnother {
        /// The file.
        path: PathBuf,
        /// What it is a copy of.
        found: String,
        /// What it should be a copy of.
        wanted: String,
    },
    /// It cannot be written. The cache goes on without.
    #[error("{} cannot be written: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
}

/// Items do not fit the type that a program wants. Never tells a value: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ViewError {
    key: String,
    message: String,
}

impl ViewError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { key: String::new(), message: message.into() }
    }

    /// Names the key, unless a deeper one was named before.
    pub(super) fn at(mut self, key: &str) -> Self {
        if self.key.is_empty() {
            key.clone_into(&mut self.key);
        }
        self
    }

    /// The key that does not fit, or the group of keys; empty if it is the namespace as a whole.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for ViewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

impl serde::de::Error for ViewError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    // The usual texts tell the value that was found.
    fn invalid_type(_: serde::de::Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::new(format!("its value is not {expected}"))
    }

    fn invalid_value(_: serde::de::Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::new(format!("its value is not {expected}"))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("its value is none of {}", expected.join(", ")))
    }
}
