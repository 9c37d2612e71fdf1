//! The edits of a commit: from messages to core's, with every rule that they must keep.

use std::collections::BTreeSet;
use std::fmt;

use conclave_core::Version;
use conclave_core::config::{Action, Edit, ItemContent, NamespaceEdits};
use conclave_door::Limits;
use conclave_mvcc::Revision;
use conclave_proto::config::v1 as wire;

use super::labels;
use crate::fields::Fields;
use crate::media_type::is_media_type;

const CONTENT_TYPE_DEFAULT: &str = "text/plain";

/// Reads the edits of a commit. A commit that is too large as a whole is not looked at in detail.
pub(super) fn namespaces(
    fields: &mut Fields<'_>,
    namespaces: Vec<wire::NamespaceEdits>,
) -> Option<Vec<NamespaceEdits>> {
    if !check_whole(fields, &namespaces) {
        return None;
    }
    let mut names = BTreeSet::new();
    let mut read = Vec::with_capacity(namespaces.len());
    for (index, edits) in namespaces.into_iter().enumerate() {
        if !names.insert(edits.namespace.clone()) {
            let what = format_args!(
                "it names {:?} a second time: put all edits of a namespace together",
                edits.namespace
            );
            fields.refuse(format_args!("namespaces[{index}].namespace"), what);
        }
        read.push(namespace(fields, format_args!("namespaces[{index}]"), edits));
    }
    read.into_iter().collect()
}

/// Checks the commit's counts and its size.
fn check_whole(fields: &mut Fields<'_>, namespaces: &[wire::NamespaceEdits]) -> bool {
    let limits = fields.limits;
    let edits = namespaces.iter().flat_map(|it| &it.edits);
    let count = edits.clone().count();
    let size_bytes: usize = edits.map(size_bytes).sum();
    let mut fits = true;
    let mut refuse = |what: fmt::Arguments<'_>| {
        fields.refuse("namespaces", what);
        fits = false;
    };
    if namespaces.is_empty() {
        refuse(format_args!("it is empty: name at least one namespace"));
    }
    // Of each namespace a version is made, whether it has edits or not.
    if count.max(namespaces.len()) > limits.commit_edits_max {
        let (namespaces, max) = (namespaces.len(), limits.commit_edits_max);
        refuse(format_args!(
            "they hold {count} edits of {namespaces} namespaces, of which {max} are allowed: split the commit"
        ));
    }
    if size_bytes > limits.commit_size_bytes_max {
        let max = limits.commit_size_bytes_max;
        refuse(format_args!("they take {size_bytes} bytes, of which {max} are allowed: split the commit"));
    }
    fits
}

/// What an edit takes: its key, value, content type and labels.
fn size_bytes(edit: &wire::Edit) -> usize {
    let action = match &edit.action {
        Some(wire::edit::Action::Put(put)) => {
            let labels: usize = put.labels.iter().map(|(name, value)| name.len() + value.len()).sum();
            put.value.len() + put.content_type.len() + labels
        }
        Some(wire::edit::Action::Delete(_)) | None => 0,
    };
    edit.key.len() + action
}

fn namespace(
    fields: &mut Fields<'_>,
    path: fmt::Arguments<'_>,
    message: wire::NamespaceEdits,
) -> Option<NamespaceEdits> {
    let namespace = fields.namespace(format_args!("{path}.namespace"), &message.namespace);
    let mut keys = BTreeSet::new();
    let mut edits = Vec::with_capacity(message.edits.len());
    for (index, edit) in message.edits.into_iter().enumerate() {
        let path = format_args!("{path}.edits[{index}]");
        let edit = read_edit(fields, path, edit);
        if edit.as_ref().is_some_and(|edit| !keys.insert(edit.key.clone())) {
            fields.refuse(
                format_args!("{path}.key"),
                "another edit of this namespace has the same key: keep one",
            );
        }
        edits.push(edit);
    }
    Some(NamespaceEdits {
        namespace: namespace?,
        expected_version: message.expected_version.map(Version::new),
        create_if_missing: message.create_if_missing,
        edits: edits.into_iter().collect::<Option<_>>()?,
    })
}

fn read_edit(fields: &mut Fields<'_>, path: fmt::Arguments<'_>, edit: wire::Edit) -> Option<Edit> {
    let key = fields.key(format_args!("{path}.key"), &edit.key);
    let action = match edit.action {
        Some(wire::edit::Action::Put(put)) => {
            Some(Action::Put(content(fields, format_args!("{path}.put"), put)))
        }
        Some(wire::edit::Action::Delete(wire::DeleteItem {})) => Some(Action::Delete),
        None => {
            fields.refuse(format_args!("{path}.action"), "it is missing: give put or delete");
            None
        }
    };
    let expected_mod_revision = edit.expected_mod_revision.map(Revision::new);
    Some(Edit { key: key?, expected_mod_revision, action: action? })
}

fn content(fields: &mut Fields<'_>, path: fmt::Arguments<'_>, put: wire::PutItem) -> ItemContent {
    let limits = fields.limits;
    fields.size(format_args!("{path}.value"), put.value.len(), limits.value_size_bytes_max);
    let content_type = content_type(fields, format_args!("{path}.content_type"), put.content_type);
    labels::check(fields, format_args!("{path}.labels"), &put.labels);
    ItemContent { value: put.value, content_type, labels: put.labels }
}

fn content_type(fields: &mut Fields<'_>, path: fmt::Arguments<'_>, text: String) -> String {
    if text.is_empty() {
        return CONTENT_TYPE_DEFAULT.into();
    }
    fields.size(path, text.len(), Limits::CONTENT_TYPE_SIZE_BYTES_MAX);
    if !is_media_type(&text) {
        fields.refuse(
            path,
            format_args!("{text:?} is no media type: give one as \"application/json\", or none"),
        );
    }
    text
}

#[cfg(test)]
mod tests;
