//! What commands read: files and standard input, up to a bound.

use std::fs::File;
use std::io::{self, Read};

use conclave_formats::{FileItem, Format, FormatError};

use crate::cli::errors::Failure;
use crate::cli::exit::Exit;
use crate::cli::text::counted;

/// The most that is read: what a node would take in one message.
const SIZE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Reads a file; `-` is standard input.
pub(super) fn read(path: &str) -> Result<Vec<u8>, Failure> {
    if path == "-" {
        return read_all("standard input", io::stdin().lock());
    }
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    read_all(path, file)
}

/// Reads a file's items. What is wrong in it is told with its place.
pub(super) fn items(path: &str, format: Format) -> Result<Vec<FileItem>, Failure> {
    let text = read(path)?;
    conclave_formats::parse(&text, format).map_err(|error: FormatError| {
        let place = error.position().map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default();
        let message = match &error {
            FormatError::Text { message, .. } => message.clone(),
            other => other.to_string(),
        };
        Failure::new(Exit::Invalid, format!("{path}{place}: {message}"))
    })
}

fn read_all(name: &str, source: impl Read) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let bound = SIZE_BYTES_MAX as u64 + 1;
    source.take(bound).read_to_end(&mut bytes).map_err(|error| unreadable(name, &error))?;
    if bytes.len() > SIZE_BYTES_MAX {
        let message = format!("{name} holds more than {}", counted(SIZE_BYTES_MAX, "byte"));
        return Err(Failure::new(Exit::Invalid, message));
    }
    Ok(bytes)
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("{name} cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_up_to_the_bound() {
        assert_eq!(read_all("x", &b"abc"[..]), Ok(b"abc".to_vec()));
        assert_eq!(
            read_all("x", io::repeat(0).take(SIZE_BYTES_MAX as u64)).map(|it| it.len()),
            Ok(SIZE_BYTES_MAX)
        );
        let failure = read_all("x", io::repeat(0)).expect_err("it never ends");
        assert_eq!(failure.to_string(), "conclave: x holds more than 8,388,608 bytes\n");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let failure = read("/nowhere/x").expect_err("it is not there");
        assert!(failure.to_string().starts_with("conclave: /nowhere/x cannot be read: "), "{failure}");
    }
}
