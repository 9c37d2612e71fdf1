//! Commands that change something, from words.

use conclave_core::config::{
    Action, Authorship, Commit, ConfigCommand, CreateNamespace, DeleteNamespace, Edit, ItemContent,
    NamespaceEdits, Rollback,
};
use conclave_core::{Command, ItemKey, NamespaceName, Version};
use conclave_mvcc::Revision;

use crate::words::Words;

/// The command, if the words are one that changes something.
pub(crate) fn parse(parts: &[Words]) -> Option<Command> {
    let [words, ..] = parts else { return None };
    let authorship = Authorship {
        author: words.text("by").unwrap_or("ann").to_owned(),
        message: words.text("why").unwrap_or_default().to_owned(),
    };
    Some(Command::Config(match words.plain.first()?.as_str() {
        "create" => ConfigCommand::CreateNamespace(CreateNamespace {
            namespace: name(words.word(1)),
            description: words.text("for").unwrap_or_default().to_owned(),
            authorship,
        }),
        "delete" => ConfigCommand::DeleteNamespace(DeleteNamespace {
            namespace: name(words.word(1)),
            expected_version: expected_version(words),
            authorship,
        }),
        "rollback" => ConfigCommand::Rollback(Rollback {
            namespace: name(words.word(1)),
            to_version: Version::new(words.word(2).parse().unwrap()),
            expected_version: expected_version(words),
            authorship,
        }),
        "commit" => ConfigCommand::Commit(Commit { namespaces: all_edits(parts), authorship }),
        _ => return None,
    }))
}

pub(crate) fn name(text: &str) -> NamespaceName {
    NamespaceName::parse(text).unwrap()
}

pub(crate) fn key(text: &str) -> ItemKey {
    ItemKey::parse(text, 512).unwrap()
}

fn expected_version(words: &Words) -> Option<Version> {
    words.number("at").map(Version::new)
}

fn all_edits(parts: &[Words]) -> Vec<NamespaceEdits> {
    let first = parts.iter().take(1).map(|part| (part, 1));
    let rest = parts.iter().skip(1).map(|part| (part, 0));
    let edits = first.chain(rest).map(|(part, place)| NamespaceEdits {
        namespace: name(part.word(place)),
        expected_version: expected_version(part),
        create_if_missing: part.has("or-create"),
        edits: part.plain[place + 1..].iter().map(|word| edit(word)).collect(),
    });
    edits.collect()
}

fn edit(word: &str) -> Edit {
    let (word, expected) = match word.rsplit_once('@') {
        Some((word, revision)) => (word, Some(Revision::new(revision.parse().unwrap()))),
        None => (word, None),
    };
    let (edited, action) = match word.strip_prefix('-') {
        Some(deleted) => (deleted, Action::Delete),
        None => {
            let (put, content) = word.split_once('=').unwrap();
            (put, Action::Put(parse_content(content)))
        }
    };
    Edit { key: key(edited), expected_mod_revision: expected, action }
}

fn parse_content(text: &str) -> ItemContent {
    let mut parts = text.split(';');
    let value = parts.next().unwrap_or_default().to_owned();
    let content_type = parts.next().unwrap_or("text/plain").to_owned();
    let label = |label: &str| {
        let (name, value) = label.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    ItemContent { value: value.into(), content_type, labels: parts.map(label).collect() }
}
