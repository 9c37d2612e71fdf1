//! Bytes between nodes: in pieces, each with a checksum and its place in the row.
//!
//! A bit that turns over on the way passes the checksums of TCP and Ethernet often enough to be met in practice, and a
//! middle box computes them anew. What is damaged, missing, repeated or of another protocol must not be obeyed: the
//! connection ends with the first piece that is not as it was sent, and what was under way is tried again over another
//! one.
//!
//! Whoever comes without pieces is no node: a client that was told the wrong port, whose connection begins as every one of
//! HTTP/2 does. It is served as it comes, so that it can be told.
//!
//! A piece is its length and the complement of that, in two bytes each; the XXH3 of its bytes, seeded with its number
//! in the connection, in eight; and the bytes. Integers are big-endian.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

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

/// The first byte of a connection without pieces. The first piece of a node is short: it begins with a zero.
const PLAIN: u8 = b'P';

const DAMAGED: &str = "bytes between nodes were damaged on the way";
const NO_NODE: &str = "this is not a port for the nodes among themselves: name what the member has as peer_advertise, and not \
                       where clients reach it";

/// A connection between two nodes.
pub struct CheckedStream {
    way: Way,
    about: TcpConnectInfo,
}

enum Way {
    /// Nothing has come yet. None only while it is decided.
    Undecided(Option<TcpStream>),
    Checked(Box<Checked>),
    Plain(TcpStream),
}

struct Checked {
    incoming: StreamReader<FramedRead<OwnedReadHalf, Pieces>, Bytes>,
    outgoing: SinkWriter<FramedWrite<OwnedWriteHalf, Pieces>>,
}

impl CheckedStream {
    /// One to a node, over a connection that is open.
    pub fn to(stream: TcpStream) -> Self {
        let about = stream.connect_info();
        Self { way: Way::checked(stream, &about), about }
    }

    /// One from whoever has opened the connection.
    pub fn from(stream: TcpStream) -> Self {
        Self { about: stream.connect_info(), way: Way::Undecided(Some(stream)) }
    }

    /// How it goes on, once that is known. Nothing is written before: whoever opened it speaks first.
    fn poll_way(&mut self, context: &mut Context<'_>) -> Poll<io::Result<&mut Way>> {
        if let Way::Undecided(undecided) = &mut self.way
            && let Some(stream) = undecided
        {
            let mut first = [0];
            ready!(stream.poll_peek(context, &mut ReadBuf::new(&mut first)))?;
            let stream = undecided.take().expect("it was seen a moment ago");
            self.way = if first == [PLAIN] { Way::Plain(stream) } else { Way::checked(stream, &self.about) };
        }
        Poll::Ready(Ok(&mut self.way))
    }
}

impl Way {
    fn checked(stream: TcpStream, about: &TcpConnectInfo) -> Self {
        let peer = about.remote_addr();
        let (incoming, outgoing) = stream.into_split();
        Self::Checked(Box::new(Checked {
            incoming: StreamReader::new(FramedRead::new(incoming, Pieces { peer, number: 0 })),
            outgoing: SinkWriter::new(FramedWrite::new(outgoing, Pieces { peer, number: 0 })),
        }))
    }
}

/// Connects to `address` (`host:port`): what a channel of tonic takes for its connector.
///
/// # Errors
/// As of a TCP connection.
pub async fn open(address: String) -> io::Result<TokioIo<CheckedStream>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(TokioIo::new(CheckedStream::to(stream)))
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
        match ready!(self.poll_way(context))? {
            Way::Checked(checked) => Pin::new(&mut checked.incoming).poll_read(context, buffer),
            Way::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Way::Undecided(_) => Poll::Ready(Err(undecided())),
        }
    }
}

impl AsyncWrite for CheckedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match ready!(self.poll_way(context))? {
            Way::Checked(checked) => {
                let piece = &bytes[..bytes.len().min(SIZE_BYTES_MAX.into())];
                Pin::new(&mut checked.outgoing).poll_write(context, piece)
            }
            Way::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Way::Undecided(_) => Poll::Ready(Err(undecided())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.way {
            Way::Checked(checked) => Pin::new(&mut checked.outgoing).poll_flush(context),
            Way::Plain(stream) => Pin::new(stream).poll_flush(context),
            Way::Undecided(_) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.way {
            Way::Checked(checked) => Pin::new(&mut checked.outgoing).poll_shutdown(context),
            Way::Plain(stream) | Way::Undecided(Some(stream)) => Pin::new(stream).poll_shutdown(context),
            Way::Undecided(None) => Poll::Ready(Ok(())),
        }
    }
}

fn undecided() -> io::Error {
    ErrorKind::NotConnected.into()
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

    /// The connection ends. If not even the first piece is one, whoever is there hardly is a node.
    fn damaged(&self) -> io::Error {
        tracing::warn!(peer = ?self.peer, "what another node sent was damaged on the way: the connection is closed");
        let first = self.number == 0;
        io::Error::new(ErrorKind::InvalidData, if first { NO_NODE } else { DAMAGED })
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
            (CheckedStream::to(opened.unwrap()), CheckedStream::from(accepted.unwrap().0));
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
    #[tokio::test]
    async fn one_who_comes_without_pieces_is_read_and_answered_so() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let opened = TcpStream::connect(listener.local_addr().unwrap());
        let (opened, accepted) = tokio::join!(opened, listener.accept());
        let (mut near, mut far) = (opened.unwrap(), CheckedStream::from(accepted.unwrap().0));
        let asking = async {
            near.write_all(b"PRI * HTTP/2.0").await.unwrap();
            let mut answer = String::new();
            near.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let answering = async {
            // What is written before anything has come waits for that.
            far.write_all(b"no node").await.unwrap();
            far.shutdown().await.unwrap();
            let mut read = [0; 14];
            far.read_exact(&mut read).await.unwrap();
            read
        };
        let (answer, read) = tokio::join!(asking, answering);
        assert_eq!((answer.as_str(), &read), ("no node", b"PRI * HTTP/2.0"));
    }
}
