//! Bytes between nodes: in pieces, each with a checksum and its place in the row.
//!
//! A bit that turns over on the way passes the checksums of TCP and Ethernet often enough to be met in practice, and a
//! middle box computes them anew. What is damaged, missing, repeated or of another protocol must not be obeyed: the
//! connection ends with the first piece that is not as it was sent, and what was under way is tried again over another
//! one.
//!
//! A piece is its length and the complement of that, in two bytes each; the XXH3 of its bytes, seeded with its number
//! in the connection, in eight; and the bytes. Integers are big-endian.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_util::codec::{Decoder, Encoder, FramedRead, FramedWrite};
use tokio_util::io::{SinkWriter, StreamReader};
use tonic::transport::server::{Connected, TcpConnectInfo};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The most bytes of a piece.
const SIZE_BYTES_MAX: u16 = u16::MAX;
const HEAD_SIZE_BYTES: usize = 12;

/// A connection between two nodes.
pub struct CheckedStream {
    incoming: StreamReader<FramedRead<OwnedReadHalf, Pieces>, Bytes>,
    outgoing: SinkWriter<FramedWrite<OwnedWriteHalf, Pieces>>,
    about: TcpConnectInfo,
}

impl CheckedStream {
    /// One over a connection that is open.
    pub fn over(stream: TcpStream) -> Self {
        let about = stream.connect_info();
        let peer = about.remote_addr();
        let (incoming, outgoing) = stream.into_split();
        Self {
            incoming: StreamReader::new(FramedRead::new(incoming, Pieces { peer, number: 0 })),
            outgoing: SinkWriter::new(FramedWrite::new(outgoing, Pieces { peer, number: 0 })),
            about,
        }
    }
}

/// Connects to `address` (`host:port`): what a channel of tonic takes for its connector.
///
/// # Errors
/// As of a TCP connection.
pub async fn open(address: String) -> io::Result<TokioIo<CheckedStream>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(TokioIo::new(CheckedStream::over(stream)))
}

impl Connected for CheckedStream {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.about.clone()
    }
}

impl AsyncRead for CheckedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.incoming).poll_read(context, buffer)
    }
}

impl AsyncWrite for CheckedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let piece = &bytes[..bytes.len().min(SIZE_BYTES_MAX.into())];
        Pin::new(&mut self.outgoing).poll_write(context, piece)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.outgoing).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.outgoing).poll_shutdown(context)
    }
}

/// The pieces of one direction.
struct Pieces {
    /// Who is at the other end.
    peer: Option<SocketAddr>,
    /// How many there were.
    number: u64,
}

impl Pieces {
    fn checksum(&mut self, bytes: &[u8]) -> u64 {
        let number = self.number;
        self.number += 1;
        xxh3_64_with_seed(bytes, number)
    }

    fn damaged(&self) -> io::Error {
        tracing::warn!(peer = ?self.peer, "what another node sent was damaged on the way: the connection is closed");
        io::Error::new(ErrorKind::InvalidData, "bytes between nodes were damaged on the way")
    }
}

impl Encoder<&[u8]> for Pieces {
    type Error = io::Error;

    fn encode(&mut self, bytes: &[u8], buffer: &mut BytesMut) -> io::Result<()> {
        let size_bytes = u16::try_from(bytes.len()).map_err(io::Error::other)?;
        buffer.reserve(HEAD_SIZE_BYTES + bytes.len());
        buffer.put_u16(size_bytes);
        buffer.put_u16(!size_bytes);
        buffer.put_u64(self.checksum(bytes));
        buffer.put_slice(bytes);
        Ok(())
    }
}

impl Decoder for Pieces {
    type Item = Bytes;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Bytes>> {
        let Some(mut head) = buffer.get(..HEAD_SIZE_BYTES) else { return Ok(None) };
        let (size_bytes, complement, checksum) = (head.get_u16(), head.get_u16(), head.get_u64());
        if size_bytes != !complement {
            return Err(self.damaged());
        }
        let whole_bytes = HEAD_SIZE_BYTES + usize::from(size_bytes);
        if buffer.len() < whole_bytes {
            buffer.reserve(whole_bytes - buffer.len());
            return Ok(None);
        }
        let bytes = buffer.split_to(whole_bytes).freeze().slice(HEAD_SIZE_BYTES..);
        if self.checksum(&bytes) == checksum { Ok(Some(bytes)) } else { Err(self.damaged()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    fn pieces() -> Pieces {
        Pieces { peer: None, number: 0 }
    }

    fn encoded(pieces_of: &[&[u8]]) -> BytesMut {
        let (mut encoder, mut buffer) = (pieces(), BytesMut::new());
        for piece in pieces_of {
            encoder.encode(piece, &mut buffer).unwrap();
        }
        buffer
    }

    /// What is read before the first piece that is not as it was sent, and whether there is one.
    fn decoded(mut buffer: BytesMut) -> (Vec<u8>, bool) {
        let (mut decoder, mut read) = (pieces(), Vec::new());
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(bytes)) => read.extend_from_slice(&bytes),
                Ok(None) => return (read, !buffer.is_empty()),
                Err(_) => return (read, true),
            }
        }
    }

    #[test]
    fn each_bit_that_turns_over_is_noticed() {
        let whole = encoded(&[b"first", b"second", b"third"]);
        assert_eq!(decoded(whole.clone()), (b"firstsecondthird".to_vec(), false));
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let (read, is_noticed) = decoded(damaged);
            assert!(is_noticed && b"firstsecond".starts_with(&read[..]), "bit {bit}");
        }
    }

    #[test]
    fn pieces_that_are_missing_repeated_or_out_of_order_are_noticed() {
        let (a, b) = (encoded(&[b"a"]), encoded(&[b"a", b"b"]).split_off(HEAD_SIZE_BYTES + 1));
        for wrong in [[&b[..], &a[..]].concat(), [&a[..], &a[..], &b[..]].concat(), b.to_vec()] {
            let (read, is_noticed) = decoded(BytesMut::from(&wrong[..]));
            assert!(is_noticed && b"a".starts_with(&read[..]));
        }
        assert_eq!(decoded(BytesMut::from(&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..])), (Vec::new(), true));
    }

    proptest! {
        #[test]
        fn whatever_is_sent_arrives(sent in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20)) {
            let pieces: Vec<_> = sent.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(decoded(encoded(&pieces)), (sent.concat(), false));
        }
    }

    #[tokio::test]
    async fn a_connection_passes_more_than_a_piece_both_ways() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let opened = TcpStream::connect(listener.local_addr().unwrap());
        let (opened, accepted) = tokio::join!(opened, listener.accept());
        let (mut near, mut far) =
            (CheckedStream::over(opened.unwrap()), CheckedStream::over(accepted.unwrap().0));
        let sent: Vec<u8> = (0_u32..200_000).flat_map(u32::to_be_bytes).collect();
        let asking = async {
            near.write_all(&sent).await.unwrap();
            near.flush().await.unwrap();
            let mut answer = String::new();
            near.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let answering = async {
            let mut read = vec![0; sent.len()];
            far.read_exact(&mut read).await.unwrap();
            far.write_all(b"thanks").await.unwrap();
            far.shutdown().await.unwrap();
            read
        };
        let (answer, read) = tokio::join!(asking, answering);
        assert!(read == sent && answer == "thanks");
    }
}
