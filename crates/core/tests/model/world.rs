//! The naive model: plain maps, and a full copy of them for each revision.

use std::collections::{BTreeMap, BTreeSet};

use conclave_core::config::{
    Action, Authorship, Commit, Committed, CommittedVersion, ConfigCommand, ConfigOutcome, CreateNamespace,
    DeleteNamespace, Edit, Item, ItemContent, NamespaceEdits, NamespaceInfo, Retention, Rollback, Usage,
    VersionInfo,
};
use conclave_core::{Answer, Command, NamespaceName, Outcome, Proposal, Rejection, RequestId, Version};
use conclave_mvcc::Revision;

use crate::pins::{self, Beside};

/// Items by their keys.
pub(crate) type Items = BTreeMap<String, Item>;

/// All namespaces at one revision, also those that were deleted.
pub(crate) type World = BTreeMap<NamespaceName, Namespace>;

/// A namespace at one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Namespace {
    pub(crate) newest: VersionInfo,
    pub(crate) beside: Beside,
    pub(crate) items: Items,
}

/// Everything that was and is.
pub(crate) struct Model {
    /// The world at each revision, from 0; the empty store is at 1.
    pub(crate) past: Vec<World>,
    time_ms: i64,
    answered: BTreeMap<RequestId, (Command, Answer)>,
}

/// What a change carries.
pub(crate) struct Stamp<'a> {
    pub(crate) revision: Revision,
    pub(crate) time_ms: i64,
    pub(crate) authorship: &'a Authorship,
}

impl Model {
    pub(crate) fn new() -> Self {
        Self { past: vec![World::new(), World::new()], time_ms: 0, answered: BTreeMap::new() }
    }

    pub(crate) fn now(&self) -> &World {
        self.past.last().unwrap()
    }

    pub(crate) fn newest(&self) -> Revision {
        Revision::new(self.past.len() as u64 - 1)
    }

    pub(crate) fn apply(&mut self, proposal: &Proposal) -> Answer {
        self.time_ms = self.time_ms.max(proposal.time_ms);
        if let Some((command, answer)) = self.answered.get(&proposal.request_id) {
            let reused = || Rejection::RequestIdReused { request_id: proposal.request_id.to_string() };
            return if *command == proposal.command { answer.clone() } else { Err(reused()) };
        }
        let (answer, world) = self.execute(&proposal.command, self.time_ms);
        if answer.is_ok() && world != *self.now() {
            self.past.push(world);
        }
        let remembered = (proposal.command.clone(), answer.clone());
        self.answered.insert(proposal.request_id.clone(), remembered);
        answer
    }

    /// The answer without a revision.
    pub(crate) fn preview(&self, command: &Command, time_ms: i64) -> Answer {
        let (answer, _) = self.execute(command, self.time_ms.max(time_ms));
        answer.map(|outcome| match outcome {
            Outcome::Config(ConfigOutcome::Created(info)) => {
                Outcome::Config(ConfigOutcome::Created(NamespaceInfo { revision: Revision::ZERO, ..info }))
            }
            Outcome::Config(ConfigOutcome::Committed(committed)) => {
                Outcome::Config(ConfigOutcome::Committed(Committed { revision: Revision::ZERO, ..committed }))
            }
            other => other,
        })
    }

    /// The items of a version from 1; none if there is no such version.
    pub(crate) fn at_version(
        &self,
        name: &NamespaceName,
        version: Version,
    ) -> Option<(&Namespace, Revision)> {
        let made = |namespace: &&Namespace| {
            namespace.newest.version == version && namespace.newest.version != Version::ZERO
        };
        let found = self.past.iter().find_map(|world| world.get(name).filter(made))?;
        Some((found, found.newest.revision))
    }

    fn execute(&self, command: &Command, time_ms: i64) -> (Answer, World) {
        let mut world = self.now().clone();
        let Command::Config(command) = command else { unreachable!("the model draws no others") };
        let authorship = authorship(command);
        let stamp = Stamp { revision: self.newest().next(), time_ms, authorship };
        let outcome = match command {
            ConfigCommand::CreateNamespace(create) => self::create(&mut world, &stamp, create),
            ConfigCommand::DeleteNamespace(delete) => self::delete(&mut world, &stamp, delete),
            ConfigCommand::Commit(commit) => self::commit(&mut world, &stamp, commit),
            ConfigCommand::Rollback(rollback) => self.rollback(&mut world, &stamp, rollback),
            ConfigCommand::UpdateNamespace(update) => pins::update(&mut world, &stamp, update),
            ConfigCommand::SetTag(set) => pins::set_tag(&mut world, &stamp, set),
            ConfigCommand::DeleteTag(delete) => pins::delete_tag(&mut world, delete),
            other => unreachable!("the model draws no {other:?}"),
        };
        (outcome.map(Outcome::Config), world)
    }

