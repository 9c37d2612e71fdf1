//! `conclave config create`: a new, empty namespace.

use conclave_client::config::CreateNamespaceRequest;

use super::WriteArgs;
use super::assignment::Assignment;
use super::bounds::BoundsArgs;
use super::list::NamespaceReport;
use crate::cli::errors::Failure;
use crate::cli::session::Session;

/// Create an empty namespace
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave config create payments/prod --description \"what the payment service reads\"
  conclave config create payments/test --owner team-payments --label tier=3 --keep-versions 20

`conclave config put --create-namespace` creates the namespace with its first items.")]
pub(in crate::cli) struct CreateArgs {
    /// Name: segments of letters, digits, '.', '_' and '-' joined by '/'
    namespace: String,
    /// What the namespace is for
    #[arg(long, default_value_t, hide_default_value = true)]
    description: String,
    /// Who answers for it
    #[arg(long, default_value_t, hide_default_value = true)]
    owner: String,
    /// A label; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    label: Vec<Assignment>,
    #[command(flatten)]
    bounds: BoundsArgs,
    #[command(flatten)]
    write: WriteArgs,
}

impl CreateArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let request = CreateNamespaceRequest {
            namespace: self.namespace,
            description: self.description,
            authorship: Some(session.authorship(&self.write)),
            labels: self.label.into_iter().map(|label| (label.key, label.value)).collect(),
            owner: self.owner,
            retention: self.bounds.retention(None),
            quota: self.bounds.quota(None),
        };
        let answer = session.client.create_namespace(request).await?;
        session.output.show(&NamespaceReport::from(answer.namespace.unwrap_or_default()))
    }
}
