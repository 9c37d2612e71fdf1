//! The watches of a script: after each of its steps both servers have told each of them the same, and all that it was to
//! be told.
//!
//! One watch is told of everything. What it was told says what each other one must be told, so that it is known how much
//! to wait for: also of the past, before a compaction drops it.

use bytes::Bytes;
use conclave_proto::etcd::etcdserverpb::WatchCreateRequest;
use conclave_proto::etcd::etcdserverpb::watch_create_request::FilterType;
use conclave_proto::etcd::mvccpb::Event;
use conclave_proto::etcd::mvccpb::event::EventType;

use crate::pair::{Pair, revision};
use crate::requests::{ON, get};
use crate::watching::{Watching, revision_of};

/// The watches that are open.
pub(crate) struct Followed {
    watching: Watching,
    everything: i64,
    /// All changes of the script so far.
    history: Vec<Event>,
    newest: i64,
    /// What was before cannot be watched.
    compacted: i64,
    open: Vec<Open>,
}

struct Open {
    id: i64,
    asked: WatchCreateRequest,
}

impl Followed {
    /// Opens a stream at each of the two, with a watch of everything.
    pub(crate) async fn begin(pair: &mut Pair) -> Self {
        let mut watching = Watching::open(pair);
        let all = WatchCreateRequest {
            key: "\0".into(),
            range_end: ON.into(),
            prev_kv: true,
            ..WatchCreateRequest::default()
        };
        let everything = watching.create(pair, all).await.watch_id;
        Self { watching, everything, history: Vec::new(), newest: 1, compacted: 0, open: Vec::new() }
    }

    /// What was before a revision was given up.
    pub(crate) fn compacted(&mut self, revision: i64) {
        self.compacted = revision;
    }

    /// Makes a watch; both must tell it the same of the past.
    pub(crate) async fn create(&mut self, pair: &mut Pair, mut asked: WatchCreateRequest) {
        // How much of the revision itself is left after a compaction, an etcd decides when it comes to it.
        if asked.start_revision > 0 && asked.start_revision == self.compacted {
            asked.start_revision += 1;
        }
        let told = self.watching.create(pair, asked.clone()).await;
        if told.canceled {
            return;
        }
        if (1..self.compacted).contains(&asked.start_revision) {
            let ended = self.watching.said(pair).await;
            assert_eq!((ended.watch_id, ended.canceled), (told.watch_id, true));
            assert_eq!(ended.compact_revision, self.compacted);
            return;
        }
        if asked.start_revision == 0 {
            asked.start_revision = self.newest + 1;
        }
        let open = Open { id: told.watch_id, asked };
        let past: Vec<_> = self.history.iter().filter(|event| open.wants(event)).cloned().collect();
        open.is_told(&mut self.watching, pair, past).await;
        self.open.push(open);
    }

    /// Ends a watch.
    pub(crate) async fn end(&mut self, pair: &mut Pair, number: usize) {
        if number < self.open.len() {
            let open = self.open.remove(number);
            assert!(self.watching.cancel(pair, open.id).await.canceled);
        }
    }

    /// Both tell all watches of what has changed.
    pub(crate) async fn settle(&mut self, pair: &mut Pair) {
        let newest = revision(pair.granted(get("x")).await.header.as_ref());
        if newest == self.newest {
            return;
        }
        self.newest = newest;
        let changes = self.watching.events_to(pair, self.everything, newest).await;
        for open in &self.open {
            let wanted = changes.iter().filter(|event| open.wants(event)).cloned().collect();
            open.is_told(&mut self.watching, pair, wanted).await;
        }
        self.history.extend(changes);
    }

    /// Nothing else was told.
    pub(crate) fn finish(self) {
        assert!(self.watching.unasked().is_empty(), "nobody asked for {:#?}", self.watching.unasked());
    }
}

impl Open {
    fn wants(&self, event: &Event) -> bool {
        let left_out = match event.r#type() {
            EventType::Put => FilterType::Noput,
            EventType::Delete => FilterType::Nodelete,
        };
        revision_of(event) >= self.asked.start_revision
            && !self.asked.filters.contains(&left_out.into())
            && self.has(&event.kv.as_ref().expect("every change has a key").key)
    }

    fn has(&self, key: &Bytes) -> bool {
        let first = if self.asked.key.is_empty() { &Bytes::from_static(b"\0") } else { &self.asked.key };
        match self.asked.range_end.as_ref() {
            b"" => key == first,
            b"\0" => key >= first,
            end => key >= first && key.as_ref() < end,
        }
    }

    /// Both tell it this. What was there before, the two agree on: how much of that is left is not told here.
    async fn is_told(&self, watching: &mut Watching, pair: &Pair, wanted: Vec<Event>) {
        let bare = |events: Vec<Event>| -> Vec<Event> {
            events.into_iter().map(|event| Event { prev_kv: None, ..event }).collect()
        };
        let told = watching.events(pair, self.id, wanted.len()).await;
        assert!(self.asked.prev_kv || told.iter().all(|event| event.prev_kv.is_none()));
        assert_eq!(bare(told), bare(wanted), "watch {}: {:?}", self.id, self.asked);
    }
}
