//! `conclave lock watch`: what happens to locks, for as long as it runs.

use conclave_client::LockEvent;
use conclave_client::lock::lock_change::Change;
use conclave_client::lock::{Ended, LockChange, LostReason, WatchLocksRequest};
use serde::Serialize;

use super::views::{ForcedView, HolderView, LockView, WaiterView, owner};
use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::output::Report;
use crate::cli::session::Session;
use crate::cli::text::{self, grouped};

/// Print what happens to locks as it happens
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave lock watch
  conclave lock watch orders/
  conclave lock watch orders/42 --exact --output json | jq -c 'select(.event == \"granted\")'

What is so now comes first. A watch survives the loss of the node that it is connected to: it goes on at the next \
one, and begins there with what is so then.")]
pub(in crate::cli) struct WatchArgs {
    /// Only locks whose names begin with this
    #[arg(value_name = "PREFIX", default_value_t, hide_default_value = true)]
    prefix: String,
    /// Only the lock of this name
    #[arg(long, requires = "prefix")]
    exact: bool,
}

impl WatchArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let request = WatchLocksRequest { name: self.prefix, prefix: !self.exact };
        let mut watch = session.client.watch_locks(request);
        loop {
            match watch.next().await? {
                LockEvent::State { locks, revision } => {
                    let locks = locks.into_iter().map(LockView::from).collect();
                    session.output.stream(&EventReport { revision, event: Event::State { locks } })?;
                }
                LockEvent::Change { change, revision } => {
                    if let Some(report) = EventReport::of(change, revision) {
                        session.output.stream(&report)?;
                    }
                }
                LockEvent::Interrupted { cause } => {
                    session.output.note(&format!("note: {cause}; the watch goes on at the next node"));
                }
            }
        }
    }
}

/// One event, as one object.
#[derive(Debug, Serialize)]
struct EventReport {
    revision: u64,
    #[serde(flatten)]
    event: Event,
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Event {
    State {
        locks: Vec<LockView>,
    },
    Queued {
        lock: String,
        waiter: WaiterView,
    },
    Left {
        lock: String,
        waiter: WaiterView,
    },
    Granted {
        lock: String,
        holder: HolderView,
    },
    Updated {
        lock: String,
        holder: HolderView,
    },
    Ended {
        lock: String,
        holder: HolderView,
        why: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        forced_release: Option<ForcedView>,
    },
}

impl EventReport {
    /// None: it is of a kind that came to be later than this program.
    fn of(change: LockChange, revision: u64) -> Option<Self> {
        let lock = change.name;
        let event = match change.change? {
            Change::Queued(waiter) => Event::Queued { lock, waiter: waiter.into() },
            Change::Left(waiter) => Event::Left { lock, waiter: waiter.into() },
            Change::Granted(holder) => Event::Granted { lock, holder: holder.into() },
            Change::Updated(holder) => Event::Updated { lock, holder: holder.into() },
            Change::Ended(ended) => Event::ended(lock, ended),
        };
        Some(Self { revision, event })
    }
}

impl Event {
    fn ended(lock: String, ended: Ended) -> Self {
        let why = match ended.reason() {
            LostReason::Released => "released",
            LostReason::SessionEnded => "session-ended",
            LostReason::Forced => "forced",
            LostReason::Unspecified => "ended",
        };
        let holder = ended.holder.unwrap_or_default().into();
        Self::Ended { lock, holder, why, forced_release: ended.forced_release.map(ForcedView::from) }
    }
}

impl Report for EventReport {
    fn text(&self, paint: Paint) -> String {
        let line = |lock: &str, what: String| {
            let heading = paint.heading(&text::one_line(lock, usize::MAX));
            format!("{heading}  revision {}  {what}\n", self.revision)
        };
        match &self.event {
            Event::State { locks } if locks.is_empty() => {
                format!("revision {}  state: no locks\n", self.revision)
            }
            Event::State { locks } => locks.iter().map(|lock| line(&lock.name, state(lock))).collect(),
            Event::Queued { lock, waiter } => line(lock, format!("queued: {}", asked(waiter))),
            Event::Left { lock, waiter } => line(lock, format!("left the queue: {}", asked(waiter))),
            Event::Granted { lock, holder } => line(lock, format!("granted: {}", held(holder))),
            Event::Updated { lock, holder } => line(lock, format!("updated: {}", held(holder))),
            Event::Ended { lock, holder, why, forced_release } => {
                let forced = forced_release.as_ref().map(|forced| format!(", {}", forced.text()));
                line(lock, format!("{}: {}{}", words(why), held(holder), forced.unwrap_or_default()))
            }
        }
    }
}

fn words(why: &str) -> &str {
    match why {
        "session-ended" => "session ended",
        "forced" => "taken by force",
        why => why,
    }
}

fn state(lock: &LockView) -> String {
    let holders: Vec<String> = lock.holders.iter().map(held).collect();
    let holders = if holders.is_empty() { "nobody".into() } else { holders.join("; ") };
    format!("state: {holders}; {} waiting", grouped(lock.waiter_count))
}

fn held(holder: &HolderView) -> String {
    format!("token {}, {}, {}", holder.token, holder.mode.text(), owner(&holder.owner))
}

fn asked(waiter: &WaiterView) -> String {
    format!("ticket {}, {}, {}", waiter.ticket, waiter.mode.text(), owner(&waiter.owner))
}

#[cfg(test)]
mod tests {
    use super::super::views::samples::{forced, holder, lock, waiter};
    use super::*;

