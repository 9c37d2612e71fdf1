//! `conclave lock show`.

use std::fmt::Write as _;

use serde::Serialize;

use super::views::{HolderView, LockView, WaiterView, owner};
use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::output::Report;
use crate::cli::session::Session;
use crate::cli::table::Columns;
use crate::cli::text::grouped;

/// Show who holds a lock, with which token, and who waits for it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave lock show orders/42
  conclave lock show orders/42 --output json | jq '.holders[].token'

At most 1,000 that hold it and 100 that wait are told, with the numbers of all. A lock that nobody holds or waits \
for does not exist: code 3.")]
pub(in crate::cli) struct ShowArgs {
    /// Name of the lock
    #[arg(value_name = "NAME")]
    name: String,
}

impl ShowArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let answer = session.client.get_lock(self.name).await?;
        session.output.show(&ShowReport { lock: answer.lock.unwrap_or_default().into() })
    }
}

#[derive(Debug, Serialize)]
struct ShowReport {
    #[serde(flatten)]
    lock: LockView,
}

impl Report for ShowReport {
    fn text(&self, paint: Paint) -> String {
        let LockView { holder_count, holders, waiter_count, waiters, forced_release, .. } = &self.lock;
        let mut text = format!(
            "{}: held by {}, {} waiting\n",
            self.lock.heading(paint),
            grouped(*holder_count),
            grouped(*waiter_count)
        );
        if !holders.is_empty() {
            text += &holders_table(holders, paint);
        }
        if !waiters.is_empty() {
            text += &waiters_table(waiters, paint);
        }
        if let Some(forced) = forced_release {
            let _ = writeln!(text, "last taken by force: {}", forced.full_text());
        }
        text
    }
}

fn holders_table(holders: &[HolderView], paint: Paint) -> String {
    let mut columns = Columns::new(&["HELD", ">TOKEN", "SINCE", "SESSION", "OWNER"], paint);
    for holder in holders {
        columns.row([
            holder.mode.text(),
            holder.token.to_string(),
            holder.since.clone(),
            holder.session_id.clone(),
            owner(&holder.owner),
        ]);
    }
    columns.into_text()
}

fn waiters_table(waiters: &[WaiterView], paint: Paint) -> String {
    let mut columns = Columns::new(&["WAITS", ">TICKET", "SINCE", "SESSION", "OWNER"], paint);
    for waiter in waiters {
        columns.row([
            waiter.mode.text(),
            waiter.ticket.to_string(),
            waiter.since.clone(),
            waiter.session_id.clone(),
            owner(&waiter.owner),
        ]);
    }
    columns.into_text()
}

#[cfg(test)]
mod tests {
    use super::super::views::samples::{forced, holder, lock, waiter};
    use super::*;

    #[test]
    fn holders_come_first_then_who_waits_then_what_was_taken() {
        let mut lock = lock("orders/42", vec![holder(17, "worker-7")], vec![waiter(20, "")]);
        lock.waiter_count = 1_001;
        lock.forced_release = Some(forced());
        let expected = "\
orders/42: held by 1, 1,001 waiting
HELD       TOKEN  SINCE                     SESSION               OWNER
exclusive     17  1970-01-01T00:00:00.000Z  18446744073709551615  worker-7
WAITS      TICKET  SINCE                     SESSION  OWNER
exclusive      20  1970-01-01T00:00:01.000Z  7        -
last taken by force: 1970-01-01T00:00:00.000Z from worker-1 (token 9) by ada: it hangs
";
        assert_eq!(ShowReport { lock: lock.into() }.text(Paint::PLAIN), expected);
    }

    #[test]
    fn nobody_is_no_table() {
        let report = ShowReport { lock: lock("a", Vec::new(), Vec::new()).into() };
        assert_eq!(report.text(Paint::PLAIN), "a: held by 0, 0 waiting\n");
    }
}
