//! One method for each RPC of the session service. [`Client::open_session`] is what workers use.

use conclave_proto::lock::v1::session_service_client::SessionServiceClient;
use conclave_proto::lock::v1::{
    CloseSessionRequest, CloseSessionResponse, GetSessionRequest, GetSessionResponse, ListSessionsRequest,
    ListSessionsResponse, OpenSessionRequest, OpenSessionResponse, RenewSessionRequest, RenewSessionResponse,
    Session,
};
use futures::Stream;

use crate::client::Client;
use crate::error::ClientError;
use crate::pages::entries;
use crate::request_id::new_request_id;
use crate::retry::Effect;

/// What every call returns.
type Answer<T> = Result<T, ClientError>;

impl Client {
    /// Opens a session that nobody renews but [`Client::renew_session`].
    pub async fn open_bare_session(&self, mut request: OpenSessionRequest) -> Answer<OpenSessionResponse> {
        if request.request_id.is_empty() {
            request.request_id = new_request_id();
        }
        let id = request.request_id.clone();
        let rpc = |channel, request| async { SessionServiceClient::new(channel).open_session(request).await };
        self.call(Effect::Write(&id), request, rpc).await
    }

    /// Renews a session once.
    pub async fn renew_session(&self, session_id: u64) -> Answer<RenewSessionResponse> {
        let rpc =
            |channel, request| async { SessionServiceClient::new(channel).renew_session(request).await };
        self.call(Effect::Read, RenewSessionRequest { session_id }, rpc).await
    }

    /// Ends a session, whosever it is, and releases all that hangs on it. If an attempt ended it and its answer was
    /// lost, the next one finds no such session.
    pub async fn close_session(&self, session_id: u64) -> Answer<CloseSessionResponse> {
        let rpc =
            |channel, request| async { SessionServiceClient::new(channel).close_session(request).await };
        self.call(Effect::Change, CloseSessionRequest { session_id }, rpc).await
    }

    /// Reads one session.
    pub async fn get_session(&self, session_id: u64) -> Answer<GetSessionResponse> {
        let rpc = |channel, request| async { SessionServiceClient::new(channel).get_session(request).await };
        self.call(Effect::Read, GetSessionRequest { session_id }, rpc).await
    }

    /// Lists a page of sessions; see [`Client::session_stream`].
    pub async fn list_sessions(&self, request: ListSessionsRequest) -> Answer<ListSessionsResponse> {
        let rpc =
            |channel, request| async { SessionServiceClient::new(channel).list_sessions(request).await };
        self.call(Effect::Read, request, rpc).await
    }

    /// Streams all sessions in order of id; pages are asked for as they are needed.
    pub fn session_stream(&self, request: ListSessionsRequest) -> impl Stream<Item = Answer<Session>> {
        let ask = move |request| async move {
            let page = self.list_sessions(request).await?;
            Ok((page.sessions, page.next_page_token))
        };
        entries(request, ask, |request, token| request.page_token = token)
    }
}
