//! The log: events with fields, to standard error.
//!
//! The engine of consensus tells much that only its own developers need: of it, warnings are told, unless
//! `log_level` says something else of `openraft`.

use std::io::IsTerminal as _;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use super::settings::{LogFormat, Settings};

/// Under this name the engine of consensus tells what it does.
const ENGINE: &str = "openraft";

/// Starts the log as the settings say. To be called once.
pub(super) fn start(settings: &Settings) {
    let levels = levels(&settings.log_level);
    let lines = fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry();
    match settings.log_format {
        LogFormat::Text => {
            let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            registry.with(lines.with_ansi(colour).with_filter(levels)).init();
        }
        LogFormat::Json => registry.with(lines.json().flatten_event(true).with_filter(levels)).init(),
    }
}

fn levels(setting: &str) -> Targets {
    let levels: Targets = setting.parse().expect("the settings were checked");
    let says_all = levels.default_level().unwrap_or(LevelFilter::OFF) <= LevelFilter::WARN;
    if says_all || setting.contains(ENGINE) { levels } else { levels.with_target(ENGINE, LevelFilter::WARN) }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn of_the_engine_only_warnings_are_told_unless_asked_for() {
        let would = |setting: &str, level| levels(setting).would_enable("openraft::core", &level);
        assert!(would("info", Level::WARN) && !would("info", Level::INFO));
        assert!(!would("error", Level::WARN));
        assert!(would("info,openraft=debug", Level::DEBUG));
        assert!(levels("debug").would_enable("conclave_raft", &Level::DEBUG));
    }
}
