//! `conclave config defaults`: what holds for namespaces that do not say otherwise.

use std::fmt::Write as _;

use conclave_client::config::{Defaults, GetDefaultsRequest, Quota, Retention, UpdateDefaultsRequest};
use serde::Serialize;

use super::WriteArgs;
use super::bounds::{BoundsArgs, BoundsView};
use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::output::Report;
use crate::cli::session::Session;
use crate::cli::text::grouped;

/// Show or change what holds for namespaces that do not say otherwise
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave config defaults
  conclave config defaults set --keep-versions 500 --max-namespaces 2000")]
pub(in crate::cli) struct DefaultsArgs {
    #[command(subcommand)]
    command: Option<DefaultsCommand>,
}

#[derive(Debug, clap::Subcommand)]
enum DefaultsCommand {
    Show(ShowArgs),
    Set(SetArgs),
}

impl DefaultsArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        match self.command {
            None | Some(DefaultsCommand::Show(_)) => show(session).await,
            Some(DefaultsCommand::Set(args)) => args.run(session).await,
        }
    }
}

/// Show the defaults
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  conclave config defaults show --output json")]
struct ShowArgs {}

async fn show(session: &mut Session) -> Result<(), Failure> {
    let answer = session.client.get_defaults(GetDefaultsRequest::default()).await?;
    let defaults = answer.defaults.unwrap_or_default();
    session.output.show(&DefaultsReport::of(&defaults, Some(answer.namespaces)))
}

/// Change the defaults; "default" means what a new cluster has
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave config defaults set --keep-versions 500 --keep-days 30
  conclave config defaults set --max-items 10000 --max-namespaces none")]
struct SetArgs {
    #[command(flatten)]
    bounds: BoundsArgs,
    /// Most namespaces; "none": no bound
    #[arg(long, value_name = "COUNT", value_parser = namespaces)]
    max_namespaces: Option<u64>,
    #[command(flatten)]
    write: WriteArgs,
}

impl SetArgs {
    async fn run(self, session: &mut Session) -> Result<(), Failure> {
        if self.bounds.is_empty() && self.max_namespaces.is_none() {
            return Err(Failure::usage("nothing is to be changed: say what, as --help shows"));
        }
        let now =
            session.client.get_defaults(GetDefaultsRequest::default()).await?.defaults.unwrap_or_default();
        let request = UpdateDefaultsRequest {
            defaults: Some(self.defaults(now)),
            authorship: Some(session.authorship(&self.write)),
        };
        let answer = session.client.update_defaults(request).await?;
        session.output.show(&DefaultsReport::of(&answer.defaults.unwrap_or_default(), None))
    }

    /// The parts that change, each whole.
    fn defaults(&self, now: Defaults) -> Defaults {
        let retention = self.bounds.retention(now.retention).map(|it| Retention {
            versions: it.versions.or(Some(VERSIONS_AT_FIRST)),
            days: it.days.or(Some(DAYS_AT_FIRST)),
        });
        let quota = self.bounds.quota(now.quota).map(|it| Quota {
            items_max: it.items_max.or(Some(0)),
            size_bytes_max: it.size_bytes_max.or(Some(0)),
            versions_per_minute_max: it.versions_per_minute_max.or(Some(0)),
        });
        Defaults { retention, quota, namespaces_max: self.max_namespaces }
    }
}

/// What a new cluster keeps; it has no quotas.
const VERSIONS_AT_FIRST: u64 = 1_000;
const DAYS_AT_FIRST: u32 = 90;

fn namespaces(text: &str) -> Result<u64, String> {
    let number = if text == "none" { Some(0) } else { text.parse().ok().filter(|number| *number != 0) };
    number.ok_or_else(|| "a number from 1 or \"none\" is wanted".into())
}

#[derive(Debug, Serialize)]
struct DefaultsReport {
    /// None: no bound.
    #[serde(flatten)]
    bounds: BoundsView,
    /// None: no bound.
    max_namespaces: Option<u64>,
    /// How many there are, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    namespaces: Option<u64>,
}

impl DefaultsReport {
    fn of(defaults: &Defaults, namespaces: Option<u64>) -> Self {
        Self {
            bounds: BoundsView::of_defaults(defaults).or(BoundsView::default()),
            max_namespaces: defaults.namespaces_max.filter(|bound| *bound != 0),
            namespaces,
        }
    }
}

impl Report for DefaultsReport {
    fn text(&self, _: Paint) -> String {
        let bound = |number: Option<u64>| number.map_or_else(|| "no bound".to_owned(), grouped);
        let BoundsView { keep_versions, keep_days, max_items, max_bytes, max_versions_per_minute } =
            self.bounds;
        let there_are = |count| format!(" ({} now)", grouped(count));
        let now = self.namespaces.map(there_are).unwrap_or_default();
        let mut text = String::new();
        for (name, value) in [
            ("versions kept", bound(keep_versions)),
            ("days kept", bound(keep_days.map(u64::from))),
            ("most items", bound(max_items)),
            ("most bytes", bound(max_bytes)),
            ("most versions a minute", bound(max_versions_per_minute.map(u64::from))),
            ("most namespaces", bound(self.max_namespaces) + &now),
        ] {
            let _ = writeln!(text, "{name:<22}  {value}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    fn defaults() -> Defaults {
        let retention = Some(Retention { versions: Some(500), days: Some(30) });
        Defaults {
            retention,
            quota: Some(Quota { items_max: Some(9), ..Quota::default() }),
            namespaces_max: Some(0),
        }
    }

    fn changed(args: &[&str]) -> Defaults {
        let command = SetArgs::augment_args(clap::Command::new("set"));
        let matches = command.try_get_matches_from([&["set"], args].concat()).expect("right");
        SetArgs::from_arg_matches(&matches).expect("right").defaults(defaults())
    }

    #[test]
    fn a_part_is_sent_whole_and_only_if_it_changes() {
        let retention = Some(Retention { versions: Some(1_000), days: Some(30) });
        assert_eq!(changed(&["--keep-versions", "default"]), Defaults { retention, ..Defaults::default() });
        let quota = Quota { items_max: Some(9), size_bytes_max: Some(0), versions_per_minute_max: Some(7) };
        assert_eq!(changed(&["--max-versions-per-minute", "7"]).quota, Some(quota));
        assert_eq!(changed(&["--max-namespaces", "none"]).namespaces_max, Some(0));
    }

    #[test]
    fn the_text_names_every_bound() {
        let expected = "\
versions kept           500
days kept               30
most items              9
most bytes              no bound
most versions a minute  no bound
most namespaces         no bound (1,234 now)
";
        assert_eq!(DefaultsReport::of(&defaults(), Some(1_234)).text(Paint::PLAIN), expected);
    }
}
