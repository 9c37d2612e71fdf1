//! `conclave config watch`: changes as they happen, for as long as it runs.

use conclave_client::{NamespaceState, Reset, VersionChange, WatchEvent, WatchOptions};
use serde::Serialize;

use super::views::{ChangeView, ItemView, VersionView};
use super::{change_text, commit_report, version_text};
use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::output::Report;
use crate::cli::session::Session;
use crate::cli::text::{self, counted};

/// Print the changes of namespaces as they happen
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave config watch payments/prod
  conclave config watch payments/prod shop/prod --prefix db. --output json
  conclave config watch payments/prod --from-revision 1200

The present state comes first (all items in JSON and YAML, their number in text), unless a revision to \
begin from is given. A watch survives the loss of the node that it is connected to: it goes on at the next \
one, and misses and repeats nothing.")]
pub(in crate::cli) struct WatchArgs {
    /// The namespaces; they must exist
    #[arg(required = true, value_name = "NAMESPACE")]
    namespaces: Vec<String>,
    /// Only items whose keys begin with this
    #[arg(long, value_name = "KEY_PREFIX", default_value_t, hide_default_value = true)]
    prefix: String,
    /// Begin with the changes of this revision: the last one seen plus 1
    #[arg(long, value_name = "REVISION", value_parser = clap::value_parser!(u64).range(1..))]
    from_revision: Option<u64>,
}

impl WatchArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let options = WatchOptions::of(self.namespaces).with_prefix(&self.prefix);
        let options = options.from_revision(self.from_revision.unwrap_or_default());
        let mut watch = session.client.watch(options);
        loop {
            match watch.next().await? {
                WatchEvent::Version(change) => session.output.stream(&EventReport::from(change))?,
                WatchEvent::Reset(reset) => session.output.stream(&EventReport::from(reset))?,
                WatchEvent::Progress { .. } => {}
                WatchEvent::Interrupted { cause } => {
                    let revision = watch.resume_revision();
                    let note = format!("note: {cause}; the watch goes on from revision {revision}");
                    session.output.note(&note);
                }
            }
        }
    }
}

/// One event, as one object.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum EventReport {
    Version {
        namespace: String,
        #[serde(flatten)]
        version: VersionView,
        changes: Vec<ChangeView>,
    },
    Reset {
        revision: u64,
        namespaces: Vec<StateReport>,
    },
}

/// A namespace as it is at a reset.
#[derive(Debug, Serialize)]
struct StateReport {
    namespace: String,
    version: u64,
    deleted: bool,
    items: Vec<ItemView>,
}

impl From<VersionChange> for EventReport {
    fn from(change: VersionChange) -> Self {
        Self::Version {
            namespace: change.namespace,
            version: VersionView::of(change.version, false),
            changes: change.changes.into_iter().map(ChangeView::from).collect(),
        }
    }
}

impl From<Reset> for EventReport {
    fn from(reset: Reset) -> Self {
        let namespaces = reset.namespaces.into_iter().map(StateReport::from).collect();
        Self::Reset { revision: reset.revision, namespaces }
    }
}

impl From<NamespaceState> for StateReport {
    fn from(state: NamespaceState) -> Self {
        let items = state.items.into_iter().map(ItemView).collect();
        Self { namespace: state.namespace, version: state.version, deleted: state.deleted, items }
    }
}

impl Report for EventReport {
    fn text(&self, paint: Paint) -> String {
        match self {
            Self::Version { namespace, version, changes } => {
                version_line(namespace, version, paint) + &change_text::changes(changes, paint, "  ")
            }
            Self::Reset { revision, namespaces } => {
                namespaces.iter().map(|state| state_line(state, *revision, paint)).collect()
            }
        }
    }
}

fn version_line(namespace: &str, version: &VersionView, paint: Paint) -> String {
    let heading =
        paint.heading(&format!("{} version {}", text::one_line(namespace, usize::MAX), version.version));
    let counts = commit_report::counts(version.added, version.changed, version.deleted);
    let author = version_text::author(&version.author);
    let message = version_text::message(version, usize::MAX);
    let line =
        format!("{heading}  revision {}  {}  {author}: {counts}  {message}", version.revision, version.time);
    line.trim_end().to_owned() + "\n"
}

fn state_line(state: &StateReport, revision: u64, paint: Paint) -> String {
    let heading =
        paint.heading(&format!("{} version {}", text::one_line(&state.namespace, usize::MAX), state.version));
    let content = if state.deleted { "deleted".into() } else { counted(state.items.len(), "item") };
    format!("{heading}  revision {revision}  state: {content}\n")
}

#[cfg(test)]
mod tests {
    use conclave_client::config::Version;

    use super::super::views::samples::{change, item};
    use super::*;

    fn version() -> EventReport {
        let version = Version {
            version: 8,
            revision: 18,
            author: "ada".into(),
            message: "more".into(),
            added: 1,
            changed: 1,
            ..Version::default()
        };
        let changes = vec![change("a", None, Some("1")), change("b", Some("x"), Some("y"))];
        VersionChange { namespace: "payments/prod".into(), version, changes }.into()
    }

    fn reset() -> EventReport {
        let state = |namespace: &str, deleted: bool| NamespaceState {
            namespace: namespace.into(),
            version: 7,
            deleted,
            items: vec![item("a", "1")],
        };
        Reset { revision: 17, namespaces: vec![state("ns", false), state("gone", true)] }.into()
    }

    #[test]
    fn a_version_is_a_line_with_its_changes_below() {
        let expected = "\
payments/prod version 8  revision 18  1970-01-01T00:00:00.000Z  ada: 1 added, 1 changed  more
  + a: 1
  ~ b
      - x
      + y
";
        assert_eq!(version().text(Paint::PLAIN), expected);
    }

    #[test]
    fn a_state_is_a_line_for_each_namespace() {
        let expected =
            "ns version 7  revision 17  state: 1 item\ngone version 7  revision 17  state: deleted\n";
        assert_eq!(reset().text(Paint::PLAIN), expected);
    }

    #[test]
    fn programs_get_one_object_with_all_in_it() {
        let json = serde_json::to_value(version()).expect("plain data");
        assert_eq!((json["event"].as_str(), json["revision"].as_u64()), (Some("version"), Some(18)));
        assert_eq!((json["namespace"].as_str(), json["version"].as_u64()), (Some("payments/prod"), Some(8)));
        assert_eq!(json["changes"][0]["after"]["value"], "1");
        let json = serde_json::to_value(reset()).expect("plain data");
        assert_eq!((json["event"].as_str(), json["revision"].as_u64()), (Some("reset"), Some(17)));
        assert_eq!(json["namespaces"][0]["items"][0]["value"], "1");
    }
}
