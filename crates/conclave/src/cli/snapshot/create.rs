//! `conclave snapshot create`.

use conclave_client::config::CreateSnapshotRequest;

use super::views::SnapshotView;
use crate::cli::config::WriteArgs;
use crate::cli::errors::Failure;
use crate::cli::session::Session;

/// Name the state of namespaces, which keeps it from being dropped
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave snapshot create before-upgrade --all -m \"before 4.2\"
  conclave snapshot create payments-ok payments/prod payments/limits
  conclave snapshot create yesterday --all --revision 81230")]
pub(in crate::cli) struct CreateArgs {
    /// Name of the snapshot: letters, digits, '.', '_' and '-'
    #[arg(value_name = "SNAPSHOT")]
    name: String,
    /// The namespaces
    #[arg(value_name = "NAMESPACE", required_unless_present = "all", conflicts_with = "all")]
    namespaces: Vec<String>,
    /// All namespaces
    #[arg(long)]
    all: bool,
    /// Of this revision of the store [default: the newest]
    #[arg(long, value_name = "REVISION", value_parser = clap::value_parser!(u64).range(1..))]
    revision: Option<u64>,
    #[command(flatten)]
    write: WriteArgs,
}

impl CreateArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let request = CreateSnapshotRequest {
            snapshot: self.name,
            namespaces: self.namespaces,
            all_namespaces: self.all,
            revision: self.revision.unwrap_or_default(),
            authorship: Some(session.authorship(&self.write)),
        };
        let answer = session.client.create_snapshot(request).await?;
        session.output.show(&SnapshotView::from(answer.snapshot.unwrap_or_default()))
    }
}
