//! The log: events with fields, to standard error; and spans, to a collector if one is set.
//!
//! The engine of consensus tells much that only its own developers need: of it, warnings are told, unless
//! `log_level` says something else of `openraft`.

use std::fmt;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use conclave_door_native::LogLevels;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry, fmt as lines, reload};

use super::settings::{LogFormat, Settings, check_log_level};

/// Under this name the engine of consensus tells what it does.
const ENGINE: &str = "openraft";
/// How long the collector may take to take in a batch of spans.
const COLLECTOR_TIMEOUT: Duration = Duration::from_secs(5);
const NO_PANIC: &str = "nobody panics while holding it";

/// The running log: its level can be changed, and it is to be ended.
pub(super) struct Log {
    levels: Arc<Levels>,
    spans: Option<SdkTracerProvider>,
}

/// Starts the log as the settings say. To be called once, within the runtime that sends the spans.
///
/// # Errors
/// If the collector's address is none.
pub(super) fn start(settings: &Settings) -> Result<Log, ExporterBuildError> {
    let spans = settings.otlp_endpoint.as_deref().map(|address| collector(address, settings)).transpose()?;
    let (levels, handle) = reload::Layer::new(levels(&settings.log_level));
    let to_collector = spans.as_ref().map(|provider| {
        let tracer = provider.tracer("conclave");
        tracing_opentelemetry::layer().with_tracer(tracer).with_filter(span_levels())
    });
    tracing_subscriber::registry()
        .with(lines_of(settings.log_format).with_filter(levels))
        .with(to_collector)
        .init();
    let first = settings.log_level.clone();
    let levels = Levels { filter: handle, now: Mutex::new(first.clone()), first };
    Ok(Log { levels: Arc::new(levels), spans })
}

/// What is logged.
#[derive(Debug)]
struct Levels {
    filter: reload::Handle<Targets, Registry>,
    /// As of the settings.
    first: String,
    now: Mutex<String>,
}

impl LogLevels for Levels {
    fn level(&self) -> String {
        self.now.lock().expect(NO_PANIC).clone()
    }

    fn set_level(&self, level: &str) -> Result<(), String> {
        let level = if level.is_empty() { &self.first } else { level };
        check_log_level(level)?;
        let mut now = self.now.lock().expect(NO_PANIC);
        self.filter.reload(levels(level)).map_err(|error| error.to_string())?;
        tracing::warn!(before = *now, now = level, "what is logged was changed");
        level.clone_into(&mut now);
        Ok(())
    }
}

impl Log {
    /// What is logged.
    pub(super) fn levels(&self) -> Arc<dyn LogLevels> {
        Arc::clone(&self.levels) as Arc<dyn LogLevels>
    }

    /// Ends it: spans that wait are sent.
    pub(super) fn end(self) {
        let ended = self.spans.map(|provider| provider.shutdown());
        if let Some(Err(error)) = ended {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

fn lines_of(format: LogFormat) -> Box<dyn Layer<Registry> + Send + Sync> {
    let lines = lines::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Text => {
            let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            lines.with_ansi(colour).boxed()
        }
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    }
}

/// Sends spans in batches, beside all else; what the collector does not take in time is lost.
fn collector(address: &str, settings: &Settings) -> Result<SdkTracerProvider, ExporterBuildError> {
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(address)
        .with_timeout(COLLECTOR_TIMEOUT)
        .build()?;
    let resource = Resource::builder()
        .with_service_name("conclave")
        .with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.namespace", settings.cluster_name.clone()),
            KeyValue::new("service.instance.id", settings.node_id.to_string()),
        ])
        .build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// Spans are those of requests; what carries them to the collector must not make more.
fn span_levels() -> Targets {
    Targets::new().with_target("conclave", LevelFilter::INFO).with_target("conclave_door", LevelFilter::DEBUG)
}

fn levels(setting: &str) -> Targets {
    let levels: Targets = setting.parse().expect("the settings were checked");
    let says_all = levels.default_level().unwrap_or(LevelFilter::OFF) <= LevelFilter::WARN;
    if says_all || setting.contains(ENGINE) { levels } else { levels.with_target(ENGINE, LevelFilter::WARN) }
}

impl fmt::Debug for Log {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Log").field("levels", &self.levels).finish_non_exhaustive()
    }
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

    #[test]
    fn spans_are_those_of_requests() {
        assert!(span_levels().would_enable("conclave_door::request_span", &Level::INFO));
        assert!(!span_levels().would_enable("tonic::transport", &Level::INFO));
    }
}
