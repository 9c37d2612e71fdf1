//! `conclave run`: a program with a namespace as its environment and files, kept current.
//!
//! | file | what |
//! |---|---|
//! | [`arguments`] | the flags, as types |
//! | [`variables`] | items as variables of the environment |
//! | [`context`], [`template`] | items as templates see them, and files made of them |
//! | [`last_good`] | where the last good copy lies: by the cluster, not by the node that is asked |
//! | [`setup`] | all that a program gets, made of one version |
//! | [`supervise`] | what happens when, from the first start to the exit code |

mod arguments;
mod context;
mod last_good;
mod setup;
mod supervise;
mod template;
mod variables;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use conclave_client::{CacheError, CacheOptions, CacheState, Client, ClientOptions, ConfigCache};

use self::arguments::{OnChange, TemplatePaths};
use self::last_good::LastGood;
use self::setup::Recipe;
use self::supervise::Supervisor;
use super::errors::Failure;
use super::exit::Exit;
use super::options::{Environment, duration};
use super::program::Launch;
use super::session::Session;
use super::text;

/// How long a cluster that did not answer is waited for once more.
const AWAY_MS: u64 = 500;

/// Run a program with a namespace as its environment and files, and keep it current
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave run payments/prod -- ./payments --port 8080
  conclave run payments/prod --env-prefix APP_ --on-change none -- ./payments
  conclave run edge/proxy --no-env --template n.j2:n.conf --on-change signal:HUP -- nginx

Environment: the item db.url is the variable DB_URL: letters in upper case, '_' for all but letters and digits. \
Templates are Jinja: {{ config.db.url }} or {{ items[\"db.url\"] }}; also namespace, version and revision. \
Items that change make new files; a variable can only change with a restart. What changes nothing in files and \
environment restarts nothing. A change that cannot be applied (a template fails, two keys make one variable) is \
told, and the program goes on with what it has.

While the cluster is away the program starts from the last good copy, and a warning tells how old that is.

SIGTERM and SIGINT go to the program, and SIGKILL follows after --grace; SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 are \
passed on. The exit code is the program's: 128 and the signal's number if a signal ended it, 127 if there is no such \
program, 126 if it cannot be run.")]
pub(super) struct RunArgs {
    /// The namespace; it must exist
    #[arg(value_name = "NAMESPACE")]
    namespace: String,
    /// What the names of all variables begin with
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true, value_parser = arguments::env_prefix)]
    env_prefix: String,
    /// Set no variables: the program reads files
    #[arg(long, conflicts_with = "env_prefix")]
    no_env: bool,
    /// Make the file DST from the template SRC, readable for the owner only; may be given again
    #[arg(long = "template", value_name = "SRC:DST", value_parser = arguments::template_paths)]
    templates: Vec<TemplatePaths>,
    /// What to do when the environment or a file changes: restart, signal:NAME (as in signal:HUP), or none
    #[arg(long, value_name = "ACTION", default_value = "restart", value_parser = arguments::on_change)]
    on_change: OnChange,
    /// Where the last good copy is kept [default: a file of its own in $XDG_STATE_HOME/conclave]
    #[arg(long, value_name = "FILE")]
    cache: Option<PathBuf>,
    /// Keep no copy: start only while the cluster is there
    #[arg(long, conflicts_with = "cache")]
    no_cache: bool,
    /// How long it must be quiet after a change before it is applied
    #[arg(long, value_name = "DURATION", default_value = "200ms", value_parser = duration)]
    settle: Duration,
    /// How long the program may take to end before it is killed
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    grace: Duration,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl RunArgs {
    /// Runs the program to its end, and tells its exit code.
    pub(super) async fn run(self, session: &mut Session) -> Result<ExitCode, Failure> {
        let recipe = Recipe::read(self.variable_prefix(), &self.templates)?;
        let cache = self.open(session).await?;
        if cache.content().is_deleted() {
            return Err(Failure::new(
                Exit::NotFound,
                format!("namespace \"{}\" was deleted", self.namespace),
            ));
        }
        let setup = recipe.setup(&cache.content())?;
        setup.write_files()?;
        let Self { on_change, settle, grace, command, .. } = self;
        let launch = Launch::of(command);
        let supervisor = Supervisor { recipe, launch, on_change, settle, grace };
        let ended = supervisor.run(&cache, setup, &mut session.output).await;
        cache.close().await;
        ended
    }

    fn variable_prefix(&self) -> Option<String> {
        (!self.no_env).then(|| self.env_prefix.clone())
    }

    /// Opens the cache, and tells what is not as it should be.
    async fn open(&self, session: &mut Session) -> Result<ConfigCache, Failure> {
        let client = spread(&session.client)?;
        let LastGood { file, is_away } = self.last_good(session).await?;
        // Who was asked already is not waited for again as long.
        let start_timeout_ms = client.options().timeout_ms.min(if is_away { AWAY_MS } else { u64::MAX });
        let options = CacheOptions { file, start_timeout_ms, ..CacheOptions::of(&self.namespace) };
        let cache = match ConfigCache::open(client, options).await {
            Ok(cache) => cache,
            Err(CacheError { cluster, file }) => {
                if let Some(file) = file {
                    session.output.note(&format!("warning: the last good copy does not help: {file}"));
                }
                return Err(cluster.into());
            }
        };
        if let Some(problem) = cache.file_problem() {
            session.output.note(&format!("warning: the last good copy is passed over: {problem}"));
        }
        if let CacheState::Stale { cause, .. } = cache.state() {
            let (version, age) = (cache.version(), text::duration(cache.state().age().as_secs()));
            session.output.note(&format!(
                "warning: the cluster is away ({cause}): the last good copy is used, version {version}, last \
                 known to be current {age} ago"
            ));
        }
        Ok(cache)
    }

    /// Where the last good copy is, if one is kept.
    async fn last_good(&self, session: &mut Session) -> Result<LastGood, Failure> {
        if self.no_cache || self.cache.is_some() {
            return Ok(LastGood { file: self.cache.clone(), is_away: false });
        }
        match Environment::of(std::env::vars_os()).state_folder() {
            Some(folder) => last_good::find(&folder, &self.namespace, session).await,
            None => {
                let told = "warning: no last good copy is kept: neither XDG_STATE_HOME nor HOME is set";
                session.output.note(told);
                Ok(LastGood { file: None, is_away: false })
            }
        }
    }
}

/// The same client as one of many: its watch stays for long, and is to be spread over the nodes.
fn spread(client: &Client) -> Result<Client, Failure> {
    let client_id = ClientOptions::default().client_id;
    Ok(Client::connect(ClientOptions { client_id, ..client.options().clone() })?)
}
