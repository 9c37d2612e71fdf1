//! What a worker asks for: a lock, or to lead. However often it is asked, over however many nodes, the request id makes
//! it one ticket.

use std::time::Duration;

use conclave_proto::lock::v1::election_service_client::ElectionServiceClient;
use conclave_proto::lock::v1::{
    AcquireRequest, AcquireResponse, CampaignRequest, LockMode, TryAcquireRequest, lock_mode,
};
use tokio::time::Instant;
use tonic::transport::Channel;
use tonic::{Response, Status, Streaming};

use crate::client::Client;
use crate::request_id::new_request_id;

/// A lock that is asked for.
#[derive(Debug, Clone)]
pub(super) struct Asking {
    pub(super) name: String,
    pub(super) session_id: u64,
    /// How it is to be held. None: it is an election.
    pub(super) mode: Option<lock_mode::Mode>,
    pub(super) owner: String,
    pub(super) metadata: bytes::Bytes,
    /// How long to wait at most. None: as long as the session lives.
    pub(super) wait: Option<Duration>,
    pub(super) request_id: String,
    pub(super) asked: Instant,
}

impl Asking {
    /// Asks now, under an id of its own.
    pub(super) fn begin(mut self) -> Self {
        (self.request_id, self.asked) = (new_request_id(), Instant::now());
        self
    }

    /// When to stop waiting; none: never.
    pub(super) fn until(&self) -> Option<Instant> {
        self.asked.checked_add(self.wait?)
    }

    /// Asks a node, to wait as long as is left; not at all to find out what is held already.
    pub(super) async fn open(
        &self,
        client: &Client,
        channel: Channel,
        held: bool,
    ) -> Result<Response<Streaming<AcquireResponse>>, Status> {
        let wait_ms = if held { Some(0) } else { self.wait_left_ms() };
        match self.mode {
            Some(mode) => client.locks(channel).acquire(self.acquire(mode, wait_ms)).await,
            None => ElectionServiceClient::new(channel).campaign(self.campaign(wait_ms)).await,
        }
    }

    /// The same question, without waiting: it finds the ticket if there is one.
    pub(super) fn at_once(&self) -> TryAcquireRequest {
        let mode = self.mode.unwrap_or(lock_mode::Mode::Exclusive(Default::default()));
        TryAcquireRequest {
            name: self.name.clone(),
            session_id: self.session_id,
            mode: Some(LockMode { mode: Some(mode) }),
            owner: self.owner.clone(),
            metadata: self.metadata.clone(),
            request_id: self.request_id.clone(),
        }
    }

    /// In whole milliseconds, of which a part counts as one: what is left of a second is told as a second.
    fn wait_left_ms(&self) -> Option<u64> {
        let left = self.wait?.saturating_sub(self.asked.elapsed());
        Some(u64::try_from(left.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX))
    }

    fn acquire(&self, mode: lock_mode::Mode, wait_ms: Option<u64>) -> AcquireRequest {
        AcquireRequest {
            name: self.name.clone(),
            session_id: self.session_id,
            mode: Some(LockMode { mode: Some(mode) }),
            wait_ms,
            owner: self.owner.clone(),
            metadata: self.metadata.clone(),
            request_id: self.request_id.clone(),
        }
    }

    fn campaign(&self, wait_ms: Option<u64>) -> CampaignRequest {
        CampaignRequest {
            name: self.name.clone(),
            session_id: self.session_id,
            value: self.metadata.clone(),
            wait_ms,
            owner: self.owner.clone(),
            request_id: self.request_id.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_left_of_a_wait_is_told_in_whole_milliseconds_and_never_as_none() {
        let asking = |wait| Asking {
            name: "orders/42".into(),
            session_id: 7,
            mode: None,
            owner: String::new(),
            metadata: bytes::Bytes::new(),
            wait,
            request_id: String::new(),
            asked: Instant::now(),
        };
        let (long, short) = (asking(Some(Duration::from_secs(1))), asking(Some(Duration::from_micros(200))));
        tokio::time::advance(Duration::from_micros(100)).await;
        assert_eq!((long.wait_left_ms(), short.wait_left_ms()), (Some(1_000), Some(1)));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!((long.wait_left_ms(), asking(None).wait_left_ms()), (Some(0), None));
    }
}
