//! Proxies between the nodes of a cluster: one before each node's peer port, which knows of every
//! connection which node it comes from, so that each direction of each link can be cut by itself.

use std::collections::BTreeMap;
use std::net::{self, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::connection_owner;

/// What is read at once from a connection.
const CHUNK_SIZE_BYTES: usize = 64 << 10;

/// What becomes of the connections that one node makes to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    /// They go through.
    #[default]
    Open,
    /// They are broken, and new ones are refused: whoever makes them notices at once.
    Refused,
    /// They stay open, and nothing comes through until the way is open again: nobody is told.
    Silent,
    /// Everything comes through so much later, piece by piece.
    Slow(Duration),
    /// Of so many pieces that come through, one has a bit turned over.
    Damaged(u32),
}

impl Way {
    fn lets_through(self) -> bool {
        matches!(self, Self::Open | Self::Slow(_) | Self::Damaged(_))
    }
}

/// The way from one node to another.
type Ways = BTreeMap<(u64, u64), Way>;

/// The links between the nodes of a cluster. Dropping it ends all connections.
#[derive(Debug)]
pub struct Links {
    addresses: BTreeMap<u64, SocketAddr>,
    ways: Arc<watch::Sender<Ways>>,
    processes: Processes,
    damaged: Arc<AtomicU64>,
    proxies: JoinSet<()>,
}

type Processes = Arc<Mutex<BTreeMap<u64, u32>>>;

impl Links {
    /// Puts a proxy before each of these peer addresses, by node. All links are open.
    ///
    /// # Panics
    /// If there is no port to be had.
    pub fn before(peers: &BTreeMap<u64, SocketAddr>) -> Self {
        let mut links = Self {
            addresses: BTreeMap::new(),
            ways: Arc::new(watch::Sender::new(Ways::new())),
            processes: Processes::default(),
            damaged: Arc::default(),
            proxies: JoinSet::new(),
        };
        peers.iter().for_each(|(id, peer)| links.add(*id, *peer));
        links
    }

    /// Puts a proxy before the peer address of a further node. Must be called within a tokio runtime.
    ///
    /// # Panics
    /// If there is no port to be had.
    pub fn add(&mut self, id: u64, peer: SocketAddr) {
        let listener = net::TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        listener.set_nonblocking(true).expect("it is a socket");
        let listener = TcpListener::from_std(listener).expect("there is a runtime");
        self.addresses.insert(id, listener.local_addr().expect("it is bound"));
        let (ways, damaged) = (self.ways.subscribe(), Arc::clone(&self.damaged));
        let to = Target { id, peer, damaged };
        self.proxies.spawn(proxy(listener, to, ways, Arc::clone(&self.processes)));
    }

    /// In how many pieces a bit was turned over so far.
    pub fn damaged(&self) -> u64 {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Where the other nodes reach this one.
    pub fn address(&self, id: u64) -> SocketAddr {
        self.addresses[&id]
    }

    /// Tells which process a node is, whenever it was started.
    pub fn runs_as(&self, id: u64, process: u32) {
        self.processes.lock().expect("nobody panics with it").insert(id, process);
    }

    /// Cuts a node off from all others, in both directions.
    pub fn cut(&self, id: u64, way: Way) {
        self.change(|from, to| (from == id || to == id).then_some(way));
    }

    /// Changes only what this node hears, or only what it says.
    pub fn set(&self, from: u64, to: u64, way: Way) {
        self.change(|some_from, some_to| ((some_from, some_to) == (from, to)).then_some(way));
    }

    /// Opens all ways.
    pub fn heal(&self) {
        self.ways.send_replace(Ways::new());
    }

    fn change(&self, choose: impl Fn(u64, u64) -> Option<Way>) {
        let ids = self.addresses.keys();
        let pairs = ids.clone().flat_map(|from| ids.clone().map(move |to| (*from, *to)));
        let changed: Vec<_> =
            pairs.filter_map(|(from, to)| choose(from, to).map(|way| ((from, to), way))).collect();
        self.ways.send_modify(|ways| ways.extend(changed));
    }
}

/// The node behind a proxy.
#[derive(Debug, Clone)]
struct Target {
    id: u64,
    peer: SocketAddr,
    damaged: Arc<AtomicU64>,
}

/// Takes connections to a node. Its end breaks them all.
async fn proxy(listener: TcpListener, to: Target, ways: watch::Receiver<Ways>, processes: Processes) {
    let here = listener.local_addr().expect("it is bound");
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, there)) = listener.accept().await else { continue };
        let known = processes.lock().expect("nobody panics with it").clone();
        // Zero is no node: a connection whose maker has gone again, or that a test made.
        let from = connection_owner::owner(there, here, &known).unwrap_or(0);
        let way = OneWay { from, to: to.id, ways: ways.clone(), damaged: Arc::clone(&to.damaged), pieces: 0 };
        connections.spawn(connection(stream, to.peer, way));
        while connections.try_join_next().is_some() {}
    }
}

