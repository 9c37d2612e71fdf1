//! `conclave lock release`: takes a lock from who holds it.

use conclave_client::lock::ForceReleaseRequest;
use conclave_client::new_request_id;
use serde::Serialize;

use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::output::Report;
use crate::cli::session::Session;
use crate::cli::text::{self, counted};

/// Take a lock from who holds it; the next in the queue gets it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave lock release orders/42 --force --reason \"worker-7 hangs\"
  conclave lock release orders/42 --force --token 1017 --reason \"worker-7 hangs\"

A lock is released by who holds it; this takes it by force. Its holder is told, but one that hangs or is cut off \
goes on: only what checks the token is safe from it. Who took the lock and why is kept, and `conclave lock show` \
tells it.")]
pub(in crate::cli) struct ReleaseArgs {
    /// Name of the lock
    #[arg(value_name = "NAME")]
    name: String,
    /// Yes, by force
    #[arg(long, required = true)]
    force: bool,
    /// Only the grant with this token [default: all grants of the lock]
    #[arg(long, value_name = "TOKEN", value_parser = clap::value_parser!(u64).range(1..))]
    token: Option<u64>,
    /// Why: kept, and told to who held it
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
    /// Who [env: CONCLAVE_AUTHOR] [default: $USER]
    #[arg(long)]
    author: Option<String>,
    /// Id of this release, 1 to 64 characters: the same again changes nothing [default: a new one]
    #[arg(long, value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    request_id: Option<String>,
}

impl ReleaseArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let request = ForceReleaseRequest {
            name: self.name.clone(),
            token: self.token.unwrap_or_default(),
            author: self.author.unwrap_or_else(|| session.author().to_owned()),
            reason: self.reason,
            request_id: self.request_id.unwrap_or_else(new_request_id),
        };
        let answer = session.client.force_release(request).await?;
        session.output.show(&ReleaseReport { name: self.name, released: answer.released })
    }
}

#[derive(Debug, Serialize)]
struct ReleaseReport {
    name: String,
    released: u64,
}

impl Report for ReleaseReport {
    fn text(&self, paint: Paint) -> String {
        let heading = paint.heading(&text::one_line(&self.name, usize::MAX));
        match usize::try_from(self.released).unwrap_or(usize::MAX) {
            0 => format!("{heading}: nobody held it so, and nothing was changed\n"),
            count => format!("{heading}: {} taken by force\n", counted(count, "grant")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_how_many_grants_were_taken() {
        let report = |released| ReleaseReport { name: "a".into(), released }.text(Paint::PLAIN);
        assert_eq!(report(1), "a: 1 grant taken by force\n");
        assert_eq!(report(0), "a: nobody held it so, and nothing was changed\n");
    }
}
