//! `conclave config update`: changes what is known of a namespace beside its items.

use std::collections::{BTreeMap, BTreeSet};

use conclave_client::config::{GetNamespaceRequest, Labels, Namespace, UpdateNamespaceRequest};
use serde::Serialize;

use super::WriteArgs;
use super::assignment::Assignment;
use super::bounds::{BoundsArgs, BoundsView};
use super::list::NamespaceReport;
use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::output::Report;
use crate::cli::session::Session;
use crate::cli::text;

/// How much of a setting is told.
const VALUE_CHARS_MAX: usize = 80;

/// Change a namespace's description, owner, labels, retention or quota; that makes no version
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave config update payments/prod --owner team-payments --label tier=1
  conclave config update payments/prod --remove-label tier --description \"what the payment service reads\"
  conclave config update payments/prod --keep-versions 200 --keep-days 30
  conclave config update payments/prod --max-items 5000 --max-bytes 16MiB
  conclave config update payments/prod --max-versions-per-minute none
  conclave config update payments/prod --keep-days default

What is not given stays as it is; `conclave config describe` shows it.")]
pub(in crate::cli) struct UpdateArgs {
    /// The namespace
    namespace: String,
    /// What the namespace is for
    #[arg(long)]
    description: Option<String>,
    /// Who answers for it
    #[arg(long)]
    owner: Option<String>,
    /// Set a label; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    label: Vec<Assignment>,
    /// Take a label away; may be given several times
    #[arg(long, value_name = "NAME")]
    remove_label: Vec<String>,
    #[command(flatten)]
    bounds: BoundsArgs,
    #[command(flatten)]
    write: WriteArgs,
}

impl UpdateArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let changes_labels = !self.label.is_empty() || !self.remove_label.is_empty();
        if self.description.is_none() && self.owner.is_none() && !changes_labels && self.bounds.is_empty() {
            return Err(Failure::usage("nothing is to be changed: say what, as --help shows"));
        }
        let request =
            GetNamespaceRequest { namespace: self.namespace.clone(), ..GetNamespaceRequest::default() };
        let now = session.client.get_namespace(request).await?.namespace.unwrap_or_default();
        let authorship = session.authorship(&self.write);
        let request = UpdateNamespaceRequest { authorship: Some(authorship), ..self.request(&now)? };
        let answer = session.client.update_namespace(request).await?;
        session.output.show(&UpdateReport::of(&now, answer.namespace.unwrap_or_default()))
    }

    /// What changes the namespace as it is now.
    fn request(self, now: &Namespace) -> Result<UpdateNamespaceRequest, Failure> {
        let changes_labels = !self.label.is_empty() || !self.remove_label.is_empty();
        let labels = if changes_labels { Some(self.labels(now.labels.clone())?) } else { None };
        Ok(UpdateNamespaceRequest {
            retention: self.bounds.retention(now.retention),
            quota: self.bounds.quota(now.quota),
            namespace: self.namespace,
            description: self.description,
            owner: self.owner,
            labels: labels.map(|labels| Labels { labels }),
            authorship: None,
        })
    }

    fn labels(&self, mut labels: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Failure> {
        for name in &self.remove_label {
            if labels.remove(name).is_none() {
                return Err(Failure::usage(format!("{} has no label {name:?}", self.namespace)));
            }
        }
        labels.extend(self.label.iter().map(|label| (label.key.clone(), label.value.clone())));
        Ok(labels)
    }
}

/// The namespace after the change, and what is another than before.
#[derive(Debug, Serialize)]
struct UpdateReport {
    #[serde(flatten)]
    namespace: NamespaceReport,
    changed: Vec<Change>,
}

/// A setting that is another than before. None: it is not set.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Change {
    what: String,
    before: Option<String>,
    after: Option<String>,
}

impl UpdateReport {
    fn of(before: &Namespace, after: Namespace) -> Self {
        let (before, now) = (settings(before), settings(&after));
        let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
        let changes = names.into_iter().filter(|name| before.get(*name) != now.get(*name));
        let changed = changes.map(|name| Change {
            what: name.clone(),
            before: before.get(name).cloned(),
            after: now.get(name).cloned(),
        });
        Self { changed: changed.collect(), namespace: after.into() }
    }
}

