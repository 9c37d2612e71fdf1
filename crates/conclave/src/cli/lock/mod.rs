//! `conclave lock`: a program that runs while a lock is held, and a look at locks.
//!
//! | file | what |
//! |---|---|
//! | [`arguments`] | the flags of what is held while a program runs, as types |
//! | [`mod@hold`] | from the opening of the session to its end |
//! | [`supervise`] | the program meanwhile: its end, signals, the loss of what it needs |
//! | [`run`] | the command itself |
//! | [`views`] | locks as reports tell them |
//! | others | a file a command |

mod arguments;
mod check;
mod hold;
mod list;
mod release;
mod run;
mod show;
mod supervise;
mod views;
mod watch;

use std::process::ExitCode;

pub(super) use arguments::HoldArgs;
pub(super) use check::not_held;
pub(super) use hold::{Hold, Holding, hold, waiting};
pub(super) use supervise::Supervisor;
pub(super) use views::{BytesView, owner};

use super::errors::Failure;
use super::exit::Exit;
use super::session::Session;

/// Run a program while a lock is held; look at locks, and take them from who holds them
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    subcommand_negates_reqs = true,
    override_usage = "conclave lock [OPTIONS] NAME -- COMMAND...\n       conclave lock [OPTIONS] <list|show|watch|release|check|run> ...",
    after_help = "Examples:
  conclave lock nightly-backup -- ./backup
  conclave lock orders/42 --wait 30s -- sh -c './migrate --fencing-token \"$CONCLAVE_FENCING_TOKEN\"'
  conclave lock cache/rebuild --no-wait --ttl 1m -- ./rebuild
  conclave lock licences --permits 1/3 -- ./solve
  conclave lock list orders/
  conclave lock show orders/42

`conclave lock NAME -- COMMAND` is short for `conclave lock run NAME -- COMMAND`, whose help says more."
)]
pub(super) struct LockArgs {
    #[command(flatten)]
    run: run::RunArgs,
    #[command(subcommand)]
    command: Option<LockCommand>,
}

/// What can be done with locks.
#[derive(Debug, clap::Subcommand)]
pub(super) enum LockCommand {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Watch(watch::WatchArgs),
    Release(release::ReleaseArgs),
    Check(check::CheckArgs),
    /// Run a program while a lock is held
    #[command(after_help = RUN_HELP)]
    Run(run::RunArgs),
}

const RUN_HELP: &str = "Examples:
  conclave lock run nightly-backup -- ./backup
  conclave lock run list -- ./a-lock-called-list
  conclave lock run orders/42 -- sh -c 'conclave config put orders done=1 --held \\
    \"$CONCLAVE_LOCK_NAME:$CONCLAVE_FENCING_TOKEN\"'

COMMAND finds CONCLAVE_FENCING_TOKEN, CONCLAVE_LOCK_NAME and CONCLAVE_SESSION_ID in its environment. The lock is \
released once it has ended; what it leaves in the background then goes on without the lock.

When the lock is lost (no node renews the session in time, somebody takes the lock), COMMAND gets SIGTERM with all \
that it has started, and SIGKILL follows after --grace. It is told a tenth of the TTL at least before another can have \
the lock; whatever takes longer to end is safe only if what it works on checks the token. So it is if conclave itself \
is killed by SIGKILL or stopped: COMMAND then goes on, and the lock is another's when the TTL is over. On Linux, \
`-- setpriv --pdeathsig TERM COMMAND` ends it with conclave.

SIGTERM and SIGINT end COMMAND likewise; SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 are passed on to it. What was ignored \
when conclave was started, as nohup has it, stays ignored. At a terminal, COMMAND has from there what is typed.

Exit codes: COMMAND's own; 128 and the signal's number if a signal ended it, 127 if there is no such program, 126 if \
it cannot be run; 125 if the lock was lost before COMMAND had ended; 124 if the lock was not to be had in the time \
given. What else goes wrong before COMMAND is started ends with the codes of `conclave --help`.";

impl LockArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<ExitCode, Failure> {
        let command = match (self.command, self.run.name()) {
            (Some(_), Some(name)) => return Err(two_things(name)),
            (Some(command), None) => command,
            (None, _) => LockCommand::Run(self.run),
        };
        match command {
            LockCommand::Run(args) => return args.run(session).await,
            LockCommand::List(args) => args.run(session).await,
            LockCommand::Show(args) => args.run(session).await,
            LockCommand::Watch(args) => args.run(session).await,
            LockCommand::Release(args) => args.run(session).await,
            LockCommand::Check(args) => args.run(session).await,
        }?;
        Ok(Exit::Done.into())
    }
}

fn two_things(name: &str) -> Failure {
    Failure::usage(format!("{name:?} is no command of locks"))
        .with_hint("a command comes first: `conclave lock show NAME`, `conclave lock run NAME -- COMMAND`")
}
