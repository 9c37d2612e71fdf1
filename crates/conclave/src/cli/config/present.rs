//! What a namespace is before files are taken into it.

use conclave_client::config::{HistoryRequest, Item, ListRequest};
use conclave_client::reason;

use crate::cli::errors::Failure;
use crate::cli::session::Session;

/// A namespace as it is before an import.
#[derive(Debug)]
pub(super) struct Present {
    pub(super) items: Vec<Item>,
    /// Its newest version; of one that was deleted, the deletion. 0: nothing was ever committed.
    pub(super) version: u64,
    pub(super) exists: bool,
}

impl Present {
    /// Reads a namespace. One that does not exist is refused, unless it may be created.
    pub(super) async fn read(session: &Session, namespace: &str, may_create: bool) -> Result<Self, Failure> {
        let request = ListRequest { namespace: namespace.into(), ..ListRequest::default() };
        match session.client.list_all(request).await {
            Ok(listing) => Ok(Self { items: listing.items, version: listing.version, exists: true }),
            Err(error) if error.reason() == reason::NAMESPACE_NOT_FOUND && may_create => {
                let version = version_deleted(session, namespace).await?;
                Ok(Self { items: Vec::new(), version, exists: false })
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The version that deleted a namespace which does not exist; 0 if it never did.
async fn version_deleted(session: &Session, namespace: &str) -> Result<u64, Failure> {
    let request = HistoryRequest { namespace: namespace.into(), ..HistoryRequest::default() };
    match session.client.history_newest(request, 1).await {
        Ok(versions) => Ok(versions.first().map_or(0, |newest| newest.version)),
        Err(error) if error.reason() == reason::NAMESPACE_NOT_FOUND => Ok(0),
        Err(error) => Err(error.into()),
    }
}
