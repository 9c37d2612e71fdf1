//! `conclave serve` on the command line: one flag for each setting, made from the table of settings.

use std::path::{Path, PathBuf};

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use super::errors::Failure;
use super::options::{Environment, is_of_client};
use crate::serve::settings::{KEYS, Key, Sources};

/// The variable that names the settings file.
pub(super) const CONFIG_VARIABLE: &str = "CONCLAVE_CONFIG";

const CONFIG_ID: &str = "config";

const EXAMPLES: &str = "\
Examples:
  conclave serve
  conclave serve --config /etc/conclave/conclave.toml
  conclave serve --node-id 1 --data-dir /var/lib/conclave \\
      --client-listen 0.0.0.0:4101 --client-advertise http://db1.internal:4101 \\
      --peer-listen 0.0.0.0:4201 \\
      --initial-cluster 1=db1.internal:4201,2=db2.internal:4201,3=db3.internal:4201

A flag wins over the variable, the variable over the file, the file over the default.";

/// What was given to `conclave serve` as flags.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ServeArgs {
    config: Option<PathBuf>,
    settings: Vec<(&'static str, String)>,
}

impl ServeArgs {
    /// Brings flags, variables and the settings file together. Whether they can be used is judged by the
    /// settings themselves, which tell every mistake at once.
    pub(super) fn sources(self, environment: &Environment) -> Result<Sources, Failure> {
        if !environment.mistakes().is_empty() {
            return Err(Failure::mistakes("these settings cannot be used:", environment.mistakes().to_vec()));
        }
        let config = self.config.or_else(|| environment.get(CONFIG_VARIABLE).map(PathBuf::from));
        let sources = match config {
            Some(path) => Sources::default().file(&path.display().to_string(), &read(&path)?),
            None => Sources::default(),
        };
        let variables = environment.iter().filter(|(name, _)| name != CONFIG_VARIABLE && !is_of_client(name));
        let sources = sources.environment(variables);
        Ok(self.settings.into_iter().fold(sources, |sources, (name, text)| sources.flag(name, text)))
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!("{}: the settings file cannot be read: {error}", path.display()))
    })
}

impl Args for ServeArgs {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new(CONFIG_ID)
            .long("config")
            .value_name("FILE")
            .value_parser(ValueParser::path_buf())
            .help(format!("File with settings, in TOML [env: {CONFIG_VARIABLE}]"));
        command
            .about("Run a node of the cluster")
            .after_help(EXAMPLES)
            .arg(config)
            .next_help_heading("Settings")
            .args(KEYS.iter().filter(|key| !is_limit(key)).map(flag))
            .next_help_heading("Limits")
            .args(KEYS.iter().filter(|key| is_limit(key)).map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ServeArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |key: &'static Key| Some((key.name, matches.get_one::<String>(key.name)?.clone()));
        let config = matches.get_one::<PathBuf>(CONFIG_ID).cloned();
        Ok(Self { config, settings: KEYS.iter().filter_map(given).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn is_limit(key: &Key) -> bool {
    key.name.starts_with("limits.")
}

fn flag(key: &'static Key) -> Arg {
    let unset = key.default.is_empty();
    let default = if unset { String::new() } else { format!(" [default: {}]", key.default) };
    Arg::new(key.name)
        .long(key.flag())
        .value_name("VALUE")
        .action(ArgAction::Set)
        .allow_hyphen_values(true)
        .hide_default_value(true)
        .help(format!("{} [env: {}]{default}", key.help.trim(), key.variable()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::settings::Settings;

    fn parse(flags: &[&str]) -> ServeArgs {
        let command = ServeArgs::augment_args(Command::new("serve"));
        let matches =
            command.try_get_matches_from([&["serve"], flags].concat()).expect("the flags are known");
        ServeArgs::from_arg_matches(&matches).expect("they have values")
    }

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::of(variables.iter().map(|(name, text)| (name.into(), text.into())))
    }

    fn settings(args: ServeArgs, variables: &[(&str, &str)]) -> Settings {
        let sources = args.sources(&environment(variables)).expect("they can be read");
        Settings::read(&sources).expect("they can be used")
    }

    #[test]
    fn every_setting_has_a_flag_with_its_variable_and_default() {
        let mut command = ServeArgs::augment_args(Command::new("serve")).term_width(0);
        let help = command.render_long_help().to_string();
        for key in KEYS {
            assert!(help.contains(&format!("--{} <VALUE>", key.flag())), "{}", key.name);
            assert!(help.contains(&key.variable()), "{}", key.name);
        }
        assert!(help.contains("[default: 127.0.0.1:4101]"));
    }

    #[test]
    fn a_flag_wins_over_a_variable_and_a_variable_over_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("conclave.toml");
        std::fs::write(&file, "heartbeat_ms = 30\nshutdown_grace_ms = 1\nsnapshot_entries = 500\n")
            .expect("a file");
        let file = file.to_str().expect("the path is text");
        let variables = [("CONCLAVE_HEARTBEAT_MS", "35"), ("CONCLAVE_SHUTDOWN_GRACE_MS", "2")];

        let by_flag = settings(parse(&["--config", file, "--heartbeat-ms", "40"]), &variables);
        assert_eq!((by_flag.heartbeat_ms, by_flag.shutdown_grace_ms, by_flag.snapshot_entries), (40, 2, 500));
        let by_variable = settings(parse(&[]), &[("CONCLAVE_CONFIG", file)]);
        assert_eq!(by_variable.heartbeat_ms, 30);
    }

    #[test]
    fn a_settings_file_that_is_not_there_is_told() {
        let failure =
            parse(&["--config", "/nowhere/c.toml"]).sources(&environment(&[])).expect_err("no file");
        assert!(
            failure.to_string().starts_with("conclave: /nowhere/c.toml: the settings file cannot be read")
        );
    }

    #[test]
    fn variables_of_client_commands_are_none_of_the_servers_business() {
        let variables = [
            ("CONCLAVE_ENDPOINTS", "a:1"),
            ("CONCLAVE_TIMEOUT_MS", "1"),
            ("CONCLAVE_CLIENT_CONFIG", "c.toml"),
            ("CONCLAVE_OUTPUT", "json"),
            ("CONCLAVE_AUTHOR", "ada"),
        ];
        assert_eq!(settings(parse(&[]), &variables).node_id, 1);
        let sources = parse(&[]).sources(&environment(&variables)).expect("they can be read");
        assert!(sources.passed_over().is_empty());
    }

    #[test]
    fn a_variable_that_nobody_knows_is_passed_over_and_told() {
        let variables = [("CONCLAVE_SERVICE_HOST", "10.0.0.1"), ("HOME", "/root")];
        let sources = parse(&[]).sources(&environment(&variables)).expect("they can be read");
        assert_eq!(sources.passed_over(), ["CONCLAVE_SERVICE_HOST"]);
        Settings::read(&sources).expect("it is no mistake");
    }
}
