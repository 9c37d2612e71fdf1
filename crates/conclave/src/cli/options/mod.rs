//! The settings of client commands: where the nodes are, how long to try, how answers look, who acts.
//!
//! A flag wins over the variable, the variable over the client config file, the file over the default.
//! A value that does not fit is never replaced by the default: all mistakes are told at once, each with
//! the place where it was made.

mod environment;
mod file;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use conclave_client::ClientOptions;

pub(super) use environment::{Environment, FENCING_TOKEN, LOCK_NAME, SESSION_ID, is_of_client};

use super::errors::Failure;
use super::output::OutputFormat;

/// Flags that every client command takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Client options")]
pub(super) struct ClientArgs {
    /// Nodes to talk to, separated by commas; one is enough, all are better
    /// [env: CONCLAVE_ENDPOINTS] [default: 127.0.0.1:4101]
    #[arg(long, global = true, value_name = "HOST:PORT,...")]
    pub(super) endpoints: Option<String>,
    /// How long to try, as in 500ms, 10s or 1m [env: CONCLAVE_TIMEOUT_MS] [default: 10s]
    #[arg(long, global = true, value_name = "DURATION")]
    pub(super) timeout: Option<String>,
    /// File with endpoints, timeout_ms, output and author
    /// [env: CONCLAVE_CLIENT_CONFIG] [default: ~/.config/conclave/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) client_config: Option<PathBuf>,
    /// How answers look [env: CONCLAVE_OUTPUT] [default: table]
    #[arg(long, short, global = true, value_name = "FORMAT")]
    pub(super) output: Option<OutputFormat>,
}

/// The settings of one client command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Options {
    /// Where the nodes are and how long to try.
    pub(super) client: ClientOptions,
    /// How answers look.
    pub(super) output: OutputFormat,
    /// Who acts, unless a command says otherwise.
    pub(super) author: String,
}

/// A text that somebody gave for a setting, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Given {
    text: String,
    place: String,
}

impl Options {
    /// Reads the settings from flags, variables and the client config file.
    pub(super) fn read(args: &ClientArgs, environment: &Environment) -> Result<Self, Failure> {
        let mut resolver = Resolver { mistakes: environment.slips(), file: file::Settings::default() };
        resolver.read_file(args, environment);
        let options = resolver.options(args, environment);
        if resolver.mistakes.is_empty() {
            return Ok(options);
        }
        Err(Failure::mistakes("these settings cannot be used:", resolver.mistakes))
    }
}

/// A duration of a flag: `500ms`, `10s`, `1m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    values::duration_ms(text).map(Duration::from_millis)
}

/// A duration of a flag that has bounds of its own, as a number of milliseconds from `min_ms` to `max_ms`.
pub(super) fn span_ms(text: &str, min_ms: u64, max_ms: u64) -> Result<u64, String> {
    let found_ms = values::span_ms(text)?;
    if (min_ms..=max_ms).contains(&found_ms) {
        return Ok(found_ms);
    }
    Err(format!("{found_ms} ms is not from {min_ms} ms to {max_ms} ms"))
}

struct Resolver {
    mistakes: Vec<String>,
    file: file::Settings,
}

impl Resolver {
    /// Reads the file that is named, which must be there, or the one at the usual place, which need not.
    fn read_file(&mut self, args: &ClientArgs, environment: &Environment) {
        let named = args
            .client_config
            .clone()
            .or_else(|| environment.get("CONCLAVE_CLIENT_CONFIG").map(PathBuf::from));
        let must_exist = named.is_some();
        let Some(path) = named.or_else(|| environment.client_config_path()) else { return };
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                let (settings, mistakes) = file::read(&path.display().to_string(), &text);
                self.file = settings;
                self.mistakes.extend(mistakes);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => {}
            Err(error) => self.mistakes.push(format!("{}: cannot be read: {error}", path.display())),
        }
    }

    fn options(&mut self, args: &ClientArgs, environment: &Environment) -> Options {
        let defaults = ClientOptions::default();
        let flag = |name: &str, text: &Option<String>| given(&format!("--{name}"), text.clone());
        let variable = |name: &str| given(name, environment.get(name).map(str::to_owned));

        let endpoints = flag("endpoints", &args.endpoints).or_else(|| variable("CONCLAVE_ENDPOINTS"));
        let endpoints = self.value(endpoints.or_else(|| self.file.endpoints.clone()), values::endpoints);
        let timeout = self.value(flag("timeout", &args.timeout), values::duration_ms);
        let timeout_ms = variable("CONCLAVE_TIMEOUT_MS").or_else(|| self.file.timeout_ms.clone());
        let timeout_ms = timeout.or_else(|| self.value(timeout_ms, values::milliseconds));
        let output = variable("CONCLAVE_OUTPUT").or_else(|| self.file.output.clone());
        let output = args.output.or_else(|| self.value(output, values::output));
        let author = environment.get("CONCLAVE_AUTHOR").map(str::to_owned);
        let author = author.or_else(|| self.file.author.clone().map(|given| given.text));
        let user = || environment.get("USER").unwrap_or_default().to_owned();

        Options {
            client: ClientOptions {
                endpoints: endpoints.unwrap_or(defaults.endpoints),
                timeout_ms: timeout_ms.unwrap_or(defaults.timeout_ms),
                user_agent: concat!("conclave-cli/", env!("CARGO_PKG_VERSION")).into(),
                // Who names a node first wants it asked first.
                client_id: String::new(),
                ..ClientOptions::default()
            },
            output: output.unwrap_or_default(),
            author: author.unwrap_or_else(user),
        }
    }

    /// Reads a value if one was given; notes a mistake in it, and where it was made.
    fn value<T>(&mut self, given: Option<Given>, read: fn(&str) -> Result<T, String>) -> Option<T> {
        let Given { text, place } = given?;
        read(&text).map_err(|what| self.mistakes.push(format!("{place}: {what}"))).ok()
    }
}

fn given(place: &str, text: Option<String>) -> Option<Given> {
    text.map(|text| Given { text, place: place.into() })
}

#[cfg(test)]
mod tests;
