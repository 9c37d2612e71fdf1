//! Every rule of a commit's edits, and that all broken ones are told at once.

use std::collections::BTreeMap;

use conclave_door::Refusal;

use super::*;
use crate::fields::tests::told;

fn put(key: &str, put: wire::PutItem) -> wire::Edit {
    wire::Edit { key: key.into(), action: Some(wire::edit::Action::Put(put)), expected_mod_revision: None }
}

fn set(key: &str, value: &str) -> wire::Edit {
    put(key, wire::PutItem { value: value.to_owned().into(), ..Default::default() })
}

fn delete(key: &str) -> wire::Edit {
    let action = Some(wire::edit::Action::Delete(wire::DeleteItem {}));
    wire::Edit { key: key.into(), action, expected_mod_revision: None }
}

fn edits_of(namespace: &str, edits: Vec<wire::Edit>) -> wire::NamespaceEdits {
    wire::NamespaceEdits {
        namespace: namespace.into(),
        edits,
        expected_version: None,
        create_if_missing: false,
    }
}

fn read_with(messages: Vec<wire::NamespaceEdits>, limits: &Limits) -> Result<Vec<NamespaceEdits>, Refusal> {
    let mut fields = Fields::new(limits);
    let read = namespaces(&mut fields, messages);
    fields.finish(read)
}

fn read(messages: Vec<wire::NamespaceEdits>) -> Result<Vec<NamespaceEdits>, Refusal> {
    read_with(messages, &Limits::default())
}

/// The violations of one put.
fn told_of(put_item: wire::PutItem) -> Vec<String> {
    told(read(vec![edits_of("a", vec![put("k", put_item)])]))
}

#[test]
fn a_commit_is_read_as_it_was_given() {
    let labels: BTreeMap<String, String> = [("owner".to_owned(), "team a".to_owned())].into();
    let item = wire::PutItem {
        value: b"{}".as_slice().into(),
        content_type: "application/json".into(),
        labels: labels.clone(),
    };
    let guarded = wire::Edit { expected_mod_revision: Some(0), ..put("k", item) };
    let messages = vec![
        wire::NamespaceEdits { expected_version: Some(4), ..edits_of("b", vec![guarded, delete("gone")]) },
        wire::NamespaceEdits { create_if_missing: true, ..edits_of("a", vec![set("k", "v")]) },
    ];
    let read = read(messages).unwrap();
    let [first, second] = read.as_slice() else { panic!("two namespaces") };
    assert_eq!((first.namespace.as_str(), first.expected_version), ("b", Some(Version::new(4))));
    assert!(!first.create_if_missing && second.create_if_missing);
    let content =
        ItemContent { value: b"{}".as_slice().into(), content_type: "application/json".into(), labels };
    assert_eq!(first.edits[0].action, Action::Put(content));
    assert_eq!(first.edits[0].expected_mod_revision, Some(Revision::ZERO));
    assert_eq!((first.edits[1].key.as_str(), &first.edits[1].action), ("gone", &Action::Delete));
    let Action::Put(content) = &second.edits[0].action else { panic!("a put") };
    assert_eq!(content.content_type, "text/plain");
}

#[test]
fn a_namespace_without_edits_is_a_commit_too() {
    assert!(read(vec![edits_of("a", Vec::new())]).unwrap()[0].edits.is_empty());
}

#[test]
fn all_mistakes_are_told_at_once_with_their_paths() {
    let no_action = wire::Edit { key: "x".into(), ..Default::default() };
    let messages = vec![
        edits_of("a", vec![set("k", "v"), set("", "v"), no_action, delete("k")]),
        edits_of("..", vec![set("line\nbreak", "v")]),
        edits_of("a", Vec::new()),
    ];
    assert_eq!(
        told(read(messages)),
        [
            "namespaces[0].edits[1].key: it is empty: give at least one character",
            "namespaces[0].edits[2].action: it is missing: give put or delete",
            "namespaces[0].edits[3].key: another edit of this namespace has the same key: keep one",
            "namespaces[1].namespace: its segment 1 is \"..\": join segments by one '/', \
             none of them empty, \".\" or \"..\"",
            "namespaces[1].edits[0].key: it holds '\\n' at byte 4: \
             use only characters that are no control characters",
            "namespaces[2].namespace: it names \"a\" a second time: put all edits of a namespace together",
        ]
    );
}

#[test]
fn one_key_may_be_edited_in_two_namespaces() {
    read(vec![edits_of("a", vec![set("k", "v")]), edits_of("b", vec![set("k", "v")])]).unwrap();
}

#[test]
fn there_is_something_to_commit() {
    assert_eq!(told(read(Vec::new())), ["namespaces: it is empty: name at least one namespace"]);
}

