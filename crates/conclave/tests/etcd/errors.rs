//! What is told of requests that go too far, for whichever call.
//!
//! An order of sorting that is not known ends an etcd of 3.4 or 3.5.1, and so is not asked for.

use bytes::Bytes;
use conclave_proto::etcd::etcdserverpb::PutRequest;
use conclave_testkit::raw_call;
use tonic::{Code, Response, Status};

use crate::masks::Masked;
use crate::pair::{Pair, Side};
use crate::requests::{ON, Operation as _, always, delete, get, put, range};

/// How large a request may be, in bytes.
const REQUEST_MAX_BYTES: usize = 1_572_864;
/// How large a message may be, in bytes.
const MESSAGE_MAX_BYTES: usize = 2 << 20;

#[tokio::test]
async fn a_request_can_be_too_large() {
    let mut pair = Pair::start().await;
    let large = |bytes: usize| PutRequest { value: Bytes::from(vec![b'x'; bytes]), ..put("a", "") };
    pair.granted(large(REQUEST_MAX_BYTES - 1_000)).await;
    let refused = pair.refused(large(REQUEST_MAX_BYTES)).await;
    assert_eq!(refused, (Code::InvalidArgument, "etcdserver: request is too large".into()));
    pair.refused(always(vec![large(REQUEST_MAX_BYTES).op()])).await;
}

/// The answer to a call that is not there, if there were one.
#[derive(Debug, PartialEq)]
struct Raw(Bytes);

impl Masked for Raw {
    fn mask(&mut self, _ahead: i64) {}
}

#[tokio::test]
async fn calls_that_are_not_there() {
    let mut pair = Pair::start().await;
    for (path, text) in [
        ("/etcdserverpb.KV/Nothing", "unknown method Nothing for service etcdserverpb.KV"),
        ("/v3lockpb.Lock/Nothing", "unknown method Nothing for service v3lockpb.Lock"),
        ("/etcdserverpb.Nothing/Range", "unknown service etcdserverpb.Nothing"),
    ] {
        let call = async |side: Side| -> Result<Response<Raw>, Status> {
            Ok(Response::new(Raw(raw_call::call(side.channel, path, b"").await?)))
        };
        let refused = pair.both(path, call).await.expect_err("there is no such call");
        assert_eq!((refused.code, refused.message.as_str()), (Code::Unimplemented, text));
    }
}

/// One message for each service, and one for a stream.
const CALLS: [&str; 9] = [
    "/etcdserverpb.KV/Range",
    "/etcdserverpb.KV/Txn",
    "/etcdserverpb.Lease/LeaseGrant",
    "/etcdserverpb.Auth/UserAdd",
    "/etcdserverpb.Cluster/MemberAdd",
    "/etcdserverpb.Maintenance/HashKV",
    "/v3lockpb.Lock/Lock",
    "/v3electionpb.Election/Leader",
    "/v3electionpb.Election/Observe",
];

/// What is larger than a request may be is refused before it is looked at. How large it was, only etcd tells.
#[tokio::test]
async fn a_message_can_be_too_large_to_be_read() {
    let mut pair = Pair::start().await;
    let large = vec![0; MESSAGE_MAX_BYTES + 1];
    for path in CALLS {
        let call = async |side: Side| -> Result<Response<Raw>, Status> {
            let told = raw_call::call(side.channel, path, &large).await;
            told.map(|told| Response::new(Raw(told))).map_err(|status| {
                assert!(
                    status.message().starts_with("grpc: received message larger than max ("),
                    "{status:?}"
                );
                Status::new(status.code(), "")
            })
        };
        let refused = pair.both(path, call).await.expect_err("it is too large");
        assert_eq!(refused.code, Code::ResourceExhausted, "{path}");
    }
}

/// Keys have no bound of their own.
#[tokio::test]
async fn a_key_is_as_long_as_a_request() {
    let mut pair = Pair::start().await;
    let long = "k".repeat(1 << 20);
    pair.granted(put(&long, "v")).await;
    pair.granted(get(&long)).await;
    pair.granted(range(&long, ON)).await;
    pair.granted(delete(&long, "")).await;
    pair.refused(put(&"k".repeat(REQUEST_MAX_BYTES), "v")).await;
}

#[tokio::test]
async fn bytes_that_are_no_request() {
    let mut pair = Pair::start().await;
    for path in CALLS {
        let call = async |side: Side| -> Result<Response<Raw>, Status> {
            let told = raw_call::call(side.channel, path, &[0xff, 0xff]).await;
            // What is wrong with them is told in the decoder's own words.
            told.map(|told| Response::new(Raw(told))).map_err(|status| Status::new(status.code(), ""))
        };
        let refused = pair.both(path, call).await.expect_err("it is refused");
        assert_eq!(refused.code, Code::Internal, "{path}");
    }
}
