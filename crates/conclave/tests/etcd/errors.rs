//! What is told of requests that go too far, for whichever call.
//!
//! An order of sorting that is not known ends an etcd of 3.4 or 3.5.1, and so is not asked for.

use bytes::Bytes;
use conclave_proto::etcd::etcdserverpb::PutRequest;
use conclave_testkit::raw_call;
use tonic::{Code, Response, Status};

use crate::masks::Masked;
use crate::pair::{Pair, Side};
use crate::requests::{Operation as _, always, put};

/// How large a request may be, in bytes.
const REQUEST_MAX_BYTES: usize = 1_572_864;

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
    for path in ["/etcdserverpb.KV/Nothing", "/etcdserverpb.Nothing/Range"] {
        let call = async |side: Side| -> Result<Response<Raw>, Status> {
            // What is told besides is the server's own.
            let told = raw_call::call(side.channel, path, b"").await;
            told.map(|told| Response::new(Raw(told))).map_err(|status| Status::new(status.code(), ""))
        };
        let refused = pair.both(path, call).await.expect_err("there is no such call");
        assert_eq!(refused.code, Code::Unimplemented);
    }
}

#[tokio::test]
async fn bytes_that_are_no_request() {
    let mut pair = Pair::start().await;
    let call = async |side: Side| -> Result<Response<Raw>, Status> {
        raw_call::call(side.channel, "/etcdserverpb.KV/Range", &[0xff, 0xff])
            .await
            .map(|told| Response::new(Raw(told)))
            // What is wrong with them is told in the decoder's own words.
            .map_err(|status| Status::new(status.code(), ""))
    };
    let refused = pair.both("bytes that are no request", call).await;
    assert_eq!(refused.expect_err("it is refused").code, Code::Internal);
}
