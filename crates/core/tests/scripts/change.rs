//! Commands that change something, from words.

use conclave_core::config::{
    Action, Authorship, Collect, CollectStep, Commit, ConfigCommand, CreateNamespace, CreateSnapshot,
    Defaults, DeleteNamespace, DeleteSnapshot, DeleteTag, Edit, ItemContent, NamespaceEdits, Quota,
    Retention, Rollback, RollbackSnapshot, SetTag, SettingsChange, UpdateDefaults, UpdateNamespace,
};
use conclave_core::{Command, Guarded, GuardedKeys, ItemKey, NamespaceName, PinName, Version};
use conclave_mvcc::Revision;

use crate::keys;
use crate::locks;
use crate::users;
use crate::words::Words;

/// The command, if the words are one that changes something.
pub(crate) fn parse(parts: &[Words]) -> Option<Command> {
    let words = parts.first()?;
    if let Some(command) = locks::parse(words) {
        return Some(command);
    }
    if let Some(command) = keys::parse(words) {
        return Some(match locks::held(words) {
            Some(held) => Command::GuardedKeys(GuardedKeys { held, command }),
            None => Command::Kv(command),
        });
    }
    if let Some(command) = users::parse(words) {
        return Some(Command::Auth(command));
    }
    let command = of_configuration(words, parts)?;
    Some(match locks::held(words) {
        Some(held) => Command::Guarded(Guarded { held, command }),
        None => Command::Config(command),
    })
}

fn of_configuration(words: &Words, parts: &[Words]) -> Option<ConfigCommand> {
    let authorship = Authorship {
        author: words.text("by").unwrap_or("ann").to_owned(),
        message: words.text("why").unwrap_or_default().to_owned(),
    };
    Some(match words.plain.first()?.as_str() {
        "create" => ConfigCommand::CreateNamespace(CreateNamespace {
            namespace: name(words.word(1)),
            settings: settings(words),
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
        "update" => ConfigCommand::UpdateNamespace(UpdateNamespace {
            namespace: name(words.word(1)),
            settings: settings(words),
            authorship,
        }),
        "defaults" if words.plain.len() > 1 => ConfigCommand::UpdateDefaults(UpdateDefaults {
            defaults: Defaults {
                retention: retention(words),
                quota: quota(words),
                namespaces_max: words.number("max-namespaces"),
            },
            authorship,
        }),
        "tag" => ConfigCommand::SetTag(SetTag {
            namespace: name(words.word(1)),
            tag: pin(words.word(2)),
            version: words.number("version").map(Version::new),
            may_move: words.has("move"),
            authorship,
        }),
        "untag" => ConfigCommand::DeleteTag(DeleteTag {
            namespace: name(words.word(1)),
            tag: pin(words.word(2)),
            authorship,
        }),
        "collect-as-at-first" => ConfigCommand::Collect(Collect { namespace: name(words.word(1)) }),
        "collect" => ConfigCommand::CollectStep(CollectStep {
            namespace: name(words.word(1)),
            rows_max: words.number("rows").unwrap_or(1_000),
        }),
        "snapshot" => snapshot(words, authorship)?,
        "commit" => ConfigCommand::Commit(Commit { namespaces: all_edits(parts), authorship }),
        _ => return None,
    })
}

fn snapshot(words: &Words, authorship: Authorship) -> Option<ConfigCommand> {
    let snapshot = || pin(words.word(2));
    let rest = || words.plain[3..].iter().map(|word| name(word)).collect::<Vec<_>>();
    let named = || Some(rest()).filter(|names| !names.is_empty());
    Some(match words.word(1) {
        "create" => ConfigCommand::CreateSnapshot(CreateSnapshot {
            snapshot: snapshot(),
            namespaces: named(),
            revision: words.number("revision").map(Revision::new),
            authorship,
        }),
        "delete" => ConfigCommand::DeleteSnapshot(DeleteSnapshot { snapshot: snapshot(), authorship }),
        "rollback" => ConfigCommand::RollbackSnapshot(RollbackSnapshot {
            snapshot: snapshot(),
            namespaces: named(),
            authorship,
        }),
        _ => return None,
    })
}

fn settings(words: &Words) -> SettingsChange {
    let said = |name| words.text(name).map(str::to_owned);
    let (retention, quota) = (retention(words), quota(words));
    SettingsChange {
        description: said("for"),
        owner: said("owner"),
        labels: said("label").map(|label| {
            label
                .split_once('=')
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into_iter()
                .collect()
        }),
        retention: (retention != Retention::default()).then_some(retention),
        quota: (quota != Quota::default()).then_some(quota),
    }
}

fn retention(words: &Words) -> Retention {
    Retention { versions: words.number("keep-versions"), days: words.number("keep-days") }
}

fn quota(words: &Words) -> Quota {
    Quota {
        items_max: words.number("max-items"),
        size_bytes_max: words.number("max-bytes"),
        versions_per_minute_max: words.number("max-a-minute"),
    }
}

fn pin(text: &str) -> PinName {
    PinName::parse(text).unwrap()
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
