//! Inputs for tests of whatever reads bytes that others made: good ones, spoilt.
//!
//! Bytes drawn at random are refused by the first check that they meet. So an input is a good one, the *seed*, to which
//! a few things were done that happen to bytes, or that somebody does to them who means harm ([`Spoilt`]). Targets are
//! ordinary tests whose names begin with `fuzz_`: `cargo test` tries each for a moment, `make fuzz` for as long as it is
//! told. docs/testing.md tells how to give one to libFuzzer, and what to do with an input that fails.
//!
//! ```
//! conclave_fuzz::inputs_of!(["8080", "0x1f"]).for_each(|input| {
//!     let text = String::from_utf8_lossy(input);
//!     if let Ok(port) = text.parse::<u16>() {
//!         assert_eq!(port.to_string().parse(), Ok(port));
//!     }
//! });
//! ```

mod draw;
mod input;
#[cfg(feature = "messages")]
mod messages;
mod spoil;
mod spoilt;

pub use bolero;
pub use input::Input;
#[cfg(feature = "messages")]
pub use messages::{messages, requests};
pub use spoilt::Spoilt;

use std::time::Duration;

/// Most inputs that a target is given by `cargo test`.
pub const INPUTS_MAX: usize = 20_000;

/// How long a target is tried by `cargo test`; whichever of both bounds is met first ends it.
pub const TEST_TIME_MAX: Duration = Duration::from_millis(700);

/// A target: inputs made of these seeds, for `for_each`. To be used in a test of its own.
#[macro_export]
macro_rules! inputs_of {
    ($seeds:expr) => {
        $crate::bolero::check!()
            .with_iterations($crate::INPUTS_MAX)
            .with_test_time($crate::TEST_TIME_MAX)
            .with_generator($crate::Spoilt::of($seeds))
    };
}