    fn report(change: Change) -> EventReport {
        let change = LockChange { name: "orders/42".into(), change: Some(change) };
        EventReport::of(change, 20).expect("it is a known one")
    }

    fn ended(reason: LostReason) -> EventReport {
        let forced_release = (reason == LostReason::Forced).then(forced);
        let holder = Some(holder(17, "worker-7"));
        report(Change::Ended(Ended { holder, reason: reason.into(), forced_release }))
    }

    #[test]
    fn each_event_is_a_line() {
        let cases = [
            (report(Change::Queued(waiter(19, "b"))), "queued: ticket 19, exclusive, b"),
            (report(Change::Left(waiter(19, "b"))), "left the queue: ticket 19, exclusive, b"),
            (report(Change::Granted(holder(17, ""))), "granted: token 17, exclusive, -"),
            (report(Change::Updated(holder(17, "a"))), "updated: token 17, exclusive, a"),
            (ended(LostReason::Released), "released: token 17, exclusive, worker-7"),
            (ended(LostReason::SessionEnded), "session ended: token 17, exclusive, worker-7"),
            (ended(LostReason::Forced), "taken by force: token 17, exclusive, worker-7, by ada: it hangs"),
        ];
        for (report, expected) in cases {
            assert_eq!(report.text(Paint::PLAIN), format!("orders/42  revision 20  {expected}\n"));
        }
    }

    #[test]
    fn what_is_so_now_is_a_line_for_each_lock() {
        let state = |locks: Vec<conclave_client::lock::Lock>| {
            let locks = locks.into_iter().map(LockView::from).collect();
            EventReport { revision: 20, event: Event::State { locks } }.text(Paint::PLAIN)
        };
        let locks = vec![lock("a", vec![holder(17, "x")], Vec::new()), lock("b", Vec::new(), Vec::new())];
        let expected = "\
a  revision 20  state: token 17, exclusive, x; 0 waiting
b  revision 20  state: nobody; 0 waiting
";
        assert_eq!(state(locks), expected);
        assert_eq!(state(Vec::new()), "revision 20  state: no locks\n");
    }

    #[test]
    fn programs_get_one_object_with_all_in_it() {
        let json = serde_json::to_value(ended(LostReason::Forced)).expect("plain data");
        assert_eq!((json["event"].as_str(), json["revision"].as_u64()), (Some("ended"), Some(20)));
        assert_eq!((json["lock"].as_str(), json["why"].as_str()), (Some("orders/42"), Some("forced")));
        assert_eq!(json["holder"]["token"].as_u64(), Some(17));
        assert_eq!(json["forced_release"]["author"].as_str(), Some("ada"));
    }
}
