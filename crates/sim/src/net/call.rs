//! One call, and its two ends.

use tokio_util::sync::CancellationToken;

use super::HostId;

/// The end of a call that something happens at, or comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    Client,
    Server,
}

impl End {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// A call under way.
pub(super) struct Call {
    pub(super) id: u64,
    pub(super) path: String,
    client: HostId,
    server: HostId,
    client_broken: CancellationToken,
    server_broken: CancellationToken,
    answered: CancellationToken,
}

impl Call {
    pub(super) fn new(id: u64, path: String, client: HostId, server: HostId) -> Self {
        let token = CancellationToken::new;
        Self { id, path, client, server, client_broken: token(), server_broken: token(), answered: token() }
    }

    pub(super) fn host(&self, end: End) -> HostId {
        match end {
            End::Client => self.client,
            End::Server => self.server,
        }
    }

    pub(super) fn has(&self, host: HostId) -> bool {
        self.client == host || self.server == host
    }

    /// Set when this end knows that the call is broken.
    pub(super) fn broken(&self, end: End) -> &CancellationToken {
        match end {
            End::Client => &self.client_broken,
            End::Server => &self.server_broken,
        }
    }

    /// Set when the whole response has arrived: the rest of the request is of no use.
    pub(super) fn answered(&self) -> &CancellationToken {
        &self.answered
    }
}
