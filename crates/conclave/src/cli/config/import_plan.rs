//! What an import has to do: what differs between a file and a namespace, and how much goes in one
//! commit.

use std::collections::BTreeMap;

use conclave_client::config::{ChangeKind, Edit, Item, ItemChange, PutItem, edit::Action};
use conclave_client::edits;
use conclave_formats::{FileItem, Format};

/// How much goes in one commit.
#[derive(Debug, Clone, Copy)]
pub(super) struct CommitBounds {
    pub(super) edits_max: usize,
    /// Bytes of keys, values and labels.
    pub(super) size_bytes_max: usize,
}

/// What a node takes in one commit, unless its settings say otherwise.
pub(super) const COMMIT: CommitBounds = CommitBounds { edits_max: 1_000, size_bytes_max: 4 * 1024 * 1024 };

/// What a file says.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) items: Vec<FileItem>,
    /// What it is written in.
    pub(super) format: Format,
}

/// What turns the items that are there into those of the file, in order of key. Labels stay. With `prune`
/// items that are not in the file go.
pub(super) fn changes(present: Vec<Item>, wanted: Wanted, prune: bool) -> Vec<ItemChange> {
    let Wanted { items: wanted, format } = wanted;
    let mut present: BTreeMap<String, Item> =
        present.into_iter().map(|item| (item.key.clone(), item)).collect();
    let set = wanted.into_iter().filter_map(|item| change_to(present.remove(&item.key), item, format));
    let mut changes: Vec<ItemChange> = set.collect();
    if prune {
        changes.extend(present.into_values().map(|gone| ItemChange {
            key: gone.key.clone(),
            kind: ChangeKind::Deleted.into(),
            before: Some(gone),
            after: None,
        }));
    }
    changes.sort_by(|a, b| a.key.cmp(&b.key));
    changes
}

/// None: it is there as it should be.
fn change_to(before: Option<Item>, wanted: FileItem, format: Format) -> Option<ItemChange> {
    if before.as_ref().is_some_and(|item| is_same(item, &wanted, format)) {
        return None;
    }
    let kind = if before.is_some() { ChangeKind::Changed } else { ChangeKind::Added };
    let after = Item {
        key: wanted.key.clone(),
        value: wanted.value.into(),
        content_type: wanted.content_type,
        labels: before.as_ref().map(|item| item.labels.clone()).unwrap_or_default(),
        ..Item::default()
    };
    Some(ItemChange { key: wanted.key, kind: kind.into(), before, after: Some(after) })
}

/// Whether the file says of an item what is there. A content type that the format cannot tell is not changed by a
/// file that has the item's value.
fn is_same(item: &Item, wanted: &FileItem, format: Format) -> bool {
    item.value == wanted.value
        && (item.content_type == wanted.content_type || read_back(item, format).as_ref() == Some(wanted))
}

/// What an item is when a file of this format was written with it and read.
fn read_back(item: &Item, format: Format) -> Option<FileItem> {
    let Item { key, value, content_type, .. } = item.clone();
    let written =
        conclave_formats::render(&[FileItem { key, value: value.into(), content_type }], format).ok()?;
    conclave_formats::parse(&written, format).ok()?.pop()
}

/// The edit that makes a change.
pub(super) fn edit(change: &ItemChange) -> Edit {
    let Some(after) = &change.after else { return edits::delete(&change.key) };
    let put = PutItem {
        value: after.value.clone(),
        content_type: after.content_type.clone(),
        labels: after.labels.clone(),
    };
    Edit { key: change.key.clone(), action: Some(Action::Put(put)), expected_mod_revision: None }
}

/// Size of an edit's key, value and labels.
pub(super) fn size_bytes(edit: &Edit) -> usize {
    let Some(Action::Put(put)) = &edit.action else { return edit.key.len() };
    let labels: usize = put.labels.iter().map(|(name, value)| name.len() + value.len()).sum();
    edit.key.len() + put.value.len() + put.content_type.len() + labels
}

