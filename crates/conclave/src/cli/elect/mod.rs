//! `conclave elect`: stands for election and leads, or tells who leads.

mod campaign;
mod observe;

use std::ffi::OsString;
use std::process::ExitCode;

use super::errors::Failure;
use super::lock::HoldArgs;
use super::session::Session;

/// Stand for election, and lead until ended; or see who leads
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "conclave elect [OPTIONS] NAME VALUE [-- COMMAND...]\n       conclave elect [OPTIONS] NAME --observe",
    after_help = "Examples:
  conclave elect scheduler 10.0.0.7:8080 -- ./scheduler
  conclave elect scheduler node-a
  conclave elect scheduler --observe
  conclave elect scheduler --observe --output json | jq -r '.leader.value // \"nobody\"'

With COMMAND it runs that while it leads, as `conclave lock run` does, whose help says what COMMAND finds in its \
environment and what happens to it when leadership is lost; when COMMAND has ended, leadership is given up. Without, \
it prints the token once it leads, and leads until SIGTERM or SIGINT (code 0), or until leadership is lost (125). An \
election that cannot be won in the time given is code 124.

An election is the lock of its name, held exclusively: `conclave lock show`, `lock release` and `config put --held` \
do with it what they do with locks."
)]
pub(super) struct ElectArgs {
    /// Name of the election
    #[arg(value_name = "NAME")]
    name: String,
    /// What all are told of the leader, such as where it is reached
    #[arg(value_name = "VALUE", required_unless_present = "observe")]
    value: Option<String>,
    /// Print who leads, now and whenever it changes
    #[arg(long, conflicts_with_all = ["value", "command", "ttl", "wait", "no_wait", "owner", "grace"])]
    observe: bool,
    #[command(flatten)]
    hold: HoldArgs,
    /// A program to run while it leads, and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl ElectArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<ExitCode, Failure> {
        match self.value {
            Some(value) => {
                let Self { name, hold, command, .. } = self;
                campaign::Campaign { name, value, hold, command }.run(session).await
            }
            None => observe::run(&self.name, session).await,
        }
    }
}
