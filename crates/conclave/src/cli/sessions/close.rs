//! `conclave session close`.

use serde::Serialize;

use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::output::Report;
use crate::cli::session::Session;
use crate::cli::text::counted;

/// End a session, and release all its locks at once
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave session close 7215386690127411843

Its worker is told, but one that hangs or is cut off goes on: only what checks the token is safe from it.")]
pub(in crate::cli) struct CloseArgs {
    /// Id of the session
    #[arg(value_name = "SESSION", value_parser = clap::value_parser!(u64).range(1..))]
    id: u64,
}

impl CloseArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let answer = session.client.close_session(self.id).await?;
        session.output.show(&CloseReport { id: self.id.to_string(), tickets: answer.tickets })
    }
}

#[derive(Debug, Serialize)]
struct CloseReport {
    id: String,
    /// How many locks it held or waited for, each as often as it did.
    tickets: u64,
}

impl Report for CloseReport {
    fn text(&self, paint: Paint) -> String {
        let locks = counted(usize::try_from(self.tickets).unwrap_or(usize::MAX), "lock");
        format!("{}: closed; it held or waited for {locks}\n", paint.heading(&self.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_ended_with_it() {
        let report = CloseReport { id: "7".into(), tickets: 2 };
        assert_eq!(report.text(Paint::PLAIN), "7: closed; it held or waited for 2 locks\n");
        assert_eq!(serde_json::to_value(report).expect("plain data")["id"], "7");
    }
}
