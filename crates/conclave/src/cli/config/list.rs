//! `conclave config list`: which namespaces there are.

use std::collections::BTreeMap;

use conclave_client::config::{ListNamespacesRequest, Namespace};
use serde::Serialize;

use super::consistency;
use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::output::Report;
use crate::cli::session::Session;
use crate::cli::table::Columns;
use crate::cli::text;

/// How much of an owner's name and of a description a table shows.
const OWNER_CHARS_MAX: usize = 30;
const DESCRIPTION_CHARS_MAX: usize = 60;

/// List namespaces
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave config list
  conclave config list payments/ --output json")]
pub(in crate::cli) struct ListArgs {
    /// Only names that begin with this
    #[arg(default_value_t, hide_default_value = true)]
    prefix: String,
    /// Read what the node has, without asking the leader: fast, perhaps stale
    #[arg(long)]
    local: bool,
}

impl ListArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let request = ListNamespacesRequest {
            prefix: self.prefix.clone(),
            consistency: consistency(self.local),
            ..ListNamespacesRequest::default()
        };
        let namespaces = session.client.list_all_namespaces(request).await?;
        let report = ListReport { namespaces: namespaces.into_iter().map(NamespaceReport::from).collect() };
        let empty = report.namespaces.is_empty().then(|| nothing(&self.prefix));
        session.output.show_or_note(&report, empty)
    }
}

/// What is said in place of an empty table.
fn nothing(prefix: &str) -> String {
    match prefix {
        "" => "there are no namespaces yet: `conclave config create NAMESPACE` makes one".into(),
        prefix => format!("no namespace begins with {prefix}"),
    }
}

/// A namespace without its items.
#[derive(Debug, Clone, Serialize)]
pub(super) struct NamespaceReport {
    name: String,
    version: u64,
    revision: u64,
    time: String,
    description: String,
    owner: String,
    labels: BTreeMap<String, String>,
    items: u64,
    size_bytes: u64,
}

impl From<Namespace> for NamespaceReport {
    fn from(namespace: Namespace) -> Self {
        let usage = namespace.usage.unwrap_or_default();
        Self {
            owner: namespace.owner,
            labels: namespace.labels,
            items: usage.items,
            size_bytes: usage.size_bytes,
            name: namespace.name,
            version: namespace.version,
            revision: namespace.revision,
            time: text::time(namespace.time_ms),
            description: namespace.description,
        }
    }
}

impl Report for NamespaceReport {
    fn text(&self, paint: Paint) -> String {
        let version =
            paint.heading(&format!("{} version {}", text::one_line(&self.name, usize::MAX), self.version));
        format!("{version} (revision {})\n", self.revision)
    }
}

#[derive(Debug, Serialize)]
struct ListReport {
    namespaces: Vec<NamespaceReport>,
}

impl Report for ListReport {
    fn text(&self, paint: Paint) -> String {
        let names = ["NAMESPACE", ">VERSION", ">REVISION", ">ITEMS", "CHANGED", "OWNER", "DESCRIPTION"];
        let mut columns = Columns::new(&names, paint);
        for namespace in &self.namespaces {
            columns.row([
                text::one_line(&namespace.name, usize::MAX),
                namespace.version.to_string(),
                namespace.revision.to_string(),
                namespace.items.to_string(),
                namespace.time.clone(),
                text::one_line(&namespace.owner, OWNER_CHARS_MAX),
                text::one_line(&namespace.description, DESCRIPTION_CHARS_MAX),
            ]);
        }
        columns.into_text()
    }
}

#[cfg(test)]
mod tests {
    use conclave_client::config::Usage;

    use super::*;

    #[test]
    fn the_table_shows_every_namespace() {
        let namespace = |name: &str, version: u64, description: &str| {
            NamespaceReport::from(Namespace {
                name: name.into(),
                version,
                revision: version * 10,
                time_ms: 1_000,
                description: description.into(),
                owner: "ada".into(),
                usage: Some(Usage { items: 3, size_bytes: 9 }),
                ..Namespace::default()
            })
        };
        let report = ListReport {
            namespaces: vec![namespace("a", 0, ""), namespace("payments/prod", 12, "two\nlines")],
        };
        let expected = "\
NAMESPACE      VERSION  REVISION  ITEMS  CHANGED                   OWNER  DESCRIPTION
a                    0         0      3  1970-01-01T00:00:01.000Z  ada
payments/prod       12       120      3  1970-01-01T00:00:01.000Z  ada    two\\nlines
";
        assert_eq!(report.text(Paint::PLAIN), expected);
    }
}
