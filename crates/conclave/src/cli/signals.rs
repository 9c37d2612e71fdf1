//! The signals that are meant for a program that a command runs.
//!
//! A signal that was ignored when we were started stays so, for the program as well: `nohup` and a shell's `&` say by
//! that whom it is not to end.

use procfs::process::Process;
use rustix::process::Signal;
use tokio::signal::unix::{self, SignalKind};
use tokio::time::Instant;

use super::errors::Failure;
use super::exit::Exit;

/// Hears signals in place of their usual effect, from now on.
pub(super) struct Signals {
    terminate: Heard,
    interrupt: Heard,
    hang_up: Heard,
    quit: Heard,
    user_1: Heard,
    user_2: Heard,
}

/// One kind of signal. None: it is ignored.
struct Heard(Option<unix::Signal>);

impl Signals {
    pub(super) fn listen() -> Result<Self, Failure> {
        let ignored = ignored();
        let on = |kind| Heard::listen(kind, ignored);
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
            () = self.terminate.next() => Signal::TERM,
            () = self.interrupt.next() => Signal::INT,
            () = self.hang_up.next() => Signal::HUP,
            () = self.quit.next() => Signal::QUIT,
            () = self.user_1.next() => Signal::USR1,
            () = self.user_2.next() => Signal::USR2,
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

impl Heard {
    fn listen(kind: SignalKind, ignored: u64) -> Result<Self, Failure> {
        if is_in(kind, ignored) {
            return Ok(Self(None));
        }
        let heard = unix::signal(kind);
        heard
            .map(|signal| Self(Some(signal)))
            .map_err(|error| Failure::new(Exit::Failed, format!("signals cannot be heard: {error}")))
    }

    /// Waits for the next one; for ever if it is ignored. Cancel-safe.
    async fn next(&mut self) {
        match &mut self.0 {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
}

/// The signals that this process ignores, a bit each. Where that is not told: none.
fn ignored() -> u64 {
    Process::myself().and_then(|process| process.status()).map_or(0, |status| status.sigign)
}

fn is_in(kind: SignalKind, signals: u64) -> bool {
    u32::try_from(kind.as_raw_value() - 1).is_ok_and(|bit| (signals >> bit) & 1 == 1)
}

/// Waits until a time, or for ever.
pub(super) async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_bits_by_their_numbers() {
        // SIGHUP is 1, SIGINT 2, SIGTERM 15.
        assert!(is_in(SignalKind::hangup(), 0b11) && is_in(SignalKind::interrupt(), 0b11));
        assert!(!is_in(SignalKind::terminate(), 0b11) && is_in(SignalKind::terminate(), 1 << 14));
        assert!(!is_in(SignalKind::hangup(), 0));
    }

    #[test]
    fn what_is_ignored_is_known() {
        // Programs in Rust ignore SIGPIPE from their start.
        assert!(is_in(SignalKind::pipe(), ignored()));
    }
}
