//! A peer that answers as a test says, without a network.

use std::future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use prost::Message;
use tonic::Status;
use tonic::body::Body;

use crate::errors::ConsensusError;
use crate::local_node::BoxFuture;
use crate::network::{Network, PeerListener, PeerService};
use crate::peer_channel::{PeerChannels, PeerClient};
use crate::type_config::PeerAddress;

/// The messages of a call, as they come.
pub(crate) type Asked = BoxStream<'static, ()>;

/// What a call is answered, or that it is refused.
pub(crate) type Answered<M> = Result<BoxStream<'static, Result<M, Status>>, Status>;

/// A client of a peer each of whose calls is answered so.
pub(crate) fn client<M: Message + 'static>(
    answer: impl Fn(Asked) -> Answered<M> + Clone + Send + Sync + 'static,
) -> PeerClient {
    let way = tower::service_fn(move |call: http::Request<Body>| {
        let answered = answer(asked(call.into_body())).map(|told| {
            let body = Body::new(StreamBody::new(told.map(|told| told.map(|message| frame(&message)))));
            http::Response::builder().header("content-type", "application/grpc").body(body).unwrap()
        });
        future::ready(answered)
    });
    let channels = PeerChannels::new(Arc::new(Way(PeerService::new(way))), 1);
    channels.to(1, &PeerAddress::default()).unwrap().ordinary
}

/// Each is a frame of its own.
fn asked(body: Body) -> Asked {
    let frames = stream::unfold(body, |mut body| async move { Some((body.frame().await?.ok()?, body)) });
    frames.map(drop).boxed()
}

fn frame(message: &impl Message) -> Frame<Bytes> {
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    Frame::data(Bytes::from([&[0], &length[..], &message].concat()))
}

/// Every call goes this way.
struct Way(PeerService);

impl Network for Way {
    fn check(&self, _node: u64, _address: &str) -> Result<(), ConsensusError> {
        Ok(())
    }

    fn connect(&self, _node: u64, _address: &str) -> Result<PeerService, ConsensusError> {
        Ok(self.0.clone())
    }

    fn listen(&self, _address: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn PeerListener>>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }
}
