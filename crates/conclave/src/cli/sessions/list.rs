//! `conclave session list`.

use conclave_client::lock::ListSessionsRequest;
use futures::TryStreamExt as _;
use serde::Serialize;

use super::views::{SessionView, seconds};
use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::lock::owner;
use crate::cli::output::Report;
use crate::cli::session::Session;
use crate::cli::table::Columns;
use crate::cli::text::grouped;

/// How many are asked for at a time.
const PAGE_SIZE: u32 = 1_000;

/// List the sessions of workers
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave session list
  conclave session list --output json | jq -r '.sessions[] | select(.tickets == 0) | .id'

LEFT is what is left of the TTL if nobody renews it; LOCKS is how many it holds or waits for.")]
pub(in crate::cli) struct ListArgs {}

impl ListArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let request = ListSessionsRequest { page_size: PAGE_SIZE, ..ListSessionsRequest::default() };
        let sessions = session.client.session_stream(request).map_ok(SessionView::from);
        let sessions = sessions.try_collect::<Vec<_>>().await?;
        let empty = sessions.is_empty().then(|| "there are no sessions".to_owned());
        session.output.show_or_note(&ListReport { sessions }, empty)
    }
}

#[derive(Debug, Serialize)]
struct ListReport {
    sessions: Vec<SessionView>,
}

impl Report for ListReport {
    fn text(&self, paint: Paint) -> String {
        let mut columns = Columns::new(&["SESSION", ">TTL", ">LEFT", ">LOCKS", "OPENED", "OWNER"], paint);
        for session in &self.sessions {
            columns.row([
                session.id.clone(),
                seconds(session.ttl_ms),
                seconds(session.remaining_ms),
                grouped(session.tickets),
                session.opened.clone(),
                owner(&session.owner),
            ]);
        }
        columns.into_text()
    }
}

#[cfg(test)]
mod tests {
    use super::super::views::sample;
    use super::*;

    #[test]
    fn a_session_is_a_line() {
        let expected = "\
SESSION                 TTL   LEFT  LOCKS  OPENED                    OWNER
18446744073709551615  15.0s  14.9s  1,002  1970-01-01T00:00:00.000Z  worker-7
";
        assert_eq!(ListReport { sessions: vec![sample()] }.text(Paint::PLAIN), expected);
    }
}
