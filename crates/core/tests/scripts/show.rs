//! What is seen, as lines.

use conclave_core::config::{
    ConfigOutcome, Item, ItemChange, ItemContent, KeyChange, NamespaceInfo, VersionInfo,
};
use conclave_core::{Answer, Outcome, Rejection, Version};
use conclave_mvcc::{ChangeKind, Event};

/// A line that says what it is about.
pub(crate) fn line(about: &str, text: &str) -> String {
    format!("{about:<9} {text}").trim_end().to_owned() + "\n"
}

pub(crate) fn refusal(rejection: &Rejection) -> String {
    line("refused", &format!("{}: {rejection}", rejection.reason()))
}

pub(crate) fn answer(answer: &Answer) -> String {
    match answer {
        Err(rejection) => refusal(rejection),
        Ok(Outcome::Config(ConfigOutcome::Created(info))) => line("created", &namespace(info)),
        Ok(Outcome::Config(ConfigOutcome::Committed(committed))) => {
            let versions = committed.versions.iter().map(|made| {
                let (added, changed, deleted) = (made.added, made.changed, made.deleted);
                let text = format!(
                    "{} version {}: {added} added, {changed} changed, {deleted} deleted; revision {}, {} ms",
                    made.namespace, made.version, committed.revision, committed.time_ms
                );
                line("committed", &text)
            });
            versions.collect()
        }
    }
}

pub(crate) fn namespace(info: &NamespaceInfo) -> String {
    let NamespaceInfo { name, version, revision, time_ms, description } = info;
    format!("{name} version {version}; revision {revision}, {time_ms} ms {description:?}")
}

pub(crate) fn event(event: &Event) -> String {
    line("event", &format!("{} {}", sign(event.change()), String::from_utf8_lossy(&event.key)))
}

pub(crate) fn item(item: &Item) -> String {
    let Item { key, content: held, create_revision, mod_revision, change_count } = item;
    let held = content(held);
    format!("{key}={held} (created {create_revision}, changed {mod_revision}, change {change_count})")
}

pub(crate) fn content(content: &ItemContent) -> String {
    let mut text = String::from_utf8_lossy(&content.value).into_owned();
    if content.content_type != "text/plain" || !content.labels.is_empty() {
        text += &format!(";{}", content.content_type);
    }
    for (name, value) in &content.labels {
        text += &format!(";{name}={value}");
    }
    text
}

pub(crate) fn version(version: &VersionInfo) -> String {
    let VersionInfo { namespace, revision, author, message, time_ms, .. } = version;
    let (added, changed, deleted) = (version.added, version.changed, version.deleted);
    let mut text = format!(
        "{namespace} version {}: {added} added, {changed} changed, {deleted} deleted; \
         revision {revision}, {time_ms} ms, by {author} {message:?}",
        version.version
    );
    if version.rollback_of != Version::ZERO {
        text += &format!(", rollback of {}", version.rollback_of);
    }
    if version.deleted_namespace {
        text += ", deleted the namespace";
    }
    line("version", &text)
}

pub(crate) fn key_change(change: &KeyChange) -> String {
    line("change", &format!("{} {}", sign(change.kind), change.key))
}

pub(crate) fn item_change(change: &ItemChange) -> String {
    let side =
        |item: &Option<Item>| item.as_ref().map_or("nothing".to_owned(), |item| content(&item.content));
    let (before, after) = (side(&change.before), side(&change.after));
    line("change", &format!("{} {}: {before} -> {after}", sign(change.kind), change.key))
}

fn sign(kind: ChangeKind) -> char {
    match kind {
        ChangeKind::Added => '+',
        ChangeKind::Changed => '~',
        ChangeKind::Deleted => '-',
    }
}
