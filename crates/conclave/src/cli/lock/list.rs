//! `conclave lock list`.

use conclave_client::lock::ListLocksRequest;
use futures::TryStreamExt as _;
use serde::Serialize;

use super::views::{LockView, owner};
use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::output::Report;
use crate::cli::session::Session;
use crate::cli::table::Columns;
use crate::cli::text::{self, grouped};

/// How many are asked for at a time.
const PAGE_SIZE: u32 = 1_000;

/// List the locks that somebody holds or waits for
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave lock list
  conclave lock list orders/
  conclave lock list --output json | jq -r '.locks[] | select(.waiter_count > 0) | .name'

Of those that hold a lock together the first is told; `conclave lock show` tells all.")]
pub(in crate::cli) struct ListArgs {
    /// Only names that begin with this
    #[arg(value_name = "PREFIX", default_value_t, hide_default_value = true)]
    prefix: String,
}

impl ListArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let request =
            ListLocksRequest { prefix: self.prefix, page_size: PAGE_SIZE, ..ListLocksRequest::default() };
        let locks =
            session.client.lock_stream(request).map_ok(LockView::from).try_collect::<Vec<_>>().await?;
        let empty = locks.is_empty().then(|| "nobody holds a lock, or waits for one".to_owned());
        session.output.show_or_note(&ListReport { locks }, empty)
    }
}

#[derive(Debug, Serialize)]
struct ListReport {
    locks: Vec<LockView>,
}

impl Report for ListReport {
    fn text(&self, paint: Paint) -> String {
        let mut columns = Columns::new(&["LOCK", "HELD", ">TOKEN", "SINCE", "OWNER", ">WAITING"], paint);
        for lock in &self.locks {
            let first = lock.holders.first();
            columns.row([
                text::one_line(&lock.name, usize::MAX),
                held(lock),
                first.map_or_else(nobody, |holder| holder.token.to_string()),
                first.map_or_else(nobody, |holder| holder.since.clone()),
                first.map_or_else(nobody, |holder| owners(&holder.owner, lock.holder_count)),
                grouped(lock.waiter_count),
            ]);
        }
        columns.into_text()
    }
}

/// How it is held.
fn held(lock: &LockView) -> String {
    match (lock.holders.first(), lock.capacity) {
        (Some(_), Some(capacity)) => format!("permits of {capacity}"),
        (Some(holder), None) => holder.mode.text(),
        (None, _) => nobody(),
    }
}

/// The first of them, and how many there are beside.
fn owners(first: &str, count: u64) -> String {
    match count.saturating_sub(1) {
        0 => owner(first),
        more => format!("{} and {} more", owner(first), grouped(more)),
    }
}

fn nobody() -> String {
    "-".into()
}

#[cfg(test)]
mod tests {
    use super::super::views::samples::{holder, lock, permits};
    use super::*;

    #[test]
    fn a_lock_is_a_line() {
        let mut many = lock("b", vec![holder(5, "x"), holder(17, "y")], Vec::new());
        many.holders.iter_mut().for_each(|holder| holder.mode = permits(2, 10));
        many.capacity = 10;
        let mut waited_for = lock("c", Vec::new(), Vec::new());
        waited_for.waiter_count = 1_200;
        let locks = [lock("a", vec![holder(4, "worker-7")], Vec::new()), many, waited_for];
        let report = ListReport { locks: locks.map(LockView::from).to_vec() };
        let expected = "\
LOCK  HELD           TOKEN  SINCE                     OWNER         WAITING
a     exclusive          4  1970-01-01T00:00:00.000Z  worker-7            0
b     permits of 10      5  1970-01-01T00:00:00.000Z  x and 1 more        0
c     -                  -  -                         -               1,200
";
        assert_eq!(report.text(Paint::PLAIN), expected);
    }
}