/// All that an update can change, by the names of the flags. What is not set is left out.
fn settings(namespace: &Namespace) -> BTreeMap<String, String> {
    let bounds = BoundsView::said(namespace.retention, namespace.quota);
    let number = |bound: Option<u64>| bound.map(|bound| bound.to_string());
    let most =
        |bound: Option<u64>| bound.map(|bound| if bound == 0 { "none".into() } else { bound.to_string() });
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let known = [
        ("description", text(&namespace.description)),
        ("owner", text(&namespace.owner)),
        ("keep-versions", number(bounds.keep_versions)),
        ("keep-days", number(bounds.keep_days.map(u64::from))),
        ("max-items", most(bounds.max_items)),
        ("max-bytes", most(bounds.max_bytes)),
        ("max-versions-per-minute", most(bounds.max_versions_per_minute.map(u64::from))),
    ];
    let known = known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let labels = namespace.labels.iter().map(|(name, value)| (format!("label {name}"), value.clone()));
    known.chain(labels).collect()
}

impl Report for UpdateReport {
    fn text(&self, paint: Paint) -> String {
        let mut told = self.namespace.text(paint);
        if self.changed.is_empty() {
            told += "  nothing is another than before\n";
        }
        for Change { what, before, after } in &self.changed {
            let value = |value: &Option<String>| {
                value.as_ref().map_or("(not set)".into(), |value| text::one_line(value, VALUE_CHARS_MAX))
            };
            let what = text::one_line(what, VALUE_CHARS_MAX);
            told += &format!("  {what}: {} -> {}\n", value(before), value(after));
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};
    use conclave_client::config::{Quota, Retention};

    use super::*;

    fn parse(args: &[&str]) -> UpdateArgs {
        let command = UpdateArgs::augment_args(clap::Command::new("update"));
        let matches = command.try_get_matches_from([&["update", "ns"], args].concat()).expect("right");
        UpdateArgs::from_arg_matches(&matches).expect("right")
    }

    fn now() -> Namespace {
        let labels = BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
        let retention = Some(Retention { versions: Some(5), days: Some(6) });
        Namespace { labels, retention, ..Namespace::default() }
    }

    #[test]
    fn only_what_is_said_is_asked_for() {
        let request = parse(&["--owner", "team"]).request(&now()).expect("right");
        let expected = UpdateNamespaceRequest {
            namespace: "ns".into(),
            owner: Some("team".into()),
            ..Default::default()
        };
        assert_eq!(request, expected);
        let request = parse(&["--keep-days", "default"]).request(&now()).expect("right");
        assert_eq!(request.retention, Some(Retention { versions: Some(5), days: None }));
    }

    #[test]
    fn what_is_another_than_before_is_told() {
        let after = Namespace {
            owner: "team".into(),
            labels: BTreeMap::from([("b".to_owned(), "3".to_owned())]),
            retention: Some(Retention { versions: Some(5), days: None }),
            quota: Some(Quota { items_max: Some(0), ..Quota::default() }),
            ..now()
        };
        let expected = " version 0 (revision 0)
  keep-days: 6 -> (not set)
  label a: 1 -> (not set)
  label b: 2 -> 3
  max-items: (not set) -> none
  owner: (not set) -> team
";
        assert_eq!(UpdateReport::of(&now(), after).text(Paint::PLAIN), expected);
        let same = UpdateReport::of(&now(), now()).text(Paint::PLAIN);
        assert!(same.ends_with("nothing is another than before\n"), "{same}");
    }

    #[test]
    fn labels_are_set_and_taken_away_one_by_one() {
        let request = parse(&["--label", "c=3", "--label", "b=x", "--remove-label", "a"]).request(&now());
        let labels = request.expect("right").labels.expect("they change").labels;
        let expected = BTreeMap::from([("b".to_owned(), "x".to_owned()), ("c".to_owned(), "3".to_owned())]);
        assert_eq!(labels, expected);
        parse(&["--remove-label", "z"]).request(&now()).expect_err("it has none");
    }
}
