//! What writes a log, as a task: it takes its time before a batch is on the medium, and before anybody is told.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use conclave_storage::{LogGroup, LogWriter, Outcome};
use parking_lot::Mutex;

/// The writer of one log, between the task that drives it, whoever closes the log, and a crash.
pub(super) struct LogDrive {
    /// None while somebody is at it, and when it has ended.
    under_way: Mutex<Option<UnderWay>>,
}

struct UnderWay {
    writer: LogWriter,
    group: Option<LogGroup>,
    /// What became of the group, of which nobody was told yet.
    outcome: Option<Outcome>,
}

impl LogDrive {
    pub(super) fn new(writer: LogWriter) -> Arc<Self> {
        Arc::new(Self { under_way: Mutex::new(Some(UnderWay { writer, group: None, outcome: None })) })
    }

    /// Waits for something to be written, and takes it; false when there will be nothing any more.
    pub(super) async fn take_group(&self) -> bool {
        std::future::poll_fn(|context| match &mut *self.under_way.lock() {
            Some(under_way) => under_way.poll_group(context),
            None => Poll::Ready(false),
        })
        .await
    }

    /// Writes what was taken.
    pub(super) fn write(&self) {
        if let Some(under_way) = &mut *self.under_way.lock() {
            under_way.write();
        }
    }

    /// Tells those who asked for it. They may do anything, even close the log.
    pub(super) fn finish(&self) {
        let Some(mut under_way) = self.under_way.lock().take() else { return };
        under_way.finish();
        *self.under_way.lock() = Some(under_way);
    }

    /// All is written.
    pub(super) fn close(&self) {
        let ended = self.under_way.lock().take();
        if let Some(UnderWay { writer, .. }) = ended {
            writer.close();
        }
    }

    /// The log is closed: writes all that waits, at once. Does nothing in the middle of telling somebody: whoever does
    /// that goes on.
    pub(super) fn drain(&self) {
        let Some(mut under_way) = self.under_way.lock().take() else { return };
        loop {
            under_way.write();
            under_way.finish();
            if under_way.poll_group(&mut Context::from_waker(Waker::noop())) != Poll::Ready(true) {
                return under_way.writer.close();
            }
        }
    }

    /// Whether a group was taken and is not written yet.
    pub(super) fn is_writing(&self) -> bool {
        self.under_way.lock().as_ref().is_some_and(UnderWay::is_writing)
    }
}

impl UnderWay {
    fn is_writing(&self) -> bool {
        self.group.is_some() && self.outcome.is_none()
    }

    fn poll_group(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        pin!(self.writer.next()).poll(context).map(|group| {
            self.group = group;
            self.group.is_some()
        })
    }

    fn write(&mut self) {
        if let Some(group) = self.group.as_ref().filter(|_| self.outcome.is_none()) {
            self.outcome = Some(self.writer.write(group));
        }
    }

    fn finish(&mut self) {
        if let (Some(group), Some(outcome)) = (self.group.take(), self.outcome.take()) {
            self.writer.finish(group, outcome);
        }
    }
}
