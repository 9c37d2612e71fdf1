//! Settings, tags and defaults in the naive model.

use std::collections::BTreeMap;

use conclave_core::config::{
    Authorship, ConfigOutcome, DeleteTag, Quota, SetTag, SettingsChange, TagInfo, UpdateNamespace,
};
use conclave_core::{NamespaceName, PinName, QuotaKind, Rejection, Version};
use conclave_mvcc::Revision;

use crate::world::{Done, Items, Namespace, Stamp, World, info, not_found, usage};

/// What is known of a namespace beside its versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Beside {
    pub(crate) description: String,
    pub(crate) quota: Quota,
    pub(crate) tags: BTreeMap<PinName, TagInfo>,
    /// When any of it was changed last.
    pub(crate) changed: Revision,
}

impl Beside {
    pub(crate) fn set(&mut self, settings: &SettingsChange, at: Revision) {
        self.change(settings);
        self.changed = at;
    }

    fn change(&mut self, settings: &SettingsChange) {
        let SettingsChange { description, quota, .. } = settings.clone();
        self.description = description.unwrap_or(self.description.clone());
        self.quota = quota.unwrap_or(self.quota);
    }
}

pub(crate) fn update(world: &mut World, stamp: &Stamp<'_>, update: &UpdateNamespace) -> Done {
    let name = &update.namespace;
    let namespace = world
        .get_mut(name)
        .filter(|namespace| !namespace.newest.deleted_namespace)
        .ok_or_else(|| not_found(name))?;
    let before = namespace.beside.clone();
    namespace.beside.change(&update.settings);
    if namespace.beside != before {
        namespace.beside.changed = stamp.revision;
    }
    Ok(ConfigOutcome::Updated(info(namespace)))
}

pub(crate) fn set_tag(world: &mut World, stamp: &Stamp<'_>, set: &SetTag) -> Done {
    let name = &set.namespace;
    let namespace = world.get_mut(name).ok_or_else(|| not_found(name))?;
    let newest = namespace.newest.version;
    let version = set.version.unwrap_or(newest);
    if version == Version::ZERO || version > newest {
        let (version, newest) = (version.get(), newest.get());
        return Err(Rejection::VersionNotFound { namespace: name.to_string(), version, newest });
    }
    let tags = &mut namespace.beside.tags;
    if let Some(present) = tags.get(&set.tag).filter(|tag| tag.version != version && !set.may_move) {
        let (namespace, tag) = (name.to_string(), set.tag.to_string());
        return Err(Rejection::TagExists { namespace, tag, version: present.version.get() });
    }
    if let Some(present) = tags.get(&set.tag).filter(|tag| tag.version == version) {
        return Ok(ConfigOutcome::Tagged(present.clone()));
    }
    let Authorship { author, message } = stamp.authorship.clone();
    let (time_ms, revision) = (stamp.time_ms, stamp.revision);
    let tag = TagInfo { name: set.tag.clone(), version, author, message, time_ms, revision };
    tags.insert(set.tag.clone(), tag.clone());
    Ok(ConfigOutcome::Tagged(tag))
}

pub(crate) fn delete_tag(world: &mut World, delete: &DeleteTag) -> Done {
    let name = &delete.namespace;
    let namespace = world.get_mut(name).ok_or_else(|| not_found(name))?;
    let tag = namespace.beside.tags.remove(&delete.tag);
    tag.map(ConfigOutcome::Tagged).ok_or_else(|| no_tag(name, &delete.tag))
}

pub(crate) fn no_tag(namespace: &NamespaceName, tag: &PinName) -> Rejection {
    Rejection::TagNotFound { namespace: namespace.to_string(), tag: tag.to_string() }
}

/// Refuses edits that made more items than there may be. The model draws no other quota.
pub(crate) fn check_quota(namespace: &Namespace, before: &Items) -> Result<(), Rejection> {
    let (used, before) = (usage(&namespace.items).items, usage(before).items);
    match namespace.beside.quota.items_max {
        Some(allowed) if allowed > 0 && used > allowed && used > before => Err(Rejection::QuotaExceeded {
            namespace: namespace.newest.namespace.to_string(),
            quota: QuotaKind::Items,
            used,
            allowed,
            retry_after_ms: 0,
        }),
        _ => Ok(()),
    }
}
