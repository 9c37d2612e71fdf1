//! The log: events with fields, to standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use super::settings::{LogFormat, Settings};

/// Starts the log as the settings say. To be called once.
pub(super) fn start(settings: &Settings) {
    let levels: Targets = settings.log_level.parse().expect("the settings were checked");
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
