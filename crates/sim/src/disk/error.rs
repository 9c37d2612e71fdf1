//! How a database tells what went wrong.

use std::io;
use std::path::Path;

use conclave_storage::StorageError;

/// The disk failed otherwise.
pub(super) fn engine(what: &'static str, path: &Path, error: &io::Error) -> StorageError {
    StorageError::Engine { what, path: path.to_owned(), message: error.to_string() }
}

/// A log is not as it was written.
pub(super) fn corrupt(path: &Path, reason: impl ToString) -> StorageError {
    StorageError::Corrupt { path: path.to_owned(), reason: reason.to_string() }
}

/// A state is not as it was written.
pub(super) fn damaged(path: &Path, reason: impl ToString) -> StorageError {
    StorageError::StateDamaged { path: path.to_owned(), reason: reason.to_string() }
}
