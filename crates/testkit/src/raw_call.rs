//! Calls of bytes: what a client could send that has no types to keep it from it.

use bytes::{Buf as _, BufMut as _, Bytes};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Request, Status};

/// Sends `body` as the request of a unary call and gives the bytes of the answer.
///
/// # Errors
/// The status, if the call is refused.
pub async fn call(channel: Channel, path: &'static str, body: &[u8]) -> Result<Bytes, Status> {
    let mut service = Grpc::new(channel);
    service.ready().await.expect("the node is there");
    let request = Request::new(Bytes::copy_from_slice(body));
    let answer = service.unary(request, PathAndQuery::from_static(path), AsTheyAre).await?;
    Ok(answer.into_inner())
}

/// Bytes as they are.
#[derive(Debug, Clone, Copy, Default)]
struct AsTheyAre;

impl Codec for AsTheyAre {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for AsTheyAre {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for AsTheyAre {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
