//! Why a node has stopped itself although consensus goes on.

use std::fmt;
use std::future::Future;

use tokio::sync::watch;

/// Why it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was taken out of the cluster.
    Removed,
    /// Others know another node under its id: it lost its data.
    Displaced,
    /// What it holds of the state is not as it was written.
    StateDamaged,
    /// One of its tasks panicked, or could not go on.
    TaskFailed {
        /// What the task did.
        task: &'static str,
    },
}

impl fmt::Display for Ended {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Removed => out.write_str(
                "it was removed from the cluster, for ever: its data directory is of no further use. A node that is to \
                 take its place is a new one: `conclave cluster add`, and an empty data directory",
            ),
            Self::Displaced => out.write_str(
                "the other nodes know another one under its id: its data was lost. A node whose data was lost must not \
                 vote again under its id, it comes back as a new one: `conclave cluster add`, start it with --join and \
                 --token and an empty data directory, then `conclave cluster replace OLD-ID NEW-ID`",
            ),
            Self::StateDamaged => out.write_str(
                "its state is damaged, see the log above: start it again, and it has another one made from its log or by \
                 another node. Should that come again, its disk is failing",
            ),
            Self::TaskFailed { task } => {
                write!(out, "{task} has failed, see the log above: start the node again, and report it")
            }
        }
    }
}

/// Runs a task. Should it panic, that is told.
pub(crate) async fn watched(
    name: &'static str,
    ended: watch::Sender<Option<Ended>>,
    task: impl Future<Output = ()>,
) {
    let _told = TellsPanic { task: name, ended };
    task.await;
}

struct TellsPanic {
    task: &'static str,
    ended: watch::Sender<Option<Ended>>,
}

impl Drop for TellsPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(task = self.task, "a task of this node panicked");
            self.ended.send_replace(Some(Ended::TaskFailed { task: self.task }));
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_told_and_an_end_is_not() {
        let (ended, mut told) = watch::channel(None);
        let mut tasks = JoinSet::new();
        tasks.spawn(watched("one that ends", ended.clone(), async {}));
        assert!(tasks.join_next().await.unwrap().is_ok());
        assert_eq!(*told.borrow_and_update(), None);
        tasks.spawn(watched("one that panics", ended, async { panic!("on purpose") }));
        assert!(tasks.join_next().await.unwrap().is_err());
        assert_eq!(*told.borrow(), Some(Ended::TaskFailed { task: "one that panics" }));
    }
}
