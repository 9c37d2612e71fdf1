//! Decodes requests as etcd's server does: what is no request of the call is INTERNAL there, and one that would grow
//! out of all proportion is refused before it is in memory.

use conclave_door::BoundedCodec;
use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder};

use crate::status::undecodable;

/// The codec of this door's servers.
#[derive(Debug)]
pub(crate) struct EtcdCodec<T, U> {
    inner: BoundedCodec<T, U>,
}

impl<T, U> Default for EtcdCodec<T, U> {
    fn default() -> Self {
        Self { inner: BoundedCodec::default() }
    }
}

impl<T, U> Codec for EtcdCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = <BoundedCodec<T, U> as Codec>::Encoder;
    type Decoder = EtcdDecoder<<BoundedCodec<T, U> as Codec>::Decoder>;

    fn encoder(&mut self) -> Self::Encoder {
        self.inner.encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        EtcdDecoder { inner: self.inner.decoder() }
    }
}

/// Decodes requests.
#[derive(Debug)]
pub(crate) struct EtcdDecoder<D> {
    inner: D,
}

impl<D: Decoder<Error = Status>> Decoder for EtcdDecoder<D> {
    type Item = D::Item;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Status> {
        self.inner.decode(buffer).map_err(|status| undecodable(&status))
    }
}