    fn rollback(&self, world: &mut World, stamp: &Stamp<'_>, rollback: &Rollback) -> Done {
        let name = &rollback.namespace;
        let namespace = world.get_mut(name).ok_or_else(|| not_found(name))?;
        expect_version(namespace, rollback.expected_version)?;
        let target =
            self.at_version(name, rollback.to_version).ok_or_else(|| Rejection::VersionNotFound {
                namespace: name.to_string(),
                version: rollback.to_version.get(),
                newest: namespace.newest.version.get(),
            })?;
        next_version(namespace, stamp);
        namespace.newest.rollback_of = rollback.to_version;
        let gone: Vec<_> =
            namespace.items.keys().filter(|key| !target.0.items.contains_key(*key)).cloned().collect();
        for key in gone {
            remove(namespace, &key);
        }
        for (key, item) in &target.0.items {
            put(namespace, key, &item.content, stamp.revision);
        }
        Ok(committed(vec![summary(namespace)], stamp))
    }
}

pub(crate) type Done = Result<ConfigOutcome, Rejection>;

fn authorship(command: &ConfigCommand) -> &Authorship {
    match command {
        ConfigCommand::CreateNamespace(create) => &create.authorship,
        ConfigCommand::DeleteNamespace(delete) => &delete.authorship,
        ConfigCommand::Commit(commit) => &commit.authorship,
        ConfigCommand::Rollback(rollback) => &rollback.authorship,
        ConfigCommand::UpdateNamespace(update) => &update.authorship,
        ConfigCommand::SetTag(set) => &set.authorship,
        ConfigCommand::DeleteTag(delete) => &delete.authorship,
        other => unreachable!("the model draws no {other:?}"),
    }
}

fn create(world: &mut World, stamp: &Stamp<'_>, create: &CreateNamespace) -> Done {
    let name = &create.namespace;
    let namespace = match world.get_mut(name) {
        Some(namespace) if namespace.newest.deleted_namespace => {
            next_version(namespace, stamp);
            namespace
        }
        Some(_) => return Err(Rejection::NamespaceExists { namespace: name.to_string() }),
        None => world.entry(name.clone()).or_insert(blank(name, stamp)),
    };
    let tags = std::mem::take(&mut namespace.beside.tags);
    namespace.beside = Beside { tags, ..Beside::default() };
    namespace.beside.set(&create.settings, stamp.revision);
    Ok(ConfigOutcome::Created(info(namespace)))
}

fn delete(world: &mut World, stamp: &Stamp<'_>, delete: &DeleteNamespace) -> Done {
    let name = &delete.namespace;
    let namespace = world
        .get_mut(name)
        .filter(|namespace| !namespace.newest.deleted_namespace)
        .ok_or_else(|| not_found(name))?;
    expect_version(namespace, delete.expected_version)?;
    next_version(namespace, stamp);
    namespace.newest.deleted_namespace = true;
    namespace.newest.deleted = u32::try_from(namespace.items.len()).unwrap();
    namespace.items.clear();
    Ok(committed(vec![summary(namespace)], stamp))
}

fn commit(world: &mut World, stamp: &Stamp<'_>, commit: &Commit) -> Done {
    let mut versions = Vec::new();
    let mut seen = BTreeSet::new();
    for edits in &commit.namespaces {
        let name = &edits.namespace;
        if edits.create_if_missing && !world.contains_key(name) {
            world.insert(name.clone(), blank(name, stamp));
        }
        let namespace = world
            .get_mut(name)
            .filter(|namespace| edits.create_if_missing || !namespace.newest.deleted_namespace)
            .ok_or_else(|| not_found(name))?;
        if namespace.newest.deleted_namespace {
            let tags = std::mem::take(&mut namespace.beside.tags);
            namespace.beside = Beside { tags, ..Beside::default() };
        }
        let found = namespace.newest.version.get();
        if !seen.insert(name) {
            let namespace = name.to_string();
            return Err(Rejection::VersionMismatch { namespace, expected: found - 1, found });
        }
        expect_version(namespace, edits.expected_version)?;
        let before = namespace.items.clone();
        next_version(namespace, stamp);
        edit_items(namespace, stamp, edits)?;
        pins::check_quota(namespace, &before)?;
        versions.push(summary(namespace));
    }
    if versions.is_empty() {
        let revision = Revision::new(stamp.revision.get() - 1);
        return Ok(ConfigOutcome::Committed(Committed { versions, revision, time_ms: stamp.time_ms }));
    }
    Ok(committed(versions, stamp))
}

