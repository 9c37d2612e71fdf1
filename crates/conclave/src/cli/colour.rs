//! Colour: only on a terminal, and never where `NO_COLOR` asks for none.

use std::io::{self, IsTerminal as _};

use clap::builder::styling::{AnsiColor, Style};

/// Puts colour on text, or leaves it plain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Paint {
    on: bool,
}

impl Paint {
    /// What standard output can show.
    pub(super) fn of_stdout() -> Self {
        Self::of(io::stdout().is_terminal(), |name| std::env::var_os(name).map(|it| it.into_encoded_bytes()))
    }

    /// `NO_COLOR` set to anything turns colour off, as does a terminal that calls itself dumb.
    fn of(is_terminal: bool, variable: impl Fn(&str) -> Option<Vec<u8>>) -> Self {
        let unwanted = variable("NO_COLOR").is_some_and(|text| !text.is_empty());
        let dumb = variable("TERM").is_some_and(|text| text == b"dumb");
        Self { on: is_terminal && !unwanted && !dumb }
    }

    pub(super) fn is_on(self) -> bool {
        self.on
    }

    pub(super) fn added(self, text: &str) -> String {
        self.with(AnsiColor::Green.on_default(), text)
    }

    pub(super) fn changed(self, text: &str) -> String {
        self.with(AnsiColor::Yellow.on_default(), text)
    }

    pub(super) fn deleted(self, text: &str) -> String {
        self.with(AnsiColor::Red.on_default(), text)
    }

    pub(super) fn heading(self, text: &str) -> String {
        self.with(Style::new().bold(), text)
    }

    pub(super) fn aside(self, text: &str) -> String {
        self.with(Style::new().dimmed(), text)
    }

    fn with(self, style: Style, text: &str) -> String {
        if self.on { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

#[cfg(test)]
impl Paint {
    /// Without colour.
    pub(super) const PLAIN: Self = Self { on: false };
    /// With colour, wherever it goes.
    pub(super) const FULL: Self = Self { on: true };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(is_terminal: bool, variables: &[(&str, &str)]) -> bool {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        Paint::of(is_terminal, |name| find(name).map(|(_, text)| text.as_bytes().to_vec())).is_on()
    }

    #[test]
    fn colour_needs_a_terminal_and_nobody_against_it() {
        assert!(of(true, &[]));
        assert!(of(true, &[("NO_COLOR", ""), ("TERM", "xterm")]));
        assert!(!of(false, &[]));
        assert!(!of(true, &[("NO_COLOR", "1")]));
        assert!(!of(true, &[("TERM", "dumb")]));
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        assert_eq!(Paint::PLAIN.added("a"), "a");
        assert_eq!(Paint::FULL.added("a"), "\u{1b}[32ma\u{1b}[0m");
    }
}
