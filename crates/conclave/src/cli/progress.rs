//! How far long work has come: a bar on standard error. Where that is no terminal, nothing is drawn.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The least that a bar is drawn for: what is done at once needs none.
const STEPS_MIN: usize = 8;

/// A bar. It goes when it is dropped, and leaves nothing behind.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Work of so many steps.
    pub(super) fn of(what: &'static str, steps: usize) -> Self {
        let steps_told = u64::try_from(steps).unwrap_or(u64::MAX);
        let target =
            if steps < STEPS_MIN { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        Self::new(
            ProgressBar::with_draw_target(Some(steps_told), target),
            what,
            "{msg} {wide_bar} {pos}/{len} {eta}",
        )
    }

    /// Work on so many bytes.
    pub(super) fn bytes(what: &'static str, size_bytes: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(size_bytes), ProgressDrawTarget::stderr());
        Self::new(bar, what, "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}")
    }

    /// Work whose end nobody knows before.
    pub(super) fn endless(what: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        Self::new(bar, what, "{msg} {pos} {spinner}")
    }

    fn new(bar: ProgressBar, what: &'static str, template: &str) -> Self {
        // A template that cannot be read leaves the bar in its usual style.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what);
        Self(bar)
    }

    /// So many bytes were worked on.
    pub(super) fn advance(&self, size_bytes: usize) {
        self.0.inc(u64::try_from(size_bytes).unwrap_or(u64::MAX));
    }

    /// One step was done.
    pub(super) fn step(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_can_be_read_and_steps_are_counted() {
        for bar in
            [Progress::of("reading", 100), Progress::bytes("reading", 100), Progress::endless("searching")]
        {
            bar.step();
            assert_eq!(bar.0.position(), 1);
        }
        let bytes = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        for template in ["{msg} {wide_bar} {pos}/{len} {eta}", bytes, "{msg} {pos} {spinner}"] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
