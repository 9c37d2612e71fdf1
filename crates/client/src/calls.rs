//! One method for each RPC. Writes get a request id if the caller gave none.

use conclave_proto::config::v1::config_service_client::ConfigServiceClient;
use conclave_proto::config::v1::{
    CommitRequest, CommitResponse, CreateNamespaceRequest, CreateNamespaceResponse, DeleteNamespaceRequest,
    DeleteNamespaceResponse, DiffRequest, DiffResponse, GetNamespaceRequest, GetNamespaceResponse,
    GetRequest, GetResponse, HistoryRequest, HistoryResponse, ListNamespacesRequest, ListNamespacesResponse,
    ListRequest, ListResponse, RollbackRequest, RollbackResponse,
};
use tonic::transport::Channel;

use crate::client::Client;
use crate::error::ClientError;
use crate::request_id;
use crate::retry::Effect;

/// What every call returns.
type Answer<T> = Result<T, ClientError>;

impl Client {
    /// The configuration service of one node.
    pub(crate) fn config(&self, channel: Channel) -> ConfigServiceClient<Channel> {
        let size_bytes_max = self.options.message_size_bytes_max;
        ConfigServiceClient::new(channel)
            .max_decoding_message_size(size_bytes_max)
            .max_encoding_message_size(size_bytes_max)
    }

    /// Creates an empty namespace.
    pub async fn create_namespace(
        &self,
        mut request: CreateNamespaceRequest,
    ) -> Answer<CreateNamespaceResponse> {
        let id = request_id::ensure(&mut request.authorship);
        let rpc = |channel, request| async move { self.config(channel).create_namespace(request).await };
        self.call(Effect::Write(&id), request, rpc).await
    }

    /// Reads what is known of one namespace, without its items.
    pub async fn get_namespace(&self, request: GetNamespaceRequest) -> Answer<GetNamespaceResponse> {
        let rpc = |channel, request| async move { self.config(channel).get_namespace(request).await };
        self.call(Effect::Read, request, rpc).await
    }

    /// Lists a page of namespaces; see [`Client::list_all_namespaces`].
    pub async fn list_namespaces(&self, request: ListNamespacesRequest) -> Answer<ListNamespacesResponse> {
        let rpc = |channel, request| async move { self.config(channel).list_namespaces(request).await };
        self.call(Effect::Read, request, rpc).await
    }

    /// Deletes all items of a namespace and hides it; a rollback brings it back.
    pub async fn delete_namespace(
        &self,
        mut request: DeleteNamespaceRequest,
    ) -> Answer<DeleteNamespaceResponse> {
        let id = request_id::ensure(&mut request.authorship);
        let rpc = |channel, request| async move { self.config(channel).delete_namespace(request).await };
        self.call(Effect::Write(&id), request, rpc).await
    }

    /// Reads one item.
    pub async fn get(&self, request: GetRequest) -> Answer<GetResponse> {
        let rpc = |channel, request| async move { self.config(channel).get(request).await };
        self.call(Effect::Read, request, rpc).await
    }

    /// Lists a page of items; see [`Client::list_all`].
    pub async fn list(&self, request: ListRequest) -> Answer<ListResponse> {
        let rpc = |channel, request| async move { self.config(channel).list(request).await };
        self.call(Effect::Read, request, rpc).await
    }

    /// Applies edits to one or several namespaces, all of them or none, and once at most.
    pub async fn commit(&self, mut request: CommitRequest) -> Answer<CommitResponse> {
        let id = request_id::ensure(&mut request.authorship);
        let rpc = |channel, request| async move { self.config(channel).commit(request).await };
        self.call(Effect::Write(&id), request, rpc).await
    }

    /// Lists a page of versions, the newest first; see [`Client::history_newest`].
    pub async fn history(&self, request: HistoryRequest) -> Answer<HistoryResponse> {
        let rpc = |channel, request| async move { self.config(channel).history(request).await };
        self.call(Effect::Read, request, rpc).await
    }

    /// Tells a page of what differs between two versions; see [`Client::diff_all`].
    pub async fn diff(&self, request: DiffRequest) -> Answer<DiffResponse> {
        let rpc = |channel, request| async move { self.config(channel).diff(request).await };
        self.call(Effect::Read, request, rpc).await
    }

    /// Makes a new version whose content equals that of an earlier one.
    pub async fn rollback(&self, mut request: RollbackRequest) -> Answer<RollbackResponse> {
        let id = request_id::ensure(&mut request.authorship);
        let rpc = |channel, request| async move { self.config(channel).rollback(request).await };
        self.call(Effect::Write(&id), request, rpc).await
    }
}
