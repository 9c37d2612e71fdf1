//! What the tests of all formats share.

use conclave_formats::{FileItem, Format, parse, render};

/// A key, a value as text and a content type, as tables of expectations write them.
pub(crate) fn item((key, value, content_type): (&str, &str, &str)) -> (String, String, String) {
    (key.into(), value.into(), content_type.into())
}

/// Reads a file, as keys, values as text and content types.
pub(crate) fn items(text: &[u8], format: Format) -> Vec<(String, String, String)> {
    let items = parse(text, format).unwrap_or_else(|error| panic!("{error}"));
    let told =
        |item: FileItem| (item.key, String::from_utf8_lossy(&item.value).into_owned(), item.content_type);
    items.into_iter().map(told).collect()
}

/// What is said to a file that must be refused.
pub(crate) fn refused(text: &[u8], format: Format) -> String {
    match parse(text, format) {
        Ok(items) => panic!("{:?} was read as {items:?}", String::from_utf8_lossy(text)),
        Err(error) => error.to_string(),
    }
}

/// Writes items as text.
pub(crate) fn written(items: &[FileItem], format: Format) -> String {
    let bytes = render(items, format).unwrap_or_else(|error| panic!("{error}"));
    String::from_utf8(bytes).expect("what is rendered is text")
}

/// The items, as JSON: a number, boolean, null, or what is nested.
pub(crate) fn json(key: &str, text: &str) -> FileItem {
    FileItem { content_type: "application/json".into(), ..FileItem::text(key, text) }
}

/// An item of bytes.
pub(crate) fn bytes(key: &str, value: &[u8]) -> FileItem {
    FileItem { key: key.into(), value: value.into(), content_type: "application/octet-stream".into() }
}
