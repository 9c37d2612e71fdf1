//! One method for each unary RPC of the lock and election services. [`Session::lock`](crate::Session::lock) and
//! [`Session::election`](crate::Session::election) are what workers use.

use conclave_proto::lock::v1::election_service_client::ElectionServiceClient;
use conclave_proto::lock::v1::lock_service_client::LockServiceClient;
use conclave_proto::lock::v1::{
    CheckTokenRequest, CheckTokenResponse, ForceReleaseRequest, ForceReleaseResponse, GetLeaderRequest,
    GetLeaderResponse, GetLockRequest, GetLockResponse, ListLocksRequest, ListLocksResponse, Lock,
    ProclaimRequest, ProclaimResponse, ReleaseRequest, ReleaseResponse, ResignRequest, ResignResponse,
    TryAcquireRequest, TryAcquireResponse,
};
use futures::Stream;
use tonic::transport::Channel;

use crate::client::Client;
use crate::error::ClientError;
use crate::pages::entries;
use crate::request_id::new_request_id;
use crate::retry::Effect;

/// What every call returns.
type Answer<T> = Result<T, ClientError>;

impl Client {
    /// The lock service of one node.
    pub(super) fn locks(&self, channel: Channel) -> LockServiceClient<Channel> {
        LockServiceClient::new(channel).max_decoding_message_size(self.options.message_size_bytes_max)
    }

    /// Asks for a lock for any session, and does not wait.
    pub async fn try_acquire_lock(&self, mut request: TryAcquireRequest) -> Answer<TryAcquireResponse> {
        if request.request_id.is_empty() {
            request.request_id = new_request_id();
        }
        let id = request.request_id.clone();
        let rpc = |channel, request| async { self.locks(channel).try_acquire(request).await };
        self.call(Effect::Write(&id), request, rpc).await
    }

    /// Releases what any session holds or waits for. If an attempt did so and its answer was lost, the next one finds
    /// that the lock is not held.
    pub async fn release_lock(&self, request: ReleaseRequest) -> Answer<ReleaseResponse> {
        let rpc = |channel, request| async { self.locks(channel).release(request).await };
        self.call(Effect::Change, request, rpc).await
    }

    /// Reads one lock: who holds it, who waits for it. One that nobody has is an error (lock-not-found).
    pub async fn get_lock(&self, name: impl Into<String>) -> Answer<GetLockResponse> {
        let rpc = |channel, request| async { self.locks(channel).get_lock(request).await };
        self.call(Effect::Read, GetLockRequest { name: name.into() }, rpc).await
    }

    /// Lists a page of locks; see [`Client::lock_stream`].
    pub async fn list_locks(&self, request: ListLocksRequest) -> Answer<ListLocksResponse> {
        let rpc = |channel, request| async { self.locks(channel).list_locks(request).await };
        self.call(Effect::Read, request, rpc).await
    }

    /// Streams the locks that somebody holds or waits for, in order of name; pages are asked for as they are needed.
    pub fn lock_stream(&self, request: ListLocksRequest) -> impl Stream<Item = Answer<Lock>> {
        let ask = move |request| async move {
            let page = self.list_locks(request).await?;
            Ok((page.locks, page.next_page_token))
        };
        entries(request, ask, |request, token| request.page_token = token)
    }

    /// Takes a lock from who holds it.
    pub async fn force_release(&self, mut request: ForceReleaseRequest) -> Answer<ForceReleaseResponse> {
        if request.request_id.is_empty() {
            request.request_id = new_request_id();
        }
        let id = request.request_id.clone();
        let rpc = |channel, request| async { self.locks(channel).force_release(request).await };
        self.call(Effect::Write(&id), request, rpc).await
    }

    /// Tells whether a lock is held with a token now.
    pub async fn check_token(&self, name: impl Into<String>, token: u64) -> Answer<CheckTokenResponse> {
        let rpc = |channel, request| async { self.locks(channel).check_token(request).await };
        self.call(Effect::Read, CheckTokenRequest { name: name.into(), token }, rpc).await
    }

    /// Changes the value of the leader of an election, for any session.
    pub async fn proclaim(&self, request: ProclaimRequest) -> Answer<ProclaimResponse> {
        let rpc = |channel, request| async { ElectionServiceClient::new(channel).proclaim(request).await };
        self.call(Effect::Change, request, rpc).await
    }

    /// Gives leadership up, or stops standing for election, for any session.
    pub async fn resign(&self, request: ResignRequest) -> Answer<ResignResponse> {
        let rpc = |channel, request| async { ElectionServiceClient::new(channel).resign(request).await };
        self.call(Effect::Change, request, rpc).await
    }

    /// Reads who leads. None is an error (lock-not-found).
    pub async fn get_leader(&self, name: impl Into<String>) -> Answer<GetLeaderResponse> {
        let rpc = |channel, request| async { ElectionServiceClient::new(channel).get_leader(request).await };
        self.call(Effect::Read, GetLeaderRequest { name: name.into() }, rpc).await
    }
}
