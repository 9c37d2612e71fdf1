//! Many watchers of one key, which is written at a fixed rate: how long a change takes to each, and whether all came.
//!
//! The time of a delivery counts from when its write was meant to begin until the watcher has it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::{BufMut as _, Bytes, BytesMut};
use conclave_proto::etcd::etcdserverpb::kv_client::KvClient;
use conclave_proto::etcd::etcdserverpb::watch_client::WatchClient;
use conclave_proto::etcd::etcdserverpb::watch_request::RequestUnion;
use conclave_proto::etcd::etcdserverpb::{PutRequest, WatchCreateRequest, WatchRequest, WatchResponse};
use hdrhistogram::Histogram;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;

use super::clients::connections::Connections;
use super::cost::Meter;
use super::drive::{Driven, MEASURING, Operate, Plan, drive_in, histogram};

/// What is written and watched.
const KEY: &str = "bench-watched";
/// Writes that may be under way at once.
const WRITERS: usize = 64;
/// How long after the last write what is missing may still come.
const LATE_MAX: Duration = Duration::from_secs(20);

/// What was measured, and how many deliveries never came.
pub(crate) struct FannedOut {
    pub(crate) driven: Driven,
    pub(crate) lost: u64,
}

/// Has so many watch and the key written.
pub(crate) async fn fan_out(
    connections: &Connections,
    watchers: usize,
    value_size_bytes: usize,
    plan: Plan,
    meter: &Meter,
) -> anyhow::Result<FannedOut> {
    let phase = Arc::new(AtomicU8::new(0));
    let (epoch, written) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let (all_written, until) = watch::channel(None);
    let mut watching = JoinSet::new();
    for number in 0..watchers {
        let watcher = Watcher::open(connections, number, epoch).await?;
        watching.spawn(watcher.watch(Arc::clone(&phase), until.clone()));
    }
    let writer = |number| Writer {
        node: KvClient::new(connections.of_client(number).swap_remove(0)),
        value_size_bytes,
        epoch,
        written: Arc::clone(&written),
    };
    let mut driven = drive_in(&phase, (0..WRITERS).map(writer).collect(), plan, meter).await?;
    all_written.send_replace(Some(written.load(Ordering::Relaxed)));
    driven.latencies_us = histogram();
    let mut lost = 0;
    while let Some(ended) = watching.join_next().await {
        let seen = ended.context("a watcher was cut short")??;
        driven.latencies_us.add(seen.latencies_us).context("all have the same bounds")?;
        lost += seen.lost;
    }
    Ok(FannedOut { driven, lost })
}

/// Writes the moment from which its write counts.
struct Writer {
    node: KvClient<Channel>,
    value_size_bytes: usize,
    epoch: Instant,
    written: Arc<AtomicU64>,
}

impl Operate for Writer {
    async fn operate(&mut self, began: Instant) -> anyhow::Result<()> {
        let value = stamped(began.saturating_duration_since(self.epoch), self.value_size_bytes);
        self.node.put(PutRequest { key: KEY.into(), value, ..PutRequest::default() }).await?;
        self.written.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

fn stamped(moment: Duration, size_bytes: usize) -> Bytes {
    let mut value = BytesMut::with_capacity(size_bytes);
    value.put_u64(u64::try_from(moment.as_micros()).unwrap_or(u64::MAX));
    value.resize(size_bytes.max(size_of::<u64>()), b'v');
    value.freeze()
}

/// From when on the write of a value counts, in microseconds.
fn stamp_us(value: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(*value.first_chunk()?))
}

struct Watcher {
    epoch: Instant,
    changes: Streaming<WatchResponse>,
    /// Open as long as the stream is to be.
    _requests: mpsc::Sender<WatchRequest>,
    seen: Seen,
    came: u64,
}

/// What a watcher has seen.
struct Seen {
    latencies_us: Histogram<u64>,
    lost: u64,
}

impl Watcher {
    /// Watches from now on.
    async fn open(connections: &Connections, number: usize, epoch: Instant) -> anyhow::Result<Self> {
        let node = connections.of_client(number).swap_remove(0);
        let (requests, receiver) = mpsc::channel(1);
        let create = WatchCreateRequest { key: KEY.into(), ..WatchCreateRequest::default() };
        requests.send(WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) }).await?;
        let mut changes = WatchClient::new(node).watch(ReceiverStream::new(receiver)).await?.into_inner();
        let told = changes.message().await?.context("the watch has ended")?;
        anyhow::ensure!(told.created, "the watch is not made: {}", told.cancel_reason);
        let seen = Seen { latencies_us: histogram(), lost: 0 };
        Ok(Self { epoch, changes, _requests: requests, seen, came: 0 })
    }

    /// Watches until all that was written has come, or never will.
    async fn watch(
        mut self,
        phase: Arc<AtomicU8>,
        mut until: watch::Receiver<Option<u64>>,
    ) -> anyhow::Result<Seen> {
        loop {
            tokio::select! {
                told = self.changes.message() => self.note(&told?.context("the watch has ended")?, &phase),
                _ = until.changed() => break,
            }
        }
        let written = (*until.borrow()).context("whoever writes was cut short")?;
        let deadline = tokio::time::Instant::now() + LATE_MAX;
        while self.came < written {
            let Ok(told) = tokio::time::timeout_at(deadline, self.changes.message()).await else { break };
            self.note(&told?.context("the watch has ended")?, &phase);
        }
        self.seen.lost = written.saturating_sub(self.came);
        Ok(self.seen)
    }

    fn note(&mut self, told: &WatchResponse, phase: &AtomicU8) {
        let now_us = u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX);
        let is_measured = phase.load(Ordering::Relaxed) == MEASURING;
        for value in told.events.iter().filter_map(|event| event.kv.as_ref()).map(|kv| &kv.value) {
            self.came += 1;
            if let Some(stamp_us) = stamp_us(value).filter(|_| is_measured) {
                self.seen.latencies_us.saturating_record(now_us.saturating_sub(stamp_us));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_tells_its_moment() {
        let value = stamped(Duration::from_millis(7), 256);
        assert_eq!((value.len(), stamp_us(&value)), (256, Some(7_000)));
        assert_eq!(stamp_us(b"short"), None);
    }
}
