//! The requests that change what is known of a namespace beside its items, and the defaults.

use conclave_core::config::{
    ConfigCommand, ConfigOutcome, Defaults, Quota, Retention, SettingsChange, UpdateDefaults, UpdateNamespace,
};
use conclave_door::{Limits, Refusal};
use conclave_proto::config::v1 as wire;

use super::writes::{Write, strange_outcome};
use super::{labels, messages};
use crate::fields::Fields;

/// Most versions that a retention can ask for.
const RETENTION_VERSIONS_MAX: u64 = 1_000_000;
/// Most days that a retention can ask for: a hundred years.
const RETENTION_DAYS_MAX: u32 = 36_500;

pub(crate) fn update_namespace(
    request: wire::UpdateNamespaceRequest,
    limits: &Limits,
) -> Result<Write, Refusal> {
    let mut fields = Fields::new(limits);
    let namespace = fields.namespace("namespace", &request.namespace);
    let settings = SettingsChange {
        description: request.description,
        owner: request.owner,
        labels: request.labels.map(|labels| labels.labels),
        retention: request.retention.map(|retention| self::retention(&mut fields, "retention", retention)),
        quota: request.quota.map(quota),
    };
    check(&mut fields, &settings);
    let authorship = fields.authorship(request.authorship);
    let write = namespace.zip(authorship).map(|(namespace, (id, authorship))| {
        let update = UpdateNamespace { namespace, settings, authorship };
        Write::new(id, ConfigCommand::UpdateNamespace(update))
    });
    fields.finish(write)
}

pub(crate) fn update_defaults(
    request: wire::UpdateDefaultsRequest,
    limits: &Limits,
) -> Result<Write, Refusal> {
    let mut fields = Fields::new(limits);
    let wire::Defaults { retention, quota, namespaces_max } = request.defaults.unwrap_or_default();
    let defaults = Defaults {
        retention: self::retention(&mut fields, "defaults.retention", retention.unwrap_or_default()),
        quota: self::quota(quota.unwrap_or_default()),
        namespaces_max,
    };
    let write = fields.authorship(request.authorship).map(|(id, authorship)| {
        Write::new(id, ConfigCommand::UpdateDefaults(UpdateDefaults { defaults, authorship }))
    });
    fields.finish(write)
}

/// The settings that a new namespace is made with.
pub(super) fn of_new(fields: &mut Fields<'_>, request: &wire::CreateNamespaceRequest) -> SettingsChange {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let settings = SettingsChange {
        description: text(&request.description),
        owner: text(&request.owner),
        labels: Some(request.labels.clone()).filter(|labels| !labels.is_empty()),
        retention: request.retention.map(|retention| self::retention(fields, "retention", retention)),
        quota: request.quota.map(quota),
    };
    check(fields, &settings);
    settings
}

pub(crate) fn update_response(outcome: ConfigOutcome) -> Result<wire::UpdateNamespaceResponse, Refusal> {
    match outcome {
        ConfigOutcome::Updated(info) => {
            Ok(wire::UpdateNamespaceResponse { namespace: Some(messages::namespace(info)) })
        }
        _ => Err(strange_outcome()),
    }
}

pub(crate) fn defaults_response(outcome: ConfigOutcome) -> Result<wire::UpdateDefaultsResponse, Refusal> {
    match outcome {
        ConfigOutcome::DefaultsUpdated(defaults) => {
            Ok(wire::UpdateDefaultsResponse { defaults: Some(messages::defaults(defaults)) })
        }
        _ => Err(strange_outcome()),
    }
}

fn check(fields: &mut Fields<'_>, settings: &SettingsChange) {
    let size = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    fields.size("description", size(&settings.description), fields.limits.message_size_bytes_max);
    fields.size("owner", size(&settings.owner), Limits::OWNER_SIZE_BYTES_MAX);
    if let Some(labels) = &settings.labels {
        labels::check(fields, format_args!("labels"), labels);
    }
}

fn retention(fields: &mut Fields<'_>, field: &str, retention: wire::Retention) -> Retention {
    let wire::Retention { versions, days } = retention;
    if versions.is_some_and(|versions| !(1..=RETENTION_VERSIONS_MAX).contains(&versions)) {
        let what = format_args!("it is not within 1 to {RETENTION_VERSIONS_MAX}");
        fields.refuse(format_args!("{field}.versions"), what);
    }
    if days.is_some_and(|days| days > RETENTION_DAYS_MAX) {
        fields
            .refuse(format_args!("{field}.days"), format_args!("it is not within 0 to {RETENTION_DAYS_MAX}"));
    }
    Retention { versions, days }
}

fn quota(quota: wire::Quota) -> Quota {
    let wire::Quota { items_max, size_bytes_max, versions_per_minute_max } = quota;
    Quota { items_max, size_bytes_max, versions_per_minute_max }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::fields::tests::told;

    #[test]
    fn every_bound_is_checked() {
        let labels: BTreeMap<_, _> = (0..17).map(|n| (format!("l{n}"), String::new())).collect();
        let request = wire::UpdateNamespaceRequest {
            namespace: "a".into(),
            description: Some("d".repeat(4_097)),
            owner: Some("o".repeat(257)),
            labels: Some(wire::Labels { labels }),
            retention: Some(wire::Retention { versions: Some(0), days: Some(36_501) }),
            ..Default::default()
        };
        assert_eq!(
            told(update_namespace(request, &Limits::default())),
            [
                "retention.versions: it is not within 1 to 1000000",
                "retention.days: it is not within 0 to 36500",
                "description: it takes 4097 bytes, of which 4096 are allowed: shorten it",
                "owner: it takes 257 bytes, of which 256 are allowed: shorten it",
                "labels: they are 17, of which 16 are allowed",
            ]
        );
    }

    #[test]
    fn what_is_unset_stays() {
        let request = wire::UpdateNamespaceRequest { namespace: "a".into(), ..Default::default() };
        let write = update_namespace(request, &Limits::default()).unwrap();
        let conclave_core::Command::Config(ConfigCommand::UpdateNamespace(update)) = write.command else {
            panic!("another command");
        };
        assert_eq!(update.settings, SettingsChange::default());
    }
}
