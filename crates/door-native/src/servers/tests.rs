//! What comes through to the service, and what is refused while it is decoded.

use std::pin::Pin;

use bytes::Bytes;
use conclave_door::{BoundedCodec, Limits, Readable};
use conclave_proto::config::v1 as wire;
use futures::stream::{self, Stream};
use prost::Message;
use tonic::codec::{Codec as _, EncodeBody};
use tonic::codegen::{Service as _, http};
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt as _;

use super::config::config_service_server::{ConfigService, ConfigServiceServer};

/// A service that says of each request that it came through.
struct CameThrough;

/// Its status; no refusal has this code.
fn came_through<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("it came through"))
}

macro_rules! came_through {
    ($($call:ident: $request:ident => $response:ident,)*) => {
        #[tonic::async_trait]
        impl ConfigService for CameThrough {
            $(
                async fn $call(
                    &self,
                    _: Request<wire::$request>,
                ) -> Result<Response<wire::$response>, Status> {
                    came_through()
                }
            )*

            type WatchStream = Pin<Box<dyn Stream<Item = Result<wire::WatchResponse, Status>> + Send>>;

            async fn watch(&self, _: Request<wire::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
                came_through()
            }
        }
    };
}

came_through! {
    create_namespace: CreateNamespaceRequest => CreateNamespaceResponse,
    get_namespace: GetNamespaceRequest => GetNamespaceResponse,
    list_namespaces: ListNamespacesRequest => ListNamespacesResponse,
    delete_namespace: DeleteNamespaceRequest => DeleteNamespaceResponse,
    get: GetRequest => GetResponse,
    list: ListRequest => ListResponse,
    commit: CommitRequest => CommitResponse,
    history: HistoryRequest => HistoryResponse,
    diff: DiffRequest => DiffResponse,
    rollback: RollbackRequest => RollbackResponse,
    update_namespace: UpdateNamespaceRequest => UpdateNamespaceResponse,
    get_defaults: GetDefaultsRequest => GetDefaultsResponse,
    update_defaults: UpdateDefaultsRequest => UpdateDefaultsResponse,
    item_history: ItemHistoryRequest => ItemHistoryResponse,
    search: SearchRequest => SearchResponse,
    set_tag: SetTagRequest => SetTagResponse,
    delete_tag: DeleteTagRequest => DeleteTagResponse,
    list_tags: ListTagsRequest => ListTagsResponse,
    create_snapshot: CreateSnapshotRequest => CreateSnapshotResponse,
    get_snapshot: GetSnapshotRequest => GetSnapshotResponse,
    list_snapshots: ListSnapshotsRequest => ListSnapshotsResponse,
    list_snapshot_namespaces: ListSnapshotNamespacesRequest => ListSnapshotNamespacesResponse,
    delete_snapshot: DeleteSnapshotRequest => DeleteSnapshotResponse,
    rollback_snapshot: RollbackSnapshotRequest => RollbackSnapshotResponse,
}

/// Sends a message as the request of a call.
async fn send<M: Message + 'static>(call: &str, message: M) -> Status {
    let service = ConfigServiceServer::new(CameThrough);
    let mut service = Readable::new(service.max_decoding_message_size(Limits::REQUEST_SIZE_BYTES_MAX));
    let encoder = BoundedCodec::<M, ()>::default().encoder();
    let body = EncodeBody::new_client(encoder, stream::iter([Ok(message)]), None, None);
    let path = format!("/conclave.config.v1.ConfigService/{call}");
    let request = http::Request::post(path).header("content-type", "application/grpc").body(body).unwrap();
    let answer = service.call(request).await.unwrap();
    Status::from_header_map(answer.headers()).unwrap()
}

/// As many empty elements of the list that is this field as a request has place for.
fn empty_elements(field: u8) -> Bytes {
    let key = field << 3 | 2;
    [key, 0].repeat(Limits::REQUEST_SIZE_BYTES_MAX / 2 - 8).into()
}

/// Field 1 of a message, as such: the namespaces of a commit, and other lists.
fn field_1(bytes: Bytes) -> wire::PutItem {
    wire::PutItem { value: bytes, ..Default::default() }
}

fn assert_refused(told: &Status) {
    assert_eq!(told.code(), Code::InvalidArgument, "{told}");
    assert_eq!(told.message(), "the request cannot be read: it has too many fields: split it");
    assert_eq!(told.get_details_error_info().unwrap().reason, "invalid-argument");
}

fn commit(count: usize, labels: usize) -> wire::CommitRequest {
    let labels = (0..labels).map(|n| (format!("label {n}"), "value".into())).collect();
    let put = wire::PutItem { value: "1".into(), content_type: "text/plain".into(), labels };
    let edit = |n| wire::Edit {
        key: format!("key {n}"),
        expected_mod_revision: Some(u64::MAX),
        action: Some(wire::edit::Action::Put(put.clone())),
    };
    let edits = (0..count).map(edit).collect();
    let namespace = wire::NamespaceEdits { namespace: "shop".into(), edits, ..Default::default() };
    wire::CommitRequest { namespaces: vec![namespace], ..Default::default() }
}

#[tokio::test]
async fn a_commit_full_of_empty_edits_is_refused() {
    assert_refused(&send("Commit", field_1(empty_elements(2))).await);
}

/// An element takes two reads at least. `metered.rs` tests that decoding goes no further than its reads.
#[test]
fn what_may_be_decoded_of_a_request_is_a_few_times_its_size() {
    let size_bytes =
        [size_of::<wire::Edit>(), size_of::<wire::NamespaceEdits>(), size_of::<wire::WatchTarget>()];
    let elements_max = Limits::REQUEST_READS_MAX / 2;
    assert!(elements_max * size_bytes.iter().max().unwrap() <= 4 * Limits::REQUEST_SIZE_BYTES_MAX);
}

#[tokio::test]
async fn so_is_one_of_empty_namespaces_and_a_watch_of_empty_targets() {
    let elements = || wire::WatchRequest {
        targets: vec![wire::WatchTarget::default(); Limits::REQUEST_READS_MAX / 2 + 1],
        ..Default::default()
    };
    assert_refused(&send("Watch", elements()).await);
    assert_refused(&send("Commit", elements()).await);
}

#[tokio::test]
async fn so_is_one_of_more_labels_than_anyone_may_have() {
    assert_refused(&send("Commit", commit(1, 80_000)).await);
}

#[tokio::test]
async fn what_keeps_the_limits_comes_through() {
    let edits_max = Limits::default().commit_edits_max;
    for message in [commit(edits_max, Limits::LABELS_MAX), commit(25_000, 0)] {
        assert_eq!(send("Commit", message).await.code(), Code::Unimplemented);
    }
    // A value is one field, whatever its bytes would mean elsewhere.
    let mut large = commit(1, 0);
    let value = empty_elements(2).slice(..7 << 20);
    large.namespaces[0].edits[0].action = Some(wire::edit::Action::Put(field_1(value)));
    assert_eq!(send("Commit", large).await.code(), Code::Unimplemented);
    let target = wire::WatchTarget { namespace: "shop".into(), key_prefix: "db.".into() };
    let watch = wire::WatchRequest { targets: vec![target; 4_096], ..Default::default() };
    assert_eq!(send("Watch", watch).await.code(), Code::Unimplemented);
}

#[tokio::test]
async fn what_is_no_message_is_refused_as_unreadable() {
    let told = send("Get", field_1(Bytes::from_static(b"\xff"))).await;
    assert_eq!(told.code(), Code::InvalidArgument);
    assert!(told.message().starts_with("the request cannot be read: failed to decode"), "{told}");
}
