//! What is known of a namespace beside its items, and what holds for namespaces that do not say otherwise.
//!
//! Both are ordinary versioned keys; changing them makes no version of the namespace.

use std::collections::BTreeMap;

use bytes::Bytes;
use conclave_mvcc::{KeyRange, MapError, ReadMap, Record, Revision, Transaction, get_at};
use serde::{Deserialize, Serialize};

use super::command::{
    Authorship, Defaults, Quota, Retention, SettingsChange, UpdateDefaults, UpdateNamespace,
};
use super::head::Head;
use super::info;
use super::keys::{DEFAULTS, all_settings, settings_key};
use super::outcome::ConfigOutcome;
use super::present;
use crate::encoding::{decode, encode};
use crate::names::NamespaceName;
use crate::stop::Stop;

const FORMAT: u8 = 1;

/// What holds until something else is set.
const BUILT_IN: Defaults = Defaults {
    retention: Retention { versions: Some(1_000), days: Some(90) },
    quota: Quota { items_max: Some(0), size_bytes_max: Some(0), versions_per_minute_max: Some(0) },
    namespaces_max: Some(0),
};

/// What is known of a namespace beside its items.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) description: String,
    pub(crate) owner: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) retention: Retention,
    pub(crate) quota: Quota,
    pub(crate) author: String,
    pub(crate) message: String,
    pub(crate) time_ms: i64,
}

impl Settings {
    /// Those of a namespace; empty ones if it never had any.
    pub(crate) fn find(view: &dyn ReadMap, namespace: &NamespaceName) -> Result<Self, MapError> {
        let record = get_at(view, &settings_key(namespace), Revision::MAX)?;
        record.as_ref().map(Self::decode).transpose().map(Option::unwrap_or_default)
    }

    /// Takes them from a namespace: it is as if it never had any.
    pub(crate) fn clear(
        transaction: &mut Transaction<'_>,
        namespace: &NamespaceName,
    ) -> Result<(), MapError> {
        let key = settings_key(namespace);
        if transaction.get(&key)?.is_none() {
            return Ok(());
        }
        present::delete(transaction, &all_settings(), key)
    }

    fn decode(record: &Record) -> Result<Self, MapError> {
        decode(FORMAT, &record.value).map_err(|error| MapError::new(format_args!("settings: {error}")))
    }

    /// The same with what the change sets.
    pub(crate) fn with(mut self, change: &SettingsChange) -> Self {
        let SettingsChange { description, owner, labels, retention, quota } = change.clone();
        set(&mut self.description, description);
        set(&mut self.owner, owner);
        set(&mut self.labels, labels);
        set(&mut self.retention, retention);
        set(&mut self.quota, quota);
        self
    }

    /// Writes them, as of this author and time.
    pub(crate) fn write(
        &mut self,
        transaction: &mut Transaction<'_>,
        namespace: &NamespaceName,
        (authorship, time_ms): (&Authorship, i64),
    ) -> Result<(), MapError> {
        (self.author, self.message) = (authorship.author.clone(), authorship.message.clone());
        self.time_ms = time_ms;
        present::put(transaction, &all_settings(), settings_key(namespace), encode(FORMAT, self))
    }
}

fn set<T>(field: &mut T, change: Option<T>) {
    if let Some(value) = change {
        *field = value;
    }
}

/// Changes a namespace's settings, if they are not so already.
pub(crate) fn update(
    transaction: &mut Transaction<'_>,
    update: &UpdateNamespace,
    time_ms: i64,
) -> Result<ConfigOutcome, Stop> {
    let UpdateNamespace { namespace, settings, authorship } = update;
    let (head, revision) = Head::at(transaction.view(), namespace, Revision::MAX)?;
    let head = head.alive(namespace)?;
    let present = Settings::find(transaction.view(), namespace)?;
    let mut changed = present.clone().with(settings);
    if changed != present {
        changed.write(transaction, namespace, (authorship, time_ms))?;
    }
    let info = info::of(transaction.view(), namespace.clone(), (head, revision), changed)?;
    Ok(ConfigOutcome::Updated(info))
}

