//! The environment, as far as client commands read it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::cli::text::nearest;
use crate::serve::settings;

/// Variables of client commands.
const CLIENT_VARIABLES: [&str; 5] = [
    "CONCLAVE_ENDPOINTS",
    "CONCLAVE_TIMEOUT_MS",
    "CONCLAVE_CLIENT_CONFIG",
    "CONCLAVE_OUTPUT",
    "CONCLAVE_AUTHOR",
];
/// What `conclave lock` and `conclave elect` tell their programs, `conclave` among them.
const TOLD_VARIABLES: [&str; 3] = [FENCING_TOKEN, LOCK_NAME, SESSION_ID];
/// The fencing token of the grant under which a program runs.
pub(in crate::cli) const FENCING_TOKEN: &str = "CONCLAVE_FENCING_TOKEN";
/// The lock that is held while a program runs.
pub(in crate::cli) const LOCK_NAME: &str = "CONCLAVE_LOCK_NAME";
/// The session that holds it.
pub(in crate::cli) const SESSION_ID: &str = "CONCLAVE_SESSION_ID";
/// How alike two names must be (0 to 1) for one to be taken as a slip of the other.
const LIKENESS_MIN: f64 = 0.8;

/// The variables of the environment.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) struct Environment {
    variables: BTreeMap<String, String>,
    mistakes: Vec<String>,
}

impl Environment {
    /// Takes variables; what is no text cannot be one of ours, unless its name says so.
    pub(in crate::cli) fn of(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut environment = Self::default();
        for (name, text) in variables {
            let Ok(name) = name.into_string() else { continue };
            match text.into_string() {
                Ok(text) => drop(environment.variables.insert(name, text)),
                Err(_) if name.starts_with("CONCLAVE_") => {
                    environment.mistakes.push(format!("{name}: its value is not UTF-8"));
                }
                Err(_) => {}
            }
        }
        environment
    }

    /// A variable, if it is set.
    pub(in crate::cli) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// All variables.
    pub(in crate::cli) fn iter(&self) -> impl Iterator<Item = (String, String)> {
        self.variables.iter().map(|(name, text)| (name.clone(), text.clone()))
    }

    /// Our variables that cannot be read at all.
    pub(in crate::cli) fn mistakes(&self) -> &[String] {
        &self.mistakes
    }

    /// Where the client config file is if nobody says.
    pub(super) fn client_config_path(&self) -> Option<PathBuf> {
        Some(self.folder("XDG_CONFIG_HOME", ".config")?.join("config.toml"))
    }

    /// Where files are kept that outlive a run and can be made again.
    pub(in crate::cli) fn state_folder(&self) -> Option<PathBuf> {
        self.folder("XDG_STATE_HOME", ".local/state")
    }

    /// Our folder in the one that a variable names, or in its usual place at home.
    fn folder(&self, variable: &str, usual: &str) -> Option<PathBuf> {
        let set = |name: &str| self.get(name).filter(|text| !text.is_empty()).map(PathBuf::from);
        let folder = set(variable).or_else(|| set("HOME").map(|home| home.join(usual)))?;
        Some(folder.join("conclave"))
    }

    /// What is wrong with the variables themselves: a name that nearly is one of ours would otherwise be
    /// passed over in silence.
    pub(super) fn slips(&self) -> Vec<String> {
        let ours = self.variables.keys().filter(|name| name.starts_with("CONCLAVE_"));
        let unknown = ours.filter(|name| !is_of_client(name) && !is_of_server(name));
        let slips = unknown.filter_map(|name| {
            let meant = nearest(name, &CLIENT_VARIABLES, LIKENESS_MIN)?;
            Some(format!("{name} is not a setting: did you mean {meant}?"))
        });
        self.mistakes.iter().cloned().chain(slips).collect()
    }
}

/// Whether a variable is of client commands.
pub(in crate::cli) fn is_of_client(name: &str) -> bool {
    CLIENT_VARIABLES.contains(&name) || TOLD_VARIABLES.contains(&name)
}

fn is_of_server(name: &str) -> bool {
    name == crate::cli::serve_command::CONFIG_VARIABLE
        || settings::KEYS.iter().any(|key| key.variable() == name)
}