#[test]
fn the_number_of_edits_is_bounded_over_all_namespaces() {
    let limits = Limits { commit_edits_max: 3, ..Limits::default() };
    let two = || vec![set("k", "v"), set("l", "v")];
    read_with(vec![edits_of("a", two()), edits_of("b", vec![set("k", "v")])], &limits).unwrap();
    assert_eq!(
        told(read_with(vec![edits_of("a", two()), edits_of("b", two())], &limits)),
        ["namespaces: they hold 4 edits of 2 namespaces, of which 3 are allowed: split the commit"]
    );
    let empty = ["a", "b", "c", "d"].map(|name| edits_of(name, Vec::new()));
    assert_eq!(told(read_with(empty.to_vec(), &limits)).len(), 1);
}

#[test]
fn the_size_of_a_commit_is_bounded() {
    let limits = Limits { commit_size_bytes_max: 20, ..Limits::default() };
    let item = |value: &str| wire::PutItem {
        value: value.to_owned().into(),
        content_type: "a/b".into(),
        labels: [("l".to_owned(), "m".to_owned())].into(),
    };
    // 3 + 1 + 3 + 2, 3 + 8
    let fits = vec![edits_of("a", vec![put("key", item("v")), set("kez", "12345678")])];
    read_with(fits, &limits).unwrap();
    let too_large = vec![edits_of("a", vec![put("key", item("v")), set("kez", "123456789")])];
    assert_eq!(
        told(read_with(too_large, &limits)),
        ["namespaces: they take 21 bytes, of which 20 are allowed: split the commit"]
    );
}

#[test]
fn keys_and_values_are_bounded_by_the_settings() {
    let limits = Limits { key_size_bytes_max: 3, value_size_bytes_max: 4, ..Limits::default() };
    read_with(vec![edits_of("a", vec![set("key", "1234")])], &limits).unwrap();
    assert_eq!(
        told(read_with(vec![edits_of("a", vec![set("keys", "12345")])], &limits)),
        [
            "namespaces[0].edits[0].key: it takes 4 bytes, of which 3 are allowed: shorten it",
            "namespaces[0].edits[0].put.value: it takes 5 bytes, of which 4 are allowed: shorten it",
        ]
    );
}

#[test]
fn content_types_are_media_types_of_bounded_size() {
    let typed = |text: &str| wire::PutItem { content_type: text.into(), ..Default::default() };
    read(vec![edits_of("a", vec![put("k", typed("text/plain; charset=utf-8"))])]).unwrap();
    assert_eq!(
        told_of(typed("json")),
        ["namespaces[0].edits[0].put.content_type: \"json\" is no media type: \
          give one as \"application/json\", or none"]
    );
    assert_eq!(
        told_of(typed(&format!("text/{}", "x".repeat(252)))),
        ["namespaces[0].edits[0].put.content_type: it takes 257 bytes, of which 256 are allowed: shorten it"]
    );
}

fn labelled(labels: &[(&str, &str)]) -> wire::PutItem {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    wire::PutItem { labels: labels.collect(), ..Default::default() }
}

#[test]
fn labels_are_bounded_in_number_and_size() {
    let names: Vec<String> = (0..17).map(|number| format!("l{number}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "v")).collect();
    read(vec![edits_of("a", vec![put("k", labelled(&many[..16]))])]).unwrap();
    assert_eq!(
        told_of(labelled(&many)),
        ["namespaces[0].edits[0].put.labels: they are 17, of which 16 are allowed"]
    );

    let (fits, long) = ("x".repeat(128), "y".repeat(129));
    read(vec![edits_of("a", vec![put("k", labelled(&[(&fits, &fits), ("empty", "")]))])]).unwrap();
    let told = told_of(labelled(&[(&long, "v"), ("l", &long)]));
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(
        told[0],
        "namespaces[0].edits[0].put.labels[\"l\"]: its value takes 129 bytes, of which 128 are allowed: shorten it"
    );
    assert!(
        told[1].ends_with(": its name takes 129 bytes, of which 128 are allowed: shorten it"),
        "{told:?}"
    );
}

#[test]
fn labels_have_names_and_no_control_characters() {
    assert_eq!(
        told_of(labelled(&[("", "v"), ("a\tb", "v"), ("l", "v\0")])),
        [
            "namespaces[0].edits[0].put.labels: one has no name: give at least one character",
            "namespaces[0].edits[0].put.labels[\"a\\tb\"]: its name holds the control character '\\t': leave it out",
            "namespaces[0].edits[0].put.labels[\"l\"]: its value holds the control character '\\0': leave it out",
        ]
    );
}
