//! The command line: the tree of commands, and how one is run.
//!
//! | file | what |
//! |---|---|
//! | [`serve_command`] | the flags of `conclave serve`, made from the table of settings |
//! | [`config`] | what is done with configuration, a file a command |
//! | [`snapshot`] | the same for snapshots of many namespaces |
//! | [`mod@run`] | a program with a namespace as its environment and files |
//! | [`mod@lock`], [`elect`] | a program that runs while a lock is held, or while it leads; a look at both |
//! | [`sessions`] | the sessions of workers, on which their locks hang |
//! | [`cluster`] | the state of the cluster |
//! | [`backup`] | backups, and clusters that are made of them |
//! | [`options`] | settings of client commands: flags, variables, file |
//! | [`output`] | the one writer, and the formats of reports |
//! | [`progress`] | bars for long work |
//! | [`errors`], [`exit`] | what is said of a failure, and the codes that scripts get |
//! | [`program`], [`descendants`], [`signals`] | a program that a command runs, all that it has started, and the signals that are meant for it |
//! | [`probe`] | whether a node lives or is ready, for health checks |
//! | [`text`], [`table`], [`colour`], [`times`] | how text for people is made, and moments are read |

mod backup;
mod cluster;
mod colour;
mod completions;
mod config;
mod descendants;
mod elect;
mod errors;
mod exit;
mod lock;
mod options;
mod output;
mod probe;
mod program;
mod progress;
mod run;
mod serve_command;
mod session;
mod sessions;
mod signals;
mod snapshot;
mod table;
mod text;
mod times;
mod version;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::errors::Failure;
use self::exit::Exit;
use self::options::{ClientArgs, Environment, Options};
use self::output::{Output, OutputFormat};
use self::session::Session;

/// A replicated configuration store: server and command line in one.
#[derive(Debug, Parser)]
#[command(
    name = "conclave",
    version,
    arg_required_else_help = true,
    after_help = format!(
        "Examples:\n  \
         conclave serve\n  \
         conclave config put payments/prod db.pool=8 --create-namespace\n  \
         conclave config get payments/prod db.pool\n  \
         conclave lock nightly-backup -- ./backup\n  \
         conclave cluster status\n\n{}",
        exit::help()
    )
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve_command::ServeArgs),
    /// Read, change, compare, tag, search and watch configuration
    #[command(
        arg_required_else_help = true,
        after_help = "Examples:\n  \
            conclave config put payments/prod db.pool=8 -m \"more connections\"\n  \
            conclave config history payments/prod\n  \
            conclave config rollback payments/prod --to 3"
    )]
    Config {
        #[command(flatten)]
        client: ClientArgs,
        #[command(subcommand)]
        command: Box<config::ConfigCommand>,
    },
    /// Name, compare and bring back the state of many namespaces at once
    #[command(
        arg_required_else_help = true,
        after_help = "Examples:\n  \
            conclave snapshot create before-upgrade --all\n  \
            conclave snapshot diff before-upgrade\n  \
            conclave snapshot rollback before-upgrade"
    )]
    Snapshot {
        #[command(flatten)]
        client: ClientArgs,
        #[command(subcommand)]
        command: snapshot::SnapshotCommand,
    },
    /// Look at the cluster itself
    #[command(
        arg_required_else_help = true,
        after_help = "Examples:\n  conclave cluster status\n  conclave cluster status --output json"
    )]
    Cluster {
        #[command(flatten)]
        client: ClientArgs,
        #[command(subcommand)]
        command: cluster::ClusterCommand,
    },
    /// Back up the cluster, check and list backups, and make a cluster of one
    #[command(
        arg_required_else_help = true,
        after_help = "Examples:\n  \
            conclave backup create /backups/\n  \
            conclave backup verify /backups\n  \
            conclave backup list /backups"
    )]
    Backup {
        #[command(flatten)]
        client: ClientArgs,
        #[command(subcommand)]
        command: backup::BackupCommand,
    },
    Run {
        #[command(flatten)]
        client: ClientArgs,
        #[command(flatten)]
        args: run::RunArgs,
    },
    Lock {
        #[command(flatten)]
        client: ClientArgs,
        #[command(flatten)]
        args: Box<lock::LockArgs>,
    },
    Elect {
        #[command(flatten)]
        client: ClientArgs,
        #[command(flatten)]
        args: Box<elect::ElectArgs>,
    },
    /// Look at the sessions of workers, on which their locks hang, and end them
    #[command(
        arg_required_else_help = true,
        after_help = "Examples:\n  conclave session list\n  conclave session show 7215386690127411843"
    )]
    Session {
        #[command(flatten)]
        client: ClientArgs,
        #[command(subcommand)]
        command: sessions::SessionCommand,
    },
    Probe(probe::ProbeArgs),
    Completions(completions::CompletionsArgs),
    Version(version::VersionArgs),
}

