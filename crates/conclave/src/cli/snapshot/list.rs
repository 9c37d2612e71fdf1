//! `conclave snapshot list`.

use conclave_client::config::ListSnapshotsRequest;
use serde::Serialize;

use super::views::SnapshotView;
use crate::cli::colour::Paint;
use crate::cli::config::{consistency, version_text};
use crate::cli::errors::Failure;
use crate::cli::output::Report;
use crate::cli::session::Session;
use crate::cli::table::Columns;
use crate::cli::text;

/// How much of a message a table shows.
const MESSAGE_CHARS_MAX: usize = 60;

/// List snapshots
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave snapshot list
  conclave snapshot list --output json | jq -r '.snapshots[].name'")]
pub(in crate::cli) struct ListArgs {
    /// Read what the node has, without asking the leader: fast, perhaps stale
    #[arg(long)]
    local: bool,
}

impl ListArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let consistency = consistency(self.local);
        let mut request = ListSnapshotsRequest { consistency, ..ListSnapshotsRequest::default() };
        let mut snapshots: Vec<SnapshotView> = Vec::new();
        loop {
            let page = session.client.list_snapshots(request.clone()).await?;
            snapshots.extend(page.snapshots.into_iter().map(SnapshotView::from));
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        let nothing =
            || "there are no snapshots yet: `conclave snapshot create NAME --all` makes one".to_owned();
        let empty = snapshots.is_empty().then(nothing);
        session.output.show_or_note(&ListReport { snapshots }, empty)
    }
}

#[derive(Debug, Serialize)]
struct ListReport {
    snapshots: Vec<SnapshotView>,
}

impl Report for ListReport {
    fn text(&self, paint: Paint) -> String {
        let mut columns = Columns::new(&["SNAPSHOT", ">REVISION", "OF", "MADE", "AUTHOR", "MESSAGE"], paint);
        for snapshot in &self.snapshots {
            columns.row([
                text::one_line(&snapshot.name, usize::MAX),
                snapshot.revision.to_string(),
                snapshot.extent(),
                snapshot.time.clone(),
                version_text::author(&snapshot.author),
                text::one_line(&snapshot.message, MESSAGE_CHARS_MAX),
            ]);
        }
        columns.into_text()
    }
}
