//! Writing XML: the list of items.

use super::characters::{foreign, write_attribute, write_text};
use crate::content::{content_type, to_base64};
use crate::{FileItem, Format, FormatError};

/// Writes items, one an element, in key order.
pub(crate) fn render(items: &[FileItem]) -> Result<String, FormatError> {
    let mut sorted: Vec<&FileItem> = items.iter().collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    if let Some(twice) = sorted.windows(2).find(|pair| pair[0].key == pair[1].key) {
        return Err(FormatError::item(&twice[0].key, "it is given twice"));
    }
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<configuration>\n");
    for item in sorted {
        write_item(&mut out, item)?;
    }
    out.push_str("</configuration>\n");
    Ok(out)
}

fn write_item(out: &mut String, item: &FileItem) -> Result<(), FormatError> {
    let text = std::str::from_utf8(&item.value).ok().filter(|text| foreign(text).is_none());
    let usual_type = if text.is_some() { content_type::TEXT } else { content_type::BYTES };
    out.push_str("  <item");
    attribute(out, item, "key", &item.key)?;
    if item.content_type != usual_type {
        attribute(out, item, "content-type", &item.content_type)?;
    }
    match text {
        Some(text) => {
            out.push('>');
            write_text(out, text);
        }
        None => {
            out.push_str(" encoding=\"base64\">");
            out.push_str(&to_base64(&item.value));
        }
    }
    out.push_str("</item>\n");
    Ok(())
}

fn attribute(out: &mut String, item: &FileItem, name: &str, text: &str) -> Result<(), FormatError> {
    if let Some((_, character)) = foreign(text) {
        let what = format!("the character {character:?} in a {name}");
        return Err(FormatError::no_word(&item.key, Format::Xml, &what));
    }
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    write_attribute(out, text);
    out.push('"');
    Ok(())
}
