//! Watches of etcd's API, where no etcd is there to compare with: very many on one stream, a client that never reads,
//! and a leader that is killed.

use std::collections::BTreeMap;

use bytes::Bytes;
use conclave_proto::etcd::etcdserverpb::kv_client::KvClient;
use conclave_proto::etcd::etcdserverpb::watch_client::WatchClient;
use conclave_proto::etcd::etcdserverpb::watch_request::RequestUnion;
use conclave_proto::etcd::etcdserverpb::{
    PutRequest, WatchCreateRequest, WatchProgressRequest, WatchRequest, WatchResponse,
};
use conclave_testkit::wait;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Request, Status, Streaming};

use crate::stage::{one, three};

/// How many requests of a stream wait to be sent.
const REQUESTS_MAX: usize = 1_000;
/// How many watches there are on one stream.
const WATCHES: usize = 10_000;

/// What one of them may take of the node's memory, its requests and answers on their way with it.
const WATCH_SIZE_BYTES_MAX: u64 = 4_000;

/// A stream of watches at one node.
struct Watching {
    requests: mpsc::Sender<WatchRequest>,
    answers: Streaming<WatchResponse>,
}

impl Watching {
    /// Opens it; it ends when the node knows no leader.
    async fn open(channel: Channel) -> Result<Self, Status> {
        let (requests, sent) = mpsc::channel(REQUESTS_MAX);
        let mut request = Request::new(ReceiverStream::new(sent));
        request.metadata_mut().insert("hasleader", "true".parse().expect("it is a word"));
        let answers = WatchClient::new(channel).watch(request).await?.into_inner();
        Ok(Self { requests, answers })
    }

    async fn create(&self, create: WatchCreateRequest) {
        send(&self.requests, RequestUnion::CreateRequest(create)).await;
    }

    async fn next(&mut self) -> Result<WatchResponse, Status> {
        let answer = tokio::time::timeout(wait::PATIENCE, self.answers.message()).await;
        answer.expect("the stream says something")?.ok_or_else(|| Status::unavailable("the stream has ended"))
    }
}

async fn send(requests: &mpsc::Sender<WatchRequest>, request: RequestUnion) {
    requests.send(WatchRequest { request_union: Some(request) }).await.expect("the stream is open");
}

fn on(key: &str, end: &str, start_revision: i64) -> WatchCreateRequest {
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    WatchCreateRequest { key: bytes(key), range_end: bytes(end), start_revision, ..Default::default() }
}

async fn put(channel: &Channel, key: String, value: Bytes) -> Result<i64, Status> {
    let request = PutRequest { key: key.into(), value, ..PutRequest::default() };
    let told = KvClient::new(channel.clone()).put(request).await?.into_inner();
    Ok(told.header.expect("every answer has a header").revision)
}

