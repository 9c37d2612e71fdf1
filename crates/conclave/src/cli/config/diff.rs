//! `conclave config diff`: what differs between two versions.

use conclave_client::Differences;
use conclave_client::config::DiffRequest;
use serde::Serialize;

use super::moment::{MomentArgs, Point};
use super::views::{ChangeView, Kind};
use super::{change_text, commit_report, consistency};
use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::output::Report;
use crate::cli::session::Session;
use crate::cli::text;

/// Show what differs between two versions of a namespace
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave config diff payments/prod 3 5
  conclave config diff payments/prod 3
  conclave config diff payments/prod stable
  conclave config diff payments/prod --at-time 2026-02-28T17:00:00Z
  conclave config diff payments/prod snapshot:before-upgrade 12
  conclave config diff payments/prod 0 1 --prefix db.
  conclave config diff payments/prod 3 5 --output json | jq -r '.changes[].key'

A number is a version and any other word a tag; tag:, revision:, snapshot: and time: say what follows.")]
pub(in crate::cli) struct DiffArgs {
    /// The namespace; a deleted one still has its versions
    namespace: String,
    /// The version or tag to compare from; 0: the empty namespace
    #[arg(required_unless_present = "moment", conflicts_with = "moment")]
    from: Option<Point>,
    /// The version or tag to compare with [default: the newest]
    #[arg(value_parser = Point::existing)]
    to: Option<Point>,
    #[command(flatten)]
    moment: MomentArgs,
    /// Only items whose keys begin with this
    #[arg(long, value_name = "KEY_PREFIX", default_value_t, hide_default_value = true)]
    prefix: String,
    /// Read what the node has, without asking the leader: fast, perhaps stale
    #[arg(long)]
    local: bool,
}

impl DiffArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let from = self.from.or(self.moment.point()).unwrap_or(Point::Version(0));
        let from_version = from.version(session, &self.namespace).await?;
        let to_version = match &self.to {
            Some(to) => to.version(session, &self.namespace).await?,
            None => 0,
        };
        let request = DiffRequest {
            namespace: self.namespace.clone(),
            from_version,
            to_version,
            key_prefix: self.prefix,
            consistency: consistency(self.local),
            ..DiffRequest::default()
        };
        let differences = session.client.diff_all(request).await?;
        session.output.show(&DiffReport::of(self.namespace, differences))
    }
}

#[derive(Debug, Serialize)]
struct DiffReport {
    namespace: String,
    from_version: u64,
    to_version: u64,
    changes: Vec<ChangeView>,
}

impl DiffReport {
    fn of(namespace: String, differences: Differences) -> Self {
        let Differences { changes, from_version, to_version } = differences;
        Self {
            namespace,
            from_version,
            to_version,
            changes: changes.into_iter().map(ChangeView::from).collect(),
        }
    }

    fn count(&self, kind: Kind) -> u32 {
        u32::try_from(self.changes.iter().filter(|change| change.kind == kind).count()).unwrap_or(u32::MAX)
    }
}

impl Report for DiffReport {
    fn text(&self, paint: Paint) -> String {
        let [added, changed, deleted] =
            [Kind::Added, Kind::Changed, Kind::Deleted].map(|kind| self.count(kind));
        let name = text::one_line(&self.namespace, usize::MAX);
        let heading = paint.heading(&format!("{name} version {} -> {}", self.from_version, self.to_version));
        let counts = commit_report::counts(added, changed, deleted);
        format!("{heading}: {counts}\n{}", change_text::changes(&self.changes, paint, ""))
    }
}

#[cfg(test)]
mod tests {
    use super::super::views::samples::change;
    use super::*;

    fn report() -> DiffReport {
        let changes = vec![change("a", None, Some("1")), change("b", Some("1"), Some("2"))];
        DiffReport::of("ns".into(), Differences { changes, from_version: 3, to_version: 5 })
    }

    #[test]
    fn the_text_says_which_versions_and_what_changed() {
        let expected = "ns version 3 -> 5: 1 added, 1 changed\n+ a: 1\n~ b\n    - 1\n    + 2\n";
        assert_eq!(report().text(Paint::PLAIN), expected);
    }

    #[test]
    fn json_holds_both_sides() {
        let json = serde_json::to_value(report()).expect("plain data");
        assert_eq!((json["from_version"].as_u64(), json["to_version"].as_u64()), (Some(3), Some(5)));
        assert_eq!(json["changes"][1]["before"]["value"], "1");
        assert_eq!(json["changes"][1]["after"]["value"], "2");
    }
}
