//! The signals that are meant for a program that a command runs.

use rustix::process::Signal;
use tokio::signal::unix::{self, SignalKind};
use tokio::time::Instant;

use super::errors::Failure;
use super::exit::Exit;

/// Hears signals in place of their usual effect, from now on.
pub(super) struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hang_up: unix::Signal,
    quit: unix::Signal,
    user_1: unix::Signal,
    user_2: unix::Signal,
}

impl Signals {
    pub(super) fn listen() -> Result<Self, Failure> {
        let on = |kind| {
            unix::signal(kind)
                .map_err(|error| Failure::new(Exit::Failed, format!("signals cannot be heard: {error}")))
        };
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            hang_up: on(SignalKind::hangup())?,
            quit: on(SignalKind::quit())?,
            user_1: on(SignalKind::user_defined1())?,
            user_2: on(SignalKind::user_defined2())?,
        })
    }

    /// Waits for the next one. Cancel-safe.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.hang_up.recv() => Signal::HUP,
            _ = self.quit.recv() => Signal::QUIT,
            _ = self.user_1.recv() => Signal::USR1,
            _ = self.user_2.recv() => Signal::USR2,
        }
    }

    /// Waits for the next one that ends a command. Cancel-safe.
    pub(super) async fn end(&mut self) -> Signal {
        loop {
            let signal = self.next().await;
            if ![Signal::USR1, Signal::USR2].contains(&signal) {
                return signal;
            }
        }
    }
}

/// Waits until a time, or for ever.
pub(super) async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