/// Divides edits, in their order, into parts that each fit in a commit. An edit that is too large on its
/// own gets its own part, for the node to refuse by name.
pub(super) fn split(edits: Vec<Edit>, bounds: CommitBounds) -> Vec<Vec<Edit>> {
    let mut parts: Vec<Vec<Edit>> = Vec::new();
    let mut size = 0;
    for edit in edits {
        let more = size_bytes(&edit);
        match parts.last_mut() {
            Some(part) if part.len() < bounds.edits_max && size + more <= bounds.size_bytes_max => {
                part.push(edit);
                size += more;
            }
            _ => {
                parts.push(vec![edit]);
                size = more;
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::super::views::samples::item;
    use super::*;

    fn told(changes: &[ItemChange]) -> Vec<(&str, ChangeKind)> {
        changes.iter().map(|change| (change.key.as_str(), change.kind())).collect()
    }

    #[test]
    fn only_what_differs_is_changed() {
        let present = vec![item("same", "1"), item("other", "1"), item("gone", "1")];
        let wanted =
            vec![FileItem::text("same", "1"), FileItem::text("other", "2"), FileItem::text("new", "3")];
        let wanted = Wanted { items: wanted, format: Format::Yaml };
        let kept = changes(present.clone(), wanted.clone(), false);
        assert_eq!(told(&kept), [("new", ChangeKind::Added), ("other", ChangeKind::Changed)]);
        let pruned = changes(present, wanted, true);
        let all = [("gone", ChangeKind::Deleted), ("new", ChangeKind::Added), ("other", ChangeKind::Changed)];
        assert_eq!(told(&pruned), all);
    }

    #[test]
    fn another_content_type_is_a_change_and_labels_stay() {
        let mut labelled = item("pool", "8");
        labelled.labels.insert("team".into(), "core".into());
        let wanted = FileItem { content_type: "application/json".into(), ..FileItem::text("pool", "8") };
        let wanted = Wanted { items: vec![wanted], format: Format::Yaml };
        let changes = changes(vec![labelled], wanted, false);
        let Some(Action::Put(put)) = edit(&changes[0]).action else { panic!("it must be put") };
        assert_eq!(put.content_type, "application/json");
        assert_eq!(put.labels.get("team").map(String::as_str), Some("core"));
    }

    #[test]
    fn a_content_type_that_the_format_cannot_tell_is_no_change() {
        let mut date = item("since", "2026-11-25");
        date.content_type = "application/toml".into();
        let mut number = item("pool", "8");
        number.content_type = "application/json".into();
        let differing = |format: Format| {
            let items = vec![FileItem::text("since", "2026-11-25"), FileItem::text("pool", "8")];
            let changes = changes(vec![date.clone(), number.clone()], Wanted { items, format }, false);
            changes.into_iter().map(|change| change.key).collect::<Vec<_>>()
        };
        assert_eq!(differing(Format::Yaml), ["pool"], "YAML tells a number from a text");
        assert_eq!(differing(Format::Toml), ["pool", "since"], "TOML tells a date too");
        assert_eq!(differing(Format::Properties), [""; 0]);
    }

    #[test]
    fn parts_fit_in_a_commit_and_keep_their_order() {
        let edits = |count: usize| -> Vec<Edit> {
            (0..count).map(|at| edits::put(format!("{at:02}"), "x".repeat(8))).collect()
        };
        let size = size_bytes(&edits(1)[0]);
        let sizes = |bounds: CommitBounds| split(edits(5), bounds).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(CommitBounds { edits_max: 2, size_bytes_max: usize::MAX }), [2, 2, 1]);
        assert_eq!(sizes(CommitBounds { edits_max: 10, size_bytes_max: 3 * size }), [3, 2]);
        assert_eq!(sizes(CommitBounds { edits_max: 10, size_bytes_max: 1 }), [1; 5]);
        let joined = split(edits(5), CommitBounds { edits_max: 2, size_bytes_max: usize::MAX }).concat();
        assert_eq!(joined, edits(5));
        assert!(split(Vec::new(), CommitBounds { edits_max: 2, size_bytes_max: 1 }).is_empty());
    }
}
