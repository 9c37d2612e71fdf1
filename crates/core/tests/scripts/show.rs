//! What is seen, as lines.

use conclave_core::auth::AuthOutcome;
use conclave_core::config::{
    CommittedVersion, ConfigOutcome, Defaults, Item, ItemChange, ItemContent, ItemRevision, KeyChange,
    NamespaceInfo, Quota, Retention, SnapshotInfo, TagInfo, VersionInfo,
};
use conclave_core::{Answer, Outcome, Rejection, Version};
use conclave_mvcc::{ChangeKind, Event};

use crate::show_locks;

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
        Ok(Outcome::Config(ConfigOutcome::Updated(info))) => line("updated", &namespace(info)),
        Ok(Outcome::Config(ConfigOutcome::DefaultsUpdated(now))) => line("defaults", &defaults(now)),
        Ok(Outcome::Config(ConfigOutcome::Tagged(info))) => line("tag", &tag(info)),
        Ok(Outcome::Config(ConfigOutcome::Snapshot(info))) => line("snapshot", &snapshot(info)),
        Ok(Outcome::Config(ConfigOutcome::Collected(done))) => {
            let more = if done.more { ", more to do" } else { "" };
            line("collected", &format!("{} versions, {} rows{more}", done.versions, done.rows))
        }
        Ok(Outcome::Config(ConfigOutcome::SnapshotRestored(done))) => {
            let told =
                format!("{} changed, {} unchanged; revision {}", done.changed, done.unchanged, done.revision);
            let made = |made: &CommittedVersion| {
                let (added, changed, deleted) = (made.added, made.changed, made.deleted);
                let counts = format!("{added} added, {changed} changed, {deleted} deleted");
                line("committed", &format!("{} version {}: {counts}", made.namespace, made.version))
            };
            line("restored", &told) + &done.versions.iter().map(made).collect::<String>()
        }
        Ok(Outcome::Cluster(outcome)) => line("cluster", &format!("{outcome:?}")),
        Ok(Outcome::Lease(outcome)) => show_locks::lease_outcome(outcome),
        Ok(Outcome::Lock(outcome)) => show_locks::lock_outcome(outcome),
        Ok(Outcome::Auth(AuthOutcome::Done { auth_revision })) => {
            line("auth", &format!("revision {auth_revision}"))
        }
        Ok(Outcome::Kv(outcome)) => line("keys", &format!("{outcome:?}")),
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
    let NamespaceInfo { name, version, revision, time_ms, description, usage, .. } = info;
    let mut text = format!("{name} version {version}; revision {revision}, {time_ms} ms {description:?}");
    text += &format!(", {} items, {} bytes", usage.items, usage.size_bytes);
    if info.oldest_version > Version::new(1) {
        text += &format!(", from version {}", info.oldest_version);
    }
    if !info.owner.is_empty() {
        text += &format!(", owner {}", info.owner);
    }
    for (name, value) in &info.labels {
        text += &format!(", {name}={value}");
    }
    text + &bounds(&info.retention, &info.quota)
}

/// What is set of retention and quota.
fn bounds(retention: &Retention, quota: &Quota) -> String {
    let mut text = String::new();
    let mut tell = |what: &str, bound: Option<u64>| {
        if let Some(bound) = bound {
            text += &format!(", {what} {bound}");
        }
    };
    tell("keeps versions", retention.versions);
    tell("keeps days", retention.days.map(u64::from));
    tell("items up to", quota.items_max);
    tell("bytes up to", quota.size_bytes_max);
    tell("versions a minute up to", quota.versions_per_minute_max.map(u64::from));
    text
}

pub(crate) fn defaults(defaults: &Defaults) -> String {
    let namespaces = defaults.namespaces_max.unwrap_or(0);
    format!("namespaces up to {namespaces}{}", bounds(&defaults.retention, &defaults.quota))
}

pub(crate) fn tag(tag: &TagInfo) -> String {
    let TagInfo { name, version, author, message, time_ms, revision } = tag;
    format!("{name} is version {version}; revision {revision}, {time_ms} ms, by {author} {message:?}")
}

pub(crate) fn snapshot(snapshot: &SnapshotInfo) -> String {
    let SnapshotInfo { name, revision, all_namespaces, namespaces, author, message, time_ms } = snapshot;
    let all = if *all_namespaces { "all " } else { "" };
    format!("{name} of {all}{namespaces} at revision {revision}; {time_ms} ms, by {author} {message:?}")
}

pub(crate) fn item_revision(revision: &ItemRevision) -> String {
    let held = revision.item.as_ref().map_or("nothing".to_owned(), |item| content(&item.content));
    let VersionInfo { version, revision: at, author, .. } = &revision.version;
    let by = if *version == Version::ZERO {
        "a dropped version".to_owned()
    } else {
        format!("version {version}, by {author}")
    };
    line("change", &format!("{} {held} at revision {at}: {by}", sign(revision.kind)))
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