/// Runs the program with these arguments, the first of which is its own name.
pub(crate) fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command = match Cli::try_parse_from(args) {
        Ok(cli) => cli.command,
        Err(told) => return tell_clap(&told),
    };
    match command {
        Command::Serve(args) => match args.sources(&Environment::of(std::env::vars_os())) {
            Ok(sources) => crate::serve::run(&sources),
            Err(failure) => tell(&failure),
        },
        Command::Config { client, command } => {
            in_session(&client, async |session| command.run(session).await)
        }
        Command::Snapshot { client, command } => {
            in_session(&client, async |session| command.run(session).await)
        }
        Command::Cluster { client, command } => {
            in_session(&client, async |session| command.run(session).await)
        }
        Command::Backup { client, command } => {
            in_session(&client, async |session| command.run(session).await)
        }
        Command::Run { client, args } => {
            told_code(within_session(&client, async |session| args.run(session).await))
        }
        Command::Lock { client, args } => {
            told_code(within_session(&client, async |session| args.run(session).await))
        }
        Command::Elect { client, args } => {
            told_code(within_session(&client, async |session| args.run(session).await))
        }
        Command::Session { client, command } => {
            in_session(&client, async |session| command.run(session).await)
        }
        Command::Probe(args) => end(args.run(&Environment::of(std::env::vars_os()))),
        Command::Completions(args) => end(args.run(&mut Output::standard(OutputFormat::Table))),
        Command::Version(args) => end(args.run(&mut Output::standard(args.output()))),
    }
}

/// Runs a command that talks to the cluster.
fn in_session(args: &ClientArgs, command: impl AsyncFnOnce(&mut Session) -> Result<(), Failure>) -> ExitCode {
    end(within_session(args, command))
}

/// The same, for a command that makes something of it.
fn within_session<T>(
    args: &ClientArgs,
    command: impl AsyncFnOnce(&mut Session) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::new(Exit::Failed, format!("the runtime cannot start: {error}")))?;
    let environment = Environment::of(std::env::vars_os());
    runtime.block_on(async {
        let mut session = Session::open(Options::read(args, &environment)?)?;
        command(&mut session).await
    })
}

/// The exit code of a command that makes one of its own.
fn told_code(outcome: Result<ExitCode, Failure>) -> ExitCode {
    outcome.unwrap_or_else(|failure| tell(&failure))
}

fn end(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => Exit::Done.into(),
        Err(failure) => tell(&failure),
    }
}

fn tell(failure: &Failure) -> ExitCode {
    // Without a standard error there is nobody to tell; the exit code still says it.
    let _ = write!(std::io::stderr(), "{failure}");
    failure.exit().into()
}

/// Tells what the parser has to say: help and version on standard output, mistakes on standard error.
fn tell_clap(told: &clap::Error) -> ExitCode {
    let _ = told.print();
    if told.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() }
}

#[cfg(test)]
mod tests;