/// One connection, for as long as both ends and the way last.
async fn connection(from: TcpStream, to: SocketAddr, way: OneWay) {
    let mut cut = way.clone();
    tokio::select! {
        () = cut.refused() => {}
        () = carry(from, to, way) => {}
    }
}

async fn carry(from: TcpStream, to: SocketAddr, mut way: OneWay) {
    way.lets_through().await;
    let Ok(onward) = TcpStream::connect(to).await else { return };
    // What one node sends must not wait here for more.
    let _ = (from.set_nodelay(true), onward.set_nodelay(true));
    let (mut from_read, mut from_write) = from.into_split();
    let (mut to_read, mut to_write) = onward.into_split();
    let mut back = OneWay { from: way.to, to: way.from, ..way.clone() };
    // An answer travels on the connection that the question came by, but it is the other direction's.
    tokio::join!(
        pump(&mut from_read, &mut to_write, &mut way),
        pump(&mut to_read, &mut from_write, &mut back)
    );
}

async fn pump(
    read: &mut tokio::net::tcp::OwnedReadHalf,
    write: &mut tokio::net::tcp::OwnedWriteHalf,
    way: &mut OneWay,
) {
    let mut chunk = vec![0; CHUNK_SIZE_BYTES];
    while let Ok(size) = read.read(&mut chunk).await {
        way.passes(&mut chunk[..size]).await;
        if size == 0 || write.write_all(&chunk[..size]).await.is_err() {
            break;
        }
    }
    let _ = write.shutdown().await;
}

/// One direction of one link.
#[derive(Debug, Clone)]
struct OneWay {
    from: u64,
    to: u64,
    ways: watch::Receiver<Ways>,
    damaged: Arc<AtomicU64>,
    /// How many pieces have come through while the way was damaged.
    pieces: u32,
}

impl OneWay {
    fn now(&self, ways: &Ways) -> Way {
        ways.get(&(self.from, self.to)).copied().unwrap_or_default()
    }

    /// Lets a piece through, when and as the way does.
    async fn passes(&mut self, piece: &mut [u8]) {
        match self.lets_through().await {
            Way::Slow(delay) => tokio::time::sleep(delay).await,
            Way::Damaged(every) => self.damage(piece, every),
            Way::Open | Way::Refused | Way::Silent => {}
        }
    }

    fn damage(&mut self, piece: &mut [u8], every: u32) {
        self.pieces = self.pieces.wrapping_add(1);
        if !piece.is_empty() && self.pieces.is_multiple_of(every.max(1)) {
            let count = self.damaged.fetch_add(1, Ordering::Relaxed);
            // Somewhere else each time, the same places in each run.
            let bit = usize::try_from(count.wrapping_mul(0x9e37_79b9) >> 3).unwrap_or_default();
            piece[bit / 8 % piece.len()] ^= 1 << (bit % 8);
        }
    }

