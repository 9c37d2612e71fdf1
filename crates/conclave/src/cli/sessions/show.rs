//! `conclave session show`.

use std::fmt::Write as _;

use serde::Serialize;

use super::views::{SessionView, seconds};
use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::lock::owner;
use crate::cli::output::Report;
use crate::cli::session::Session;
use crate::cli::text::{self, grouped};

/// Show a session
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave session show 7215386690127411843
  conclave session show 7215386690127411843 --output json | jq .remaining_ms")]
pub(in crate::cli) struct ShowArgs {
    /// Id of the session
    #[arg(value_name = "SESSION", value_parser = clap::value_parser!(u64).range(1..))]
    id: u64,
}

impl ShowArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let answer = session.client.get_session(self.id).await?;
        session.output.show(&ShowReport { session: answer.session.unwrap_or_default().into() })
    }
}

#[derive(Debug, Serialize)]
struct ShowReport {
    #[serde(flatten)]
    session: SessionView,
}

impl Report for ShowReport {
    fn text(&self, paint: Paint) -> String {
        let session = &self.session;
        let metadata = session.metadata.iter().map(|(name, value)| format!("{name}={value}"));
        let lines = [
            ("owner", owner(&session.owner)),
            ("opened", session.opened.clone()),
            (
                "ttl",
                format!("{}, of which {} is left", seconds(session.ttl_ms), seconds(session.remaining_ms)),
            ),
            ("locks", grouped(session.tickets)),
            ("metadata", text::one_line(&metadata.collect::<Vec<_>>().join(", "), usize::MAX)),
        ];
        let mut text = paint.heading(&session.id) + "\n";
        for (name, value) in lines.into_iter().filter(|(_, value)| !value.is_empty()) {
            let _ = writeln!(text, "{name:<10}{value}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::views::sample;
    use super::*;

    #[test]
    fn what_is_known_is_a_line_each() {
        let expected = "\
18446744073709551615
owner     worker-7
opened    1970-01-01T00:00:00.000Z
ttl       15.0s, of which 14.9s is left
locks     1,002
metadata  pid=42
";
        assert_eq!(ShowReport { session: sample() }.text(Paint::PLAIN), expected);
    }
}
