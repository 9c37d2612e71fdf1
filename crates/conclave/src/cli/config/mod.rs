//! `conclave config`: what is done with configuration, a file a command.

mod assignment;
mod change_text;
mod commit;
mod commit_report;
mod create;
mod delete;
mod diff;
mod get;
mod history;
mod import;
mod import_plan;
mod input;
mod kept;
mod list;
mod put;
mod rollback;
mod version_text;
mod views;
mod watch;

use super::errors::Failure;
use super::session::Session;

/// What can be done with configuration.
#[derive(Debug, clap::Subcommand)]
pub(super) enum ConfigCommand {
    Put(put::PutArgs),
    Import(import::ImportArgs),
    Get(get::GetArgs),
    List(list::ListArgs),
    Create(create::CreateArgs),
    Delete(delete::DeleteArgs),
    History(history::HistoryArgs),
    Diff(diff::DiffArgs),
    Rollback(rollback::RollbackArgs),
    Watch(watch::WatchArgs),
}

impl ConfigCommand {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        match self {
            Self::Put(args) => args.run(session).await,
            Self::Import(args) => args.run(session).await,
            Self::Get(args) => args.run(session).await,
            Self::List(args) => args.run(session).await,
            Self::Create(args) => args.run(session).await,
            Self::Delete(args) => args.run(session).await,
            Self::History(args) => args.run(session).await,
            Self::Diff(args) => args.run(session).await,
            Self::Rollback(args) => args.run(session).await,
            Self::Watch(args) => args.run(session).await,
        }
    }
}

/// Flags of every command that writes.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub(super) struct WriteArgs {
    /// Why, for the history
    #[arg(long, short)]
    pub(super) message: Option<String>,
    /// Who, for the history [env: CONCLAVE_AUTHOR] [default: $USER]
    #[arg(long)]
    pub(super) author: Option<String>,
    /// Id of this write, 1 to 64 characters: a write whose id was applied before changes nothing and is
    /// answered as then [default: a new one]
    #[arg(long, value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(super) request_id: Option<String>,
}

/// Flags of every command that makes a version and can first be tried.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub(super) struct CommitArgs {
    #[command(flatten)]
    pub(super) write: WriteArgs,
    /// Refuse unless this is the namespace's newest version; 0: nothing was ever committed
    #[arg(long, value_name = "VERSION")]
    pub(super) expect_version: Option<u64>,
    /// Check everything and tell what would change, but change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// How fresh a read is.
fn consistency(local: bool) -> i32 {
    use conclave_client::config::Consistency;
    if local { Consistency::Local.into() } else { Consistency::Linearizable.into() }
}