fn revisions(answer: &WatchResponse) -> impl Iterator<Item = i64> {
    answer.events.iter().map(|event| event.kv.as_ref().expect("every event has a key").mod_revision)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_watches_on_one_stream_are_each_told_their_own() {
    let mut cluster = one().await;
    let channel = cluster.channel(1);
    let mut watching = Watching::open(channel.clone()).await.expect("it is opened");
    let (began, before) = (Instant::now(), resident_bytes(cluster.node(1).process()));
    let requests = watching.requests.clone();
    let create_all = async move {
        for number in 1..WATCHES {
            send(&requests, RequestUnion::CreateRequest(on(&format!("key-{number}"), "", 0))).await;
        }
        send(&requests, RequestUnion::CreateRequest(on("key-", "key.", 0))).await;
    };
    let all_made = async {
        for id in 0..WATCHES {
            let answer = watching.next().await.expect("the stream goes on");
            assert_eq!((answer.watch_id, answer.created), (i64::try_from(id).expect("it is small"), true));
        }
    };
    tokio::join!(create_all, all_made);
    let grown = resident_bytes(cluster.node(1).process()).saturating_sub(before);
    println!(
        "{WATCHES} watches were made in {:?}, the node has grown by {} KB",
        began.elapsed(),
        grown / 1_000
    );
    assert!(grown < WATCHES as u64 * WATCH_SIZE_BYTES_MAX, "a watch takes {} bytes", grown / WATCHES as u64);

    let (writes, began) = (500, Instant::now());
    let mut expected = BTreeMap::new();
    for number in (1..=writes).map(|number| number * 19) {
        let revision = put(&channel, format!("key-{number}"), "value".into()).await.expect("it is put");
        expected.insert((number - 1, revision), 1);
        expected.insert((i64::try_from(WATCHES).expect("it is small") - 1, revision), 1);
    }
    let mut told: BTreeMap<(i64, i64), usize> = BTreeMap::new();
    while told.values().sum::<usize>() < expected.len() {
        let answer = watching.next().await.expect("the stream goes on");
        revisions(&answer).for_each(|revision| *told.entry((answer.watch_id, revision)).or_default() += 1);
    }
    println!("{writes} writes were told in {:?}", began.elapsed());
    assert_eq!(told, expected);
    // That nothing else comes shows in what comes next.
    send(&watching.requests, RequestUnion::ProgressRequest(WatchProgressRequest {})).await;
    let answer = watching.next().await.expect("the stream goes on");
    assert_eq!((answer.watch_id, answer.events.len()), (-1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_reads_keeps_nobody_waiting_and_nothing_in_memory() {
    // More than the memory that all watches share, and than what a store keeps in memory until it is flushed.
    let (writes, size_bytes) = (3_000, 100_000);
    let mut cluster = one().await;
    let channel = cluster.channel(1);
    let mut idle = Watching::open(cluster.channel(1)).await.expect("it is opened");
    let mut busy = Watching::open(cluster.channel(1)).await.expect("it is opened");
    for watching in [&mut idle, &mut busy] {
        watching.create(WatchCreateRequest { prev_kv: true, ..on("a", "b", 0) }).await;
        assert!(watching.next().await.expect("the stream goes on").created);
    }
    let before = resident_bytes(cluster.node(1).process());
    for number in 0..writes {
        let revision = put(&channel, format!("a{}", number % 10), vec![b'x'; size_bytes].into()).await;
        let answer = busy.next().await.expect("the stream goes on");
        assert_eq!(revisions(&answer).collect::<Vec<_>>(), [revision.expect("it is put")]);
    }
    let (written, grown) =
        (writes * size_bytes, resident_bytes(cluster.node(1).process()).saturating_sub(before));
    println!("{} MB were written, the node has grown by {} MB", written / 1_000_000, grown / 1_000_000);
    assert!(grown < written as u64, "what is not read is kept in memory");
    // It has what it was told, from the first change on, once it reads.
    let mut told = Vec::new();
    while told.len() < writes {
        told.extend(revisions(&idle.next().await.expect("the stream goes on")));
    }
    let first = told[0];
    assert!(told.iter().copied().eq((first..).take(writes)), "each change once, in order");
}

/// What a process has in memory.
pub(crate) fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory is told");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("it is a number") * 1_024
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_goes_on_at_another_member_when_the_leader_is_killed() {
    let mut cluster = three().await;
    let leader = cluster.leader().await;
    let others: Vec<u64> = cluster.ids().into_iter().filter(|id| *id != leader).collect();
    let (writer, other) = (cluster.channel(others[0]), cluster.channel(others[1]));
    let mut watching = Watching::open(cluster.channel(leader)).await.expect("it is opened");
    watching.create(on("a", "b", 0)).await;
    assert!(watching.next().await.expect("the stream goes on").created);

    let write = async {
        let mut acknowledged = Vec::new();
        for number in 0..200 {
            if number == 100 {
                cluster.node(leader).kill();
            }
            // What may have been done or not is done again: each time is a change of its own.
            let again = async || put(&writer, format!("a{number}"), "value".into()).await.ok();
            acknowledged.push(wait::until("a write is acknowledged", again).await);
        }
        acknowledged
    };
    let follow = async {
        let (mut told, mut interruptions) = (Vec::<i64>::new(), 0);
        // Until the last key is told.
        loop {
            match watching.next().await {
                Ok(answer) => {
                    told.extend(revisions(&answer));
                    if answer.events.iter().any(|event| event.kv.as_ref().is_some_and(|kv| kv.key == "a199"))
                    {
                        return (told, interruptions);
                    }
                }
                Err(status) => {
                    assert!(matches!(status.code(), Code::Unavailable | Code::Unknown), "{status:?}");
                    interruptions += 1;
                    let open = async || Watching::open(other.clone()).await.ok();
                    watching = wait::until("another member takes the watch", open).await;
                    let next = told.last().map_or(0, |last| last + 1);
                    watching.create(on("a", "b", next)).await;
                }
            }
        }
    };
    let began = Instant::now();
    let (acknowledged, (told, interruptions)) = tokio::join!(write, follow);
    println!("200 writes over {interruptions} interruptions in {:?}", began.elapsed());
    assert!(interruptions > 0, "the leader was killed");

    // All that there is, told anew from the first change on.
    let mut all = Watching::open(other.clone()).await.expect("it is opened");
    all.create(on("a", "b", told[0])).await;
    let mut expected: Vec<i64> = Vec::new();
    while expected.last() < told.last() {
        expected.extend(revisions(&all.next().await.expect("the stream goes on")));
    }
    assert_eq!(told, expected);
    // The last one may have been done twice.
    let earlier = &acknowledged[..acknowledged.len() - 1];
    assert!(earlier.iter().all(|revision| told.contains(revision)), "every acknowledged write was told");
}
