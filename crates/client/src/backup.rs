//! A backup as it is sent by a node: the manifest, then pieces of files.

use conclave_proto::cluster::v1::cluster_service_client::ClusterServiceClient;
use conclave_proto::cluster::v1::create_backup_response::Part;
use conclave_proto::cluster::v1::{CreateBackupRequest, CreateBackupResponse};
use tonic::Streaming;

use crate::client::Client;
use crate::error::ClientError;
use crate::retry::Effect;

/// A backup that is being received. Dropping it ends it.
#[derive(Debug)]
pub struct BackupStream {
    parts: Streaming<CreateBackupResponse>,
}

impl Client {
    /// Asks a node for a backup of its state. A backup that breaks off is not begun anew.
    ///
    /// # Errors
    /// If no node could be reached.
    pub async fn create_backup(&self, request: CreateBackupRequest) -> Result<BackupStream, ClientError> {
        let size_bytes_max = self.options.message_size_bytes_max;
        let rpc = |channel, request| async move {
            let service = ClusterServiceClient::new(channel);
            let mut service = service.max_decoding_message_size(size_bytes_max);
            service.create_backup(request).await
        };
        let parts = self.call(Effect::Read, request, rpc).await?;
        Ok(BackupStream { parts })
    }
}

impl BackupStream {
    /// The next part: the manifest first, then the pieces. None after the last.
    ///
    /// # Errors
    /// If the node cannot go on, or the connection breaks.
    pub async fn next(&mut self) -> Result<Option<Part>, ClientError> {
        let part = self.parts.message().await.map_err(|status| ClientError::from_status(&status))?;
        Ok(part.and_then(|part| part.part))
    }
}
