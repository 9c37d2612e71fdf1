//! One method for each RPC on settings, tags, snapshots and what finds things. Writes get a request id if the
//! caller gave none.

use conclave_proto::config::v1::{
    CreateSnapshotRequest, CreateSnapshotResponse, DeleteSnapshotRequest, DeleteSnapshotResponse,
    DeleteTagRequest, DeleteTagResponse, GetDefaultsRequest, GetDefaultsResponse, GetSnapshotRequest,
    GetSnapshotResponse, ItemHistoryRequest, ItemHistoryResponse, ListSnapshotNamespacesRequest,
    ListSnapshotNamespacesResponse, ListSnapshotsRequest, ListSnapshotsResponse, ListTagsRequest,
    ListTagsResponse, RollbackSnapshotRequest, RollbackSnapshotResponse, SearchRequest, SearchResponse,
    SetTagRequest, SetTagResponse, UpdateDefaultsRequest, UpdateDefaultsResponse, UpdateNamespaceRequest,
    UpdateNamespaceResponse,
};

use crate::client::Client;
use crate::error::ClientError;
use crate::request_id;
use crate::retry::Effect;

/// What every call returns.
type Answer<T> = Result<T, ClientError>;

impl Client {
    /// Changes description, owner, labels, retention and quota of a namespace. It makes no version.
    pub async fn update_namespace(
        &self,
        mut request: UpdateNamespaceRequest,
    ) -> Answer<UpdateNamespaceResponse> {
        let id = request_id::ensure(&mut request.authorship);
        let rpc = |channel, request| async move { self.config(channel).update_namespace(request).await };
        self.call(Effect::Write(&id), request, rpc).await
    }

    /// Reads what holds for namespaces that do not say otherwise, and how many there may be.
    pub async fn get_defaults(&self, request: GetDefaultsRequest) -> Answer<GetDefaultsResponse> {
        let rpc = |channel, request| async move { self.config(channel).get_defaults(request).await };
        self.call(Effect::Read, request, rpc).await
    }

    /// Changes what holds for namespaces that do not say otherwise, and how many there may be.
    pub async fn update_defaults(
        &self,
        mut request: UpdateDefaultsRequest,
    ) -> Answer<UpdateDefaultsResponse> {
        let id = request_id::ensure(&mut request.authorship);
        let rpc = |channel, request| async move { self.config(channel).update_defaults(request).await };
        self.call(Effect::Write(&id), request, rpc).await
    }

    /// Lists a page of the changes of one item, the newest first.
    pub async fn item_history(&self, request: ItemHistoryRequest) -> Answer<ItemHistoryResponse> {
        let rpc = |channel, request| async move { self.config(channel).item_history(request).await };
        self.call(Effect::Read, request, rpc).await
    }

    /// Finds a page of items by what their keys or values contain. A page may be empty although more follow.
    pub async fn search(&self, request: SearchRequest) -> Answer<SearchResponse> {
        let rpc = |channel, request| async move { self.config(channel).search(request).await };
        self.call(Effect::Read, request, rpc).await
    }

    /// Gives a version a name, which keeps it from being dropped.
    pub async fn set_tag(&self, mut request: SetTagRequest) -> Answer<SetTagResponse> {
        let id = request_id::ensure(&mut request.authorship);
        let rpc = |channel, request| async move { self.config(channel).set_tag(request).await };
        self.call(Effect::Write(&id), request, rpc).await
    }

    /// Takes a name from a version.
    pub async fn delete_tag(&self, mut request: DeleteTagRequest) -> Answer<DeleteTagResponse> {
        let id = request_id::ensure(&mut request.authorship);
        let rpc = |channel, request| async move { self.config(channel).delete_tag(request).await };
        self.call(Effect::Write(&id), request, rpc).await
    }

    /// Lists a page of the tags of a namespace, in order of name.
    pub async fn list_tags(&self, request: ListTagsRequest) -> Answer<ListTagsResponse> {
        let rpc = |channel, request| async move { self.config(channel).list_tags(request).await };
        self.call(Effect::Read, request, rpc).await
    }

    /// Gives a name to the state of many namespaces, which keeps it from being dropped.
    pub async fn create_snapshot(
        &self,
        mut request: CreateSnapshotRequest,
    ) -> Answer<CreateSnapshotResponse> {
        let id = request_id::ensure(&mut request.authorship);
        let rpc = |channel, request| async move { self.config(channel).create_snapshot(request).await };
        self.call(Effect::Write(&id), request, rpc).await
    }

    /// Reads what is known of one snapshot.
    pub async fn get_snapshot(&self, request: GetSnapshotRequest) -> Answer<GetSnapshotResponse> {
        let rpc = |channel, request| async move { self.config(channel).get_snapshot(request).await };
        self.call(Effect::Read, request, rpc).await
    }

    /// Lists a page of snapshots, in order of name; see [`Client::list_all_snapshots`].
    pub async fn list_snapshots(&self, request: ListSnapshotsRequest) -> Answer<ListSnapshotsResponse> {
        let rpc = |channel, request| async move { self.config(channel).list_snapshots(request).await };
        self.call(Effect::Read, request, rpc).await
    }

    /// Lists a page of the namespaces of a snapshot, in order of name; see
    /// [`Client::list_all_snapshot_namespaces`].
    pub async fn list_snapshot_namespaces(
        &self,
        request: ListSnapshotNamespacesRequest,
    ) -> Answer<ListSnapshotNamespacesResponse> {
        let rpc =
            |channel, request| async move { self.config(channel).list_snapshot_namespaces(request).await };
        self.call(Effect::Read, request, rpc).await
    }

    /// Forgets a snapshot.
    pub async fn delete_snapshot(
        &self,
        mut request: DeleteSnapshotRequest,
    ) -> Answer<DeleteSnapshotResponse> {
        let id = request_id::ensure(&mut request.authorship);
        let rpc = |channel, request| async move { self.config(channel).delete_snapshot(request).await };
        self.call(Effect::Write(&id), request, rpc).await
    }

    /// Makes namespaces what they were in a snapshot: all of them or none, and once at most.
    pub async fn rollback_snapshot(
        &self,
        mut request: RollbackSnapshotRequest,
    ) -> Answer<RollbackSnapshotResponse> {
        let id = request_id::ensure(&mut request.authorship);
        let rpc = |channel, request| async move { self.config(channel).rollback_snapshot(request).await };
        self.call(Effect::Write(&id), request, rpc).await
    }
}
