//! `conclave config describe`: all that is known of a namespace beside its items.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use conclave_client::config::{Defaults, GetDefaultsRequest, GetNamespaceRequest, Namespace};
use serde::Serialize;

use super::bounds::BoundsView;
use super::consistency;
use super::tag::{self, TagView};
use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::output::Report;
use crate::cli::session::Session;
use crate::cli::text::{self, grouped};

/// Show what is known of a namespace: owner, labels, use, bounds and tags
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave config describe payments/prod
  conclave config describe payments/prod --output json | jq .usage.items")]
pub(in crate::cli) struct DescribeArgs {
    /// The namespace
    namespace: String,
    /// Read what the node has, without asking the leader: fast, perhaps stale
    #[arg(long)]
    local: bool,
}

impl DescribeArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let request =
            GetNamespaceRequest { namespace: self.namespace.clone(), consistency: consistency(self.local) };
        let namespace = session.client.get_namespace(request).await?.namespace.unwrap_or_default();
        let request = GetDefaultsRequest { consistency: consistency(self.local) };
        let defaults = session.client.get_defaults(request).await?.defaults.unwrap_or_default();
        let tags = tag::all(session, &self.namespace, self.local).await?;
        session.output.show(&NamespaceDescription::of(namespace, &defaults, tags))
    }
}

/// A namespace in full.
#[derive(Debug, Serialize)]
struct NamespaceDescription {
    name: String,
    version: u64,
    revision: u64,
    time: String,
    description: String,
    owner: String,
    labels: BTreeMap<String, String>,
    oldest_version: u64,
    usage: UsageView,
    /// What holds. None: no bound.
    bounds: BoundsView,
    /// What the namespace says itself. None: it follows the defaults; 0: no bound.
    own_bounds: BoundsView,
    tags: Vec<TagView>,
}

#[derive(Debug, Serialize)]
struct UsageView {
    items: u64,
    size_bytes: u64,
}

impl NamespaceDescription {
    fn of(namespace: Namespace, defaults: &Defaults, tags: Vec<TagView>) -> Self {
        let own_bounds = BoundsView::said(namespace.retention, namespace.quota);
        let usage = namespace.usage.unwrap_or_default();
        Self {
            version: namespace.version,
            revision: namespace.revision,
            time: text::time(namespace.time_ms),
            oldest_version: namespace.oldest_version,
            usage: UsageView { items: usage.items, size_bytes: usage.size_bytes },
            bounds: own_bounds.or(BoundsView::of_defaults(defaults)),
            own_bounds,
            name: namespace.name,
            description: namespace.description,
            owner: namespace.owner,
            labels: namespace.labels,
            tags,
        }
    }

    /// What is kept, and for how long.
    fn kept(&self) -> String {
        let BoundsView { keep_versions, keep_days, .. } = self.bounds;
        format!(
            "{} versions{}, and all of {} days{}",
            grouped(keep_versions.unwrap_or_default()),
            by_default(self.own_bounds.keep_versions),
            grouped(keep_days.unwrap_or_default().into()),
            by_default(self.own_bounds.keep_days),
        )
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let labels = self.labels.iter().map(|(name, value)| format!("{name}={value}"));
        let tags = self.tags.iter().map(|tag| format!("{} ({})", tag.name, tag.version));
        let line = |text: &str| text::one_line(text, usize::MAX);
        let BoundsView { max_items, max_bytes, max_versions_per_minute, .. } = self.bounds;
        let own = self.own_bounds;
        vec![
            ("changed", format!("{} (revision {})", self.time, self.revision)),
            ("description", line(&self.description)),
            ("owner", line(&self.owner)),
            ("labels", line(&labels.collect::<Vec<_>>().join(", "))),
            ("items", of(self.usage.items, max_items, by_default(own.max_items))),
            ("bytes", of(self.usage.size_bytes, max_bytes, by_default(own.max_bytes))),
            ("a minute", minute(max_versions_per_minute, by_default(own.max_versions_per_minute))),
            ("kept", self.kept()),
            ("oldest", format!("version {}", self.oldest_version)),
            ("tags", line(&tags.collect::<Vec<_>>().join(", "))),
        ]
    }
}

fn by_default<T>(own: Option<T>) -> &'static str {
    if own.is_some() { "" } else { " (default)" }
}

fn of(used: u64, bound: Option<u64>, default: &str) -> String {
    match bound {
        Some(bound) => format!("{} of at most {}{default}", grouped(used), grouped(bound)),
        None => grouped(used),
    }
}

fn minute(bound: Option<u32>, default: &str) -> String {
    bound.map_or_else(String::new, |bound| format!("at most {} versions{default}", grouped(bound.into())))
}

impl Report for NamespaceDescription {
    fn text(&self, paint: Paint) -> String {
        let name = text::one_line(&self.name, usize::MAX);
        let mut text = paint.heading(&format!("{name} version {}", self.version)) + "\n";
        for (name, value) in self.lines().into_iter().filter(|(_, value)| !value.is_empty()) {
            let _ = writeln!(text, "{name:<12} {value}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use conclave_client::config::{Quota, Retention, Usage};

    use super::*;

    fn description() -> NamespaceDescription {
        let namespace = Namespace {
            name: "payments/prod".into(),
            version: 12,
            revision: 120,
            owner: "team-payments".into(),
            labels: BTreeMap::from([("tier".into(), "1".into()), ("a".into(), "b".into())]),
            retention: Some(Retention { versions: Some(50), days: None }),
            quota: Some(Quota { items_max: Some(0), ..Quota::default() }),
            usage: Some(Usage { items: 1_200, size_bytes: 70_000 }),
            oldest_version: 3,
            ..Namespace::default()
        };
        let defaults = Defaults {
            retention: Some(Retention { versions: Some(1_000), days: Some(90) }),
            quota: Some(Quota {
                items_max: Some(9),
                size_bytes_max: Some(100_000),
                versions_per_minute_max: None,
            }),
            namespaces_max: None,
        };
        NamespaceDescription::of(namespace, &defaults, Vec::new())
    }

    #[test]
    fn the_text_says_what_holds_and_what_is_default() {
        let expected = "\
payments/prod version 12
changed      1970-01-01T00:00:00.000Z (revision 120)
owner        team-payments
labels       a=b, tier=1
items        1,200
bytes        70,000 of at most 100,000 (default)
kept         50 versions, and all of 90 days (default)
oldest       version 3
";
        assert_eq!(description().text(Paint::PLAIN), expected);
    }

    #[test]
    fn programs_get_what_holds_and_what_was_said() {
        let json = serde_json::to_value(description()).expect("plain data");
        assert_eq!(
            (json["bounds"]["keep_versions"].as_u64(), json["own_bounds"]["keep_days"].is_null()),
            (Some(50), true)
        );
        assert_eq!(
            (json["bounds"]["max_items"].is_null(), json["own_bounds"]["max_items"].as_u64()),
            (true, Some(0))
        );
        assert_eq!(json["usage"]["items"].as_u64(), Some(1_200));
    }
}
