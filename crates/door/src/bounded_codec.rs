//! Decodes requests within a bound: one that would take too many reads is refused before it is in memory.
//!
//! The size of a request is bounded on the wire, and what may be in it once it is decoded. Between the two,
//! 8 MiB of empty edits would become half a gigabyte. See `metered.rs` for what is counted.

use std::marker::PhantomData;

use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic_prost::ProstCodec;

use crate::Limits;
use crate::metered::Metered;
use crate::status::undecodable;

/// The codec of a server: answers `T` are encoded as ever, requests `U` decoded within
/// [`Limits::REQUEST_READS_MAX`].
#[derive(Debug)]
pub struct BoundedCodec<T, U> {
    inner: ProstCodec<T, U>,
}

impl<T, U> Default for BoundedCodec<T, U> {
    fn default() -> Self {
        Self { inner: ProstCodec::default() }
    }
}

impl<T, U> Codec for BoundedCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = <ProstCodec<T, U> as Codec>::Encoder;
    type Decoder = BoundedDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        self.inner.encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        BoundedDecoder { message: PhantomData }
    }
}

/// Decodes requests.
#[derive(Debug)]
pub struct BoundedDecoder<U> {
    message: PhantomData<U>,
}

impl<U: Message + Default> Decoder for BoundedDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let mut metered = Metered::new(buffer, Limits::REQUEST_READS_MAX);
        let decoded = U::decode(&mut metered);
        if metered.is_over() {
            return Err(undecodable("it has too many fields: split it"));
        }
        decoded.map(Some).map_err(undecodable)
    }
}