fn edit_items(namespace: &mut Namespace, stamp: &Stamp<'_>, edits: &NamespaceEdits) -> Result<(), Rejection> {
    let mut seen = BTreeSet::new();
    for edit in &edits.edits {
        let key = edit.key.as_str();
        let found = namespace.items.get(key).map_or(0, |item| item.mod_revision.get());
        let mismatch = |expected: Revision| Rejection::ItemRevisionMismatch {
            namespace: edits.namespace.to_string(),
            key: key.to_owned(),
            expected: expected.get(),
            found,
        };
        if !seen.insert(key) {
            return Err(mismatch(stamp.revision.previous()));
        }
        if let Some(expected) = edit.expected_mod_revision.filter(|expected| expected.get() != found) {
            return Err(mismatch(expected));
        }
        edit_item(namespace, edit, stamp.revision)?;
    }
    Ok(())
}

fn edit_item(namespace: &mut Namespace, edit: &Edit, revision: Revision) -> Result<(), Rejection> {
    let key = edit.key.as_str();
    match &edit.action {
        Action::Put(content) => put(namespace, key, content, revision),
        Action::Delete if namespace.items.contains_key(key) => remove(namespace, key),
        Action::Delete => {
            let namespace = namespace.newest.namespace.to_string();
            return Err(Rejection::KeyNotFound { namespace, key: key.to_owned() });
        }
    }
    Ok(())
}

fn put(namespace: &mut Namespace, key: &str, content: &ItemContent, revision: Revision) {
    match namespace.items.get_mut(key) {
        Some(item) if item.content == *content => {}
        Some(item) => {
            item.content = content.clone();
            item.mod_revision = revision;
            item.change_count += 1;
            namespace.newest.changed += 1;
        }
        None => {
            let item = Item {
                key: key.to_owned(),
                content: content.clone(),
                create_revision: revision,
                mod_revision: revision,
                change_count: 1,
            };
            namespace.items.insert(key.to_owned(), item);
            namespace.newest.added += 1;
        }
    }
}

fn remove(namespace: &mut Namespace, key: &str) {
    namespace.items.remove(key).unwrap();
    namespace.newest.deleted += 1;
}

fn blank(name: &NamespaceName, stamp: &Stamp<'_>) -> Namespace {
    let newest = VersionInfo {
        namespace: name.clone(),
        version: Version::ZERO,
        revision: stamp.revision,
        author: stamp.authorship.author.clone(),
        message: stamp.authorship.message.clone(),
        time_ms: stamp.time_ms,
        rollback_of: Version::ZERO,
        deleted_namespace: false,
        added: 0,
        changed: 0,
        deleted: 0,
    };
    Namespace { newest, beside: Beside::default(), items: Items::new() }
}

fn next_version(namespace: &mut Namespace, stamp: &Stamp<'_>) {
    let version = namespace.newest.version.next();
    let next = blank(&namespace.newest.namespace, stamp);
    namespace.newest = VersionInfo { version, ..next.newest };
}

fn expect_version(namespace: &Namespace, expected: Option<Version>) -> Result<(), Rejection> {
    let found = namespace.newest.version;
    match expected {
        Some(expected) if expected != found => Err(Rejection::VersionMismatch {
            namespace: namespace.newest.namespace.to_string(),
            expected: expected.get(),
            found: found.get(),
        }),
        _ => Ok(()),
    }
}

pub(crate) fn not_found(name: &NamespaceName) -> Rejection {
    Rejection::NamespaceNotFound { namespace: name.to_string() }
}

pub(crate) fn info(namespace: &Namespace) -> NamespaceInfo {
    NamespaceInfo {
        name: namespace.newest.namespace.clone(),
        version: namespace.newest.version,
        revision: namespace.newest.revision,
        time_ms: namespace.newest.time_ms,
        description: namespace.beside.description.clone(),
        owner: String::new(),
        labels: BTreeMap::new(),
        retention: Retention::default(),
        quota: namespace.beside.quota,
        usage: usage(&namespace.items),
        oldest_version: namespace.newest.version.min(Version::new(1)),
    }
}

pub(crate) fn usage(items: &Items) -> Usage {
    let size = |text: &str| text.len() as u64;
    // A format byte, and lengths that take a byte each.
    let annotations = |content: &ItemContent| {
        let labels = content.labels.iter().map(|(name, value)| 2 + size(name) + size(value));
        3 + size(&content.content_type) + labels.sum::<u64>()
    };
    let item = |(key, item): (&String, &Item)| {
        size(key) + item.content.value.len() as u64 + annotations(&item.content)
    };
    Usage { items: items.len() as u64, size_bytes: items.iter().map(item).sum() }
}

fn summary(namespace: &Namespace) -> CommittedVersion {
    let VersionInfo { version, added, changed, deleted, .. } = namespace.newest;
    CommittedVersion { namespace: namespace.newest.namespace.clone(), version, added, changed, deleted }
}

fn committed(versions: Vec<CommittedVersion>, stamp: &Stamp<'_>) -> ConfigOutcome {
    let (revision, time_ms) = (stamp.revision, stamp.time_ms);
    ConfigOutcome::Committed(Committed { versions, revision, time_ms })
}
