//! `conclave lock check`: whether a lock is held with a token, for what cannot remember the greatest one.

use conclave_client::lock::CheckTokenResponse;
use serde::Serialize;

use super::views::{HolderView, owner};
use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::exit::Exit;
use crate::cli::output::Report;
use crate::cli::session::Session;
use crate::cli::text;

/// Tell whether a lock is held with a token: exit code 0 if so, else 4
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave lock check orders/42 1017
  conclave lock check orders/42 1017 --output json | jq .newest_token

The answer was true at a moment after the question; it may be another by the time that it is read. What can \
remember the greatest token that it has seen, and refuse smaller ones, is safer than what asks.")]
pub(in crate::cli) struct CheckArgs {
    /// Name of the lock
    #[arg(value_name = "NAME")]
    name: String,
    /// The fencing token
    #[arg(value_name = "TOKEN", value_parser = clap::value_parser!(u64).range(1..))]
    token: u64,
}

impl CheckArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let answer = session.client.check_token(&self.name, self.token).await?;
        let report = CheckReport::of(&self, answer);
        session.output.show(&report)?;
        if report.held { Ok(()) } else { Err(report.refusal()) }
    }
}

#[derive(Debug, Serialize)]
struct CheckReport {
    name: String,
    token: u64,
    held: bool,
    holder: Option<HolderView>,
    /// None: nobody holds the lock.
    newest_token: Option<u64>,
}

impl CheckReport {
    fn of(asked: &CheckArgs, answer: CheckTokenResponse) -> Self {
        Self {
            name: asked.name.clone(),
            token: asked.token,
            held: answer.held,
            holder: answer.holder.map(HolderView::from),
            newest_token: Some(answer.newest_token).filter(|token| *token > 0),
        }
    }

    fn refusal(&self) -> Failure {
        not_held(&self.name, self.token, self.newest_token.unwrap_or(0))
    }
}

/// The failure of what depends on a lock that is not held with this token. The newest is 0 if nobody holds it.
pub(in crate::cli) fn not_held(name: &str, token: u64, newest_token: u64) -> Failure {
    let now = match newest_token {
        0 => "nobody holds it".into(),
        newest => format!("its newest token is {newest}"),
    };
    Failure::new(Exit::Conflict, format!("lock {name:?} is not held with token {token}: {now}"))
}

impl Report for CheckReport {
    /// What is not so is told as a failure.
    fn text(&self, paint: Paint) -> String {
        let Some(holder) = self.holder.as_ref().filter(|_| self.held) else { return String::new() };
        let heading = paint.heading(&text::one_line(&self.name, usize::MAX));
        let (mode, owner) = (holder.mode.text(), owner(&holder.owner));
        format!("{heading}: held with token {}, {mode}, by {owner} since {}\n", self.token, holder.since)
    }
}

#[cfg(test)]
mod tests {
    use super::super::views::samples::holder;
    use super::*;

    fn report(held: bool, newest_token: u64) -> CheckReport {
        let asked = CheckArgs { name: "orders/42".into(), token: 17 };
        let holder = held.then(|| holder(17, "worker-7"));
        CheckReport::of(&asked, CheckTokenResponse { held, holder, newest_token })
    }

    #[test]
    fn a_token_that_holds_is_told_with_its_holder() {
        let expected =
            "orders/42: held with token 17, exclusive, by worker-7 since 1970-01-01T00:00:00.000Z\n";
        assert_eq!(report(true, 17).text(Paint::PLAIN), expected);
    }

    #[test]
    fn one_that_does_not_is_a_failure_and_no_text() {
        let taken = report(false, 19);
        assert_eq!(taken.text(Paint::PLAIN), "");
        let expected = "conclave: lock \"orders/42\" is not held with token 17: its newest token is 19\n";
        assert_eq!(taken.refusal().to_string(), expected);
        assert_eq!(taken.refusal().exit(), Exit::Conflict);
        assert!(report(false, 0).refusal().to_string().contains("nobody holds it"));
    }
}
