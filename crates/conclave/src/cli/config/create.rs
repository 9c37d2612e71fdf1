//! `conclave config create`: a new, empty namespace.

use conclave_client::config::CreateNamespaceRequest;

use super::WriteArgs;
use super::list::NamespaceReport;
use crate::cli::errors::Failure;
use crate::cli::session::Session;

/// Create an empty namespace
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave config create payments/prod --description \"what the payment service reads\"

`conclave config put --create-namespace` creates the namespace with its first items.")]
pub(in crate::cli) struct CreateArgs {
    /// Name: segments of letters, digits, '.', '_' and '-' joined by '/'
    namespace: String,
    /// What the namespace is for
    #[arg(long, default_value_t, hide_default_value = true)]
    description: String,
    #[command(flatten)]
    write: WriteArgs,
}

impl CreateArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let request = CreateNamespaceRequest {
            namespace: self.namespace,
            description: self.description,
            authorship: Some(session.authorship(&self.write)),
        };
        let answer = session.client.create_namespace(request).await?;
        session.output.show(&NamespaceReport::from(answer.namespace.unwrap_or_default()))
    }
}