/// Changes the defaults, if they are not so already.
pub(crate) fn update_defaults(
    transaction: &mut Transaction<'_>,
    update: &UpdateDefaults,
) -> Result<ConfigOutcome, Stop> {
    let Defaults { retention, quota, namespaces_max } = update.defaults;
    let present = defaults(transaction.view())?;
    let changed = Defaults {
        retention: merged_retention(retention, present.retention),
        quota: merged_quota(quota, present.quota),
        namespaces_max: namespaces_max.or(present.namespaces_max),
    };
    if changed != present {
        let key = Bytes::from_static(DEFAULTS);
        present::put(transaction, &KeyRange::single(key.clone()), key, encode(FORMAT, &changed))?;
    }
    Ok(ConfigOutcome::DefaultsUpdated(changed))
}

/// The defaults, complete.
pub(crate) fn defaults(view: &dyn ReadMap) -> Result<Defaults, MapError> {
    match get_at(view, DEFAULTS, Revision::MAX)? {
        None => Ok(BUILT_IN),
        Some(record) => decode_defaults(&record),
    }
}

fn decode_defaults(record: &Record) -> Result<Defaults, MapError> {
    decode(FORMAT, &record.value).map_err(|error| MapError::new(format_args!("defaults: {error}")))
}

/// How long the versions of a namespace are kept: what it says, else what the defaults say.
pub(crate) fn retention(view: &dyn ReadMap, namespace: &NamespaceName) -> Result<Retention, MapError> {
    Ok(merged_retention(Settings::find(view, namespace)?.retention, defaults(view)?.retention))
}

/// What a namespace may hold: what it says, else what the defaults say. Every commit asks.
pub(crate) fn quota(transaction: &mut Transaction<'_>, namespace: &NamespaceName) -> Result<Quota, MapError> {
    let said = match transaction.get(&settings_key(namespace))? {
        Some(record) => Settings::decode(record)?.quota,
        None => Quota::default(),
    };
    let defaults = match transaction.get(&Bytes::from_static(DEFAULTS))? {
        Some(record) => decode_defaults(record)?,
        None => BUILT_IN,
    };
    Ok(merged_quota(said, defaults.quota))
}

fn merged_retention(said: Retention, otherwise: Retention) -> Retention {
    Retention { versions: said.versions.or(otherwise.versions), days: said.days.or(otherwise.days) }
}

fn merged_quota(said: Quota, otherwise: Quota) -> Quota {
    Quota {
        items_max: said.items_max.or(otherwise.items_max),
        size_bytes_max: said.size_bytes_max.or(otherwise.size_bytes_max),
        versions_per_minute_max: said.versions_per_minute_max.or(otherwise.versions_per_minute_max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        let settings = Settings {
            description: "what for".into(),
            owner: "team".into(),
            labels: [("a".into(), "1".into())].into(),
            retention: Retention { versions: Some(300), days: None },
            quota: Quota { items_max: Some(5), size_bytes_max: None, versions_per_minute_max: Some(2) },
            author: "ann".into(),
            message: "why".into(),
            time_ms: 1_000,
        };
        let golden = b"\x01\x08what for\x04team\x01\x01a\x011\x01\xac\x02\x00\x01\x05\x00\x01\x02\x03ann\x03why\xd0\x0f";
        assert_eq!(encode(FORMAT, &settings).as_ref(), golden);
        let golden = b"\x01\x01\xe8\x07\x01\x5a\x01\x00\x01\x00\x01\x00\x01\x00";
        assert_eq!(encode(FORMAT, &BUILT_IN).as_ref(), golden);
    }

    #[test]
    fn what_is_not_said_follows_the_defaults() {
        let said = Retention { versions: None, days: Some(0) };
        let expected = Retention { versions: Some(1_000), days: Some(0) };
        assert_eq!(merged_retention(said, BUILT_IN.retention), expected);
    }
}
