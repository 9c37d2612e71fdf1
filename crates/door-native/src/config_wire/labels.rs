//! Labels, of items and of namespaces: at most so many, each with a name, short, and fit for one line.

use std::collections::BTreeMap;
use std::fmt;

use conclave_door::Limits;

use crate::fields::Fields;

/// Notes which labels break a rule.
pub(super) fn check(fields: &mut Fields<'_>, path: fmt::Arguments<'_>, labels: &BTreeMap<String, String>) {
    if labels.len() > Limits::LABELS_MAX {
        let what = format_args!("they are {}, of which {} are allowed", labels.len(), Limits::LABELS_MAX);
        return fields.refuse(path, what);
    }
    for (name, value) in labels {
        if name.is_empty() {
            fields.refuse(path, "one has no name: give at least one character");
        }
        check_text(fields, format_args!("{path}[{name:?}]"), "its name", name);
        check_text(fields, format_args!("{path}[{name:?}]"), "its value", value);
    }
}

fn check_text(fields: &mut Fields<'_>, path: fmt::Arguments<'_>, what: &str, text: &str) {
    let (size_bytes, max) = (text.len(), Limits::LABEL_SIZE_BYTES_MAX);
    if size_bytes > max {
        fields.refuse(
            path,
            format_args!("{what} takes {size_bytes} bytes, of which {max} are allowed: shorten it"),
        );
    }
    if let Some(character) = text.chars().find(|character| character.is_control()) {
        fields.refuse(path, format_args!("{what} holds the control character {character:?}: leave it out"));
    }
}