    /// Waits until something comes through, for ever if nothing does; tells how.
    async fn lets_through(&mut self) -> Way {
        self.becomes(Way::lets_through).await
    }

    /// Waits until it is cut so that both ends notice.
    async fn refused(&mut self) {
        self.becomes(|way| way == Way::Refused).await;
    }

    async fn becomes(&mut self, wanted: impl Fn(Way) -> bool) -> Way {
        let asked = self.clone();
        let found = self.ways.wait_for(|ways| wanted(asked.now(ways))).await.map(|ways| asked.now(&ways));
        match found {
            Ok(way) => way,
            // The links are gone, and with them the proxies: this task is about to be aborted.
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A peer that sends back what it gets, and a connection to it by way of the links, made by "node 1".
    async fn linked() -> (Links, TcpStream, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peers = BTreeMap::from([(2, listener.local_addr().unwrap())]);
        let links = Links::before(&peers);
        links.runs_as(1, std::process::id());
        let mut echo = JoinSet::new();
        echo.spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            }
        });
        let stream = TcpStream::connect(links.address(2)).await.unwrap();
        (links, stream, echo)
    }

    async fn echoed(stream: &mut TcpStream) -> std::io::Result<u8> {
        stream.write_all(b"x").await?;
        stream.read_u8().await
    }

    #[tokio::test]
    async fn an_open_way_lets_everything_through() {
        let (_links, mut stream, _echo) = linked().await;
        assert_eq!(echoed(&mut stream).await.unwrap(), b'x');
    }

    #[tokio::test]
    async fn a_refused_way_breaks_connections_and_takes_no_new_ones() {
        let (links, mut stream, _echo) = linked().await;
        echoed(&mut stream).await.unwrap();
        links.ways.send_replace(Ways::from([((1, 2), Way::Refused)]));
        assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
        let mut another = TcpStream::connect(links.address(2)).await.unwrap();
        assert!(echoed(&mut another).await.is_err());
        links.heal();
        let mut third = TcpStream::connect(links.address(2)).await.unwrap();
        assert_eq!(echoed(&mut third).await.unwrap(), b'x');
    }

    #[tokio::test]
    async fn a_silent_way_holds_everything_back_and_loses_nothing() {
        let (links, mut stream, _echo) = linked().await;
        echoed(&mut stream).await.unwrap();
        links.ways.send_replace(Ways::from([((1, 2), Way::Silent)]));
        let held = tokio::time::timeout(Duration::from_millis(100), echoed(&mut stream)).await;
        assert!(held.is_err(), "nothing comes back");
        links.heal();
        assert_eq!(stream.read_u8().await.unwrap(), b'x');
    }

    #[tokio::test]
    async fn other_ways_stay_open() {
        let (links, mut stream, _echo) = linked().await;
        links.ways.send_replace(Ways::from([((3, 2), Way::Refused)]));
        assert_eq!(echoed(&mut stream).await.unwrap(), b'x');
    }

    #[tokio::test]
    async fn a_slow_way_takes_its_time() {
        let (links, mut stream, _echo) = linked().await;
        let delay = Duration::from_millis(50);
        links.ways.send_replace(Ways::from([((1, 2), Way::Slow(delay))]));
        let began = std::time::Instant::now();
        assert_eq!(echoed(&mut stream).await.unwrap(), b'x');
        assert!(began.elapsed() >= delay);
    }

    #[tokio::test]
    async fn a_damaged_way_turns_a_bit_over_now_and_then() {
        let (links, mut stream, _echo) = linked().await;
        links.ways.send_replace(Ways::from([((1, 2), Way::Damaged(2))]));
        assert_eq!(echoed(&mut stream).await.unwrap(), b'x');
        let damaged = echoed(&mut stream).await.unwrap();
        assert_eq!((damaged ^ b'x').count_ones(), 1);
        assert_eq!(links.damaged(), 1);
    }
}
