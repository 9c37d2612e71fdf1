//! What a client command works with: the cluster, the output, and who is acting.

use conclave_client::config::Authorship;
use conclave_client::{Client, new_request_id};

use super::config::WriteArgs;
use super::errors::Failure;
use super::options::Options;
use super::output::Output;

/// One command's session with the cluster.
pub(super) struct Session {
    /// The cluster.
    pub(super) client: Client,
    /// Where reports go.
    pub(super) output: Output,
    author: String,
}

impl Session {
    /// Prepares connections; nothing is sent before the first call. Must run within a tokio runtime.
    pub(super) fn open(options: Options) -> Result<Self, Failure> {
        let client = Client::connect(options.client)?;
        Ok(Self { client, output: Output::standard(options.output), author: options.author })
    }

    /// Who acts, unless a command says otherwise.
    pub(super) fn author(&self) -> &str {
        &self.author
    }

    /// Who writes (as the flag says, else as the settings do), why, and under which id.
    pub(super) fn authorship(&self, given: &WriteArgs) -> Authorship {
        Authorship {
            request_id: given.request_id.clone().unwrap_or_else(new_request_id),
            author: given.author.clone().unwrap_or_else(|| self.author.clone()),
            message: given.message.clone().unwrap_or_default(),
        }
    }
}
