//! `conclave config update`: changes what is known of a namespace beside its items.

use std::collections::BTreeMap;

use conclave_client::config::{GetNamespaceRequest, Labels, Namespace, UpdateNamespaceRequest};

use super::WriteArgs;
use super::assignment::Assignment;
use super::bounds::BoundsArgs;
use super::list::NamespaceReport;
use crate::cli::errors::Failure;
use crate::cli::session::Session;

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
        session.output.show(&NamespaceReport::from(answer.namespace.unwrap_or_default()))
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

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};
    use conclave_client::config::Retention;

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
    fn labels_are_set_and_taken_away_one_by_one() {
        let request = parse(&["--label", "c=3", "--label", "b=x", "--remove-label", "a"]).request(&now());
        let labels = request.expect("right").labels.expect("they change").labels;
        let expected = BTreeMap::from([("b".to_owned(), "x".to_owned()), ("c".to_owned(), "3".to_owned())]);
        assert_eq!(labels, expected);
        parse(&["--remove-label", "z"]).request(&now()).expect_err("it has none");
    }
}
