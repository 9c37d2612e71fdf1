//! `conclave config`: what is done with configuration, a file a command.

mod assignment;
mod bounds;
pub(super) mod change_text;
mod commit;
pub(super) mod commit_report;
mod create;
mod defaults;
mod delete;
mod describe;
mod diff;
mod get;
mod held;
mod history;
mod import;
mod import_plan;
mod input;
mod item_history;
mod kept;
mod list;
mod moment;
mod present;
mod put;
mod rollback;
mod search;
mod tag;
mod tree;
mod update;
pub(super) mod version_text;
pub(super) mod views;
mod wait;
mod watch;

use std::pin::Pin;

pub(super) use held::HeldArgs;

use super::errors::Failure;
use super::session::Session;

/// What can be done with configuration.
#[derive(Debug, clap::Subcommand)]
pub(super) enum ConfigCommand {
    Put(put::PutArgs),
    Import(import::ImportArgs),
    Export(tree::ExportArgs),
    Get(get::GetArgs),
    List(list::ListArgs),
    Search(search::SearchArgs),
    Create(create::CreateArgs),
    Describe(describe::DescribeArgs),
    Update(update::UpdateArgs),
    Delete(delete::DeleteArgs),
    History(history::HistoryArgs),
    Diff(diff::DiffArgs),
    Rollback(rollback::RollbackArgs),
    Tag(tag::TagArgs),
    Untag(tag::UntagArgs),
    Tags(tag::TagsArgs),
    Watch(watch::WatchArgs),
    Wait(wait::WaitArgs),
    Defaults(defaults::DefaultsArgs),
}

impl ConfigCommand {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let running: Pin<Box<dyn Future<Output = Result<(), Failure>> + '_>> = match self {
            Self::Put(args) => Box::pin(args.run(session)),
            Self::Import(args) => Box::pin(args.run(session)),
            Self::Export(args) => Box::pin(args.run(session)),
            Self::Get(args) => Box::pin(args.run(session)),
            Self::List(args) => Box::pin(args.run(session)),
            Self::Search(args) => Box::pin(args.run(session)),
            Self::Create(args) => Box::pin(args.run(session)),
            Self::Describe(args) => Box::pin(args.run(session)),
            Self::Update(args) => Box::pin(args.run(session)),
            Self::Delete(args) => Box::pin(args.run(session)),
            Self::History(args) => Box::pin(args.run(session)),
            Self::Diff(args) => Box::pin(args.run(session)),
            Self::Rollback(args) => Box::pin(args.run(session)),
            Self::Tag(args) => Box::pin(args.run(session)),
            Self::Untag(args) => Box::pin(args.run(session)),
            Self::Tags(args) => Box::pin(args.run(session)),
            Self::Watch(args) => Box::pin(args.run(session)),
            Self::Wait(args) => Box::pin(args.run(session)),
            Self::Defaults(args) => Box::pin(args.run(session)),
        };
        running.await
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
    #[command(flatten)]
    pub(super) held: HeldArgs,
    /// Check everything and tell what would change, but change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// How fresh a read is.
pub(super) fn consistency(local: bool) -> i32 {
    use conclave_client::config::Consistency;
    if local { Consistency::Local.into() } else { Consistency::Linearizable.into() }
}
