//! `conclave cluster status`: who leads, who follows, how far each has come; once, or again and again.

use std::time::Duration;

use super::super::errors::Failure;
use super::super::output::OutputFormat;
use super::super::session::Session;
use super::status_report::ClusterReport;

/// Puts the cursor into the corner of the terminal and clears what is below.
const CLEAR: &[u8] = b"\x1b[H\x1b[2J";

/// Show the leader and the state of every node; exit code 5 without a leader or a quorum
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave cluster status
  conclave cluster status --watch
  conclave cluster status --endpoints db1:4101,db2:4101 --output json | jq .leader_id")]
pub(in crate::cli) struct Status {
    /// Show it again and again, until interrupted; JSON: one object a line
    #[arg(long, short)]
    watch: bool,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 2, requires = "watch",
          value_parser = clap::value_parser!(u64).range(1..=3_600))]
    interval: u64,
}

impl Status {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        if self.watch {
            return self.watch(session).await;
        }
        let report = look(session).await?;
        session.output.show(&report)?;
        report.judge()
    }

    /// What goes wrong is told, and looked at again: that is what somebody who watches waits for.
    async fn watch(self, session: &mut Session) -> Result<(), Failure> {
        let clears = session.output.is_terminal() && session.output.format() == OutputFormat::Table;
        loop {
            let looked = look(session).await;
            if clears {
                session.output.bytes(CLEAR)?;
            }
            let judged = match looked {
                Ok(report) => {
                    session.output.stream(&report)?;
                    report.judge()
                }
                Err(failure) => Err(failure),
            };
            if let Err(failure) = judged {
                session.output.note(&failure.to_string());
            }
            tokio::time::sleep(Duration::from_secs(self.interval)).await;
        }
    }
}

async fn look(session: &Session) -> Result<ClusterReport, Failure> {
    Ok(ClusterReport::from(session.client.cluster_status().await?))
}
