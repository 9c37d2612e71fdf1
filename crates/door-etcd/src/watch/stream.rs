//! The stream of one client's watches. It has no task and no queue: what the client does not read is not read here.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::vec::IntoIter;

use conclave_core::kv;
use conclave_door::{Ends, Place, closed};
use conclave_mvcc::{KeyRange, Revised, Revision};
use conclave_node::{Reach, RequestError, WatchFilter, Watched};
use conclave_proto::etcd::etcdserverpb as wire;
use futures::stream::BoxStream;
use futures::{StreamExt as _, future, stream};
use tokio::sync::Semaphore;
use tonic::Status;
use wire::watch_request::RequestUnion;

use super::behind::{Behind, News};
use super::create::{Create, Mistake};
use super::fragments::fragments;
use super::group::Group;
use super::progress::Progress;
use super::store::{Floors, Store};
use super::watches::{Serial, Watch, Watches};
use crate::refusal::Refusal;
use crate::status::as_text;

/// Most watches of one stream.
const WATCHES_MAX: usize = 100_000;
/// What a watch takes in memory beside its keys, in bytes.
const WATCH_SIZE_BYTES: usize = 512;
/// The id of no watch, in answers about all and about those that are not made.
const NO_ID: i64 = -1;

/// What the watches of all streams of a node may take in memory yet, in bytes.
pub(super) type Room = Arc<Semaphore>;
/// What the client asks.
pub(super) type Requests = BoxStream<'static, Result<wire::WatchRequest, Status>>;

/// A stream that is open: its watches, what was told, and what comes next.
pub(super) struct Following<S> {
    store: S,
    /// None: the client asks nothing more.
    requests: Option<Requests>,
    room: Room,
    ends: Ends,
    watches: Watches,
    /// Those that are up to date.
    live: Group,
    behind: Behind,
    progress: Progress,
    /// What is told before anything else.
    answers: VecDeque<wire::WatchResponse>,
    telling: Option<Telling>,
}

/// A revision, and the watches that are to be told of it yet.
struct Telling {
    revised: Revised,
    to: IntoIter<Serial>,
}

/// What happens next.
enum Heard {
    Request(Option<Result<wire::WatchRequest, Status>>),
    Live(Watched),
    Behind(News),
    ProgressDue,
}

impl<S: Store> Following<S> {
    pub(super) fn begin(store: S, requests: Requests, room: Room, ends: Ends) -> Result<Self, Refusal> {
        let filter = WatchFilter { ranges: kv::readable(&KeyRange::all()) };
        let watcher = store.watch(filter, store.newest().next())?.reaching(Reach::Tail);
        Ok(Self {
            store,
            requests: Some(requests),
            room,
            ends,
            watches: Watches::default(),
            live: Group::new(watcher),
            behind: Behind::default(),
            progress: Progress::new(),
            answers: VecDeque::new(),
            telling: None,
        })
    }

    /// The answers, up to a failure, which is the last of them. The place is given back at the end.
    pub(super) fn into_stream(self, place: Place) -> BoxStream<'static, Result<wire::WatchResponse, Status>> {
        Box::pin(stream::unfold(Some((Box::new(self), place)), |open| async {
            let (mut following, place) = open?;
            match following.next().await {
                Ok(answer) => Some((Ok(answer), Some((following, place)))),
                Err(status) => Some((Err(status), None)),
            }
        }))
    }

    /// The next answer.
    async fn next(&mut self) -> Result<wire::WatchResponse, Status> {
        loop {
            self.ends.check().map_err(Refusal::from)?;
            if let Some(answer) = self.tell() {
                return Ok(answer);
            }
            self.behind.send(&self.store, &self.watches);
            match self.hear().await.map_err(Refusal::from)? {
                Heard::Request(None) => self.requests = None,
                Heard::Request(Some(request)) => self.heed(request?).await.map_err(Refusal::from)?,
                Heard::Live(watched) => self.live_watched(watched),
                Heard::Behind(News::Floors(floors)) => self.surveyed(floors).map_err(Refusal::from)?,
                Heard::Behind(News::Watched(group, watched)) => self.behind_watched(group, watched),
                Heard::ProgressDue => self.progress.gather(&mut self.watches),
            }
        }
    }

    /// Waits for what happens next.
    async fn hear(&mut self) -> Result<Heard, RequestError> {
        let Self { requests, ends, live, behind, progress, .. } = self;
        let request = async {
            match requests {
                Some(requests) => requests.next().await,
                None => future::pending().await,
            }
        };
        tokio::select! {
            error = ends.come() => Err(error),
            request = request => Ok(Heard::Request(request)),
            watched = live.watcher.next() => Ok(Heard::Live(watched.map_err(closed)?)),
            news = behind.news() => Ok(Heard::Behind(news?)),
            () = progress.comes_due() => Ok(Heard::ProgressDue),
        }
    }

    /// What is to be told by now.
    fn tell(&mut self) -> Option<wire::WatchResponse> {
        self.answers.pop_front().or_else(|| self.tell_changes()).or_else(|| self.tell_progress())
    }

    fn tell_changes(&mut self) -> Option<wire::WatchResponse> {
        let telling = self.telling.as_mut()?;
        for serial in telling.to.by_ref() {
            let Some(watch) = self.watches.get_mut(serial) else { continue };
            let events = watch.events(&telling.revised);
            if events.is_empty() {
                continue;
            }
            watch.was_told = true;
            let (watch_id, header) = (watch.id, self.store.header(telling.revised.revision));
            let whole = wire::WatchResponse { header, watch_id, events, ..Default::default() };
            if watch.wants.fragments {
                self.answers = fragments(whole);
                return self.answers.pop_front();
            }
            return Some(whole);
        }
        self.telling = None;
        None
    }

    fn tell_progress(&mut self) -> Option<wire::WatchResponse> {
        let told = self.live.told();
        if self.behind.is_empty() && self.progress.is_answered(told, &self.watches) {
            return Some(self.answer(NO_ID, told));
        }
        while let Some(serial) = self.progress.next() {
            let watch = self.watches.get(serial).filter(|watch| watch.next <= told.next());
            // What is behind is told of its own past first.
            if let Some(watch) = watch.filter(|_| self.live.has(serial)) {
                return Some(self.answer(watch.id, told));
            }
        }
        None
    }

    fn answer(&self, watch_id: i64, revision: Revision) -> wire::WatchResponse {
        wire::WatchResponse { header: self.store.header(revision), watch_id, ..Default::default() }
    }

    async fn heed(&mut self, request: wire::WatchRequest) -> Result<(), RequestError> {
        match request.request_union {
            Some(RequestUnion::CreateRequest(request)) => self.create(&request).await?,
            Some(RequestUnion::CancelRequest(request)) => self.cancel(request.watch_id),
            Some(RequestUnion::ProgressRequest(_)) => self.progress.ask(self.store.newest()),
            // What is not known is left alone, as etcd does.
            None => {}
        }
        Ok(())
    }

    async fn create(&mut self, request: &wire::WatchCreateRequest) -> Result<(), RequestError> {
        let create = Create::parse(request);
        let allowed = self.store.may_watch(create.range.clone()).await?;
        let newest = self.store.newest();
        let answer = wire::WatchResponse { created: true, ..self.answer(NO_ID, newest) };
        let refused = |cancel_reason| wire::WatchResponse { canceled: true, cancel_reason, ..answer.clone() };
        let answer = match allowed {
            Err(rejection) => {
                wire::WatchResponse { watch_id: create.id, ..refused(as_text(rejection.into())) }
            }
            Ok(()) => match self.try_create(create, newest) {
                Ok(watch_id) => wire::WatchResponse { watch_id, ..answer },
                Err(mistake) => refused(mistake.reason().to_owned()),
            },
        };
        self.answers.push_back(answer);
        Ok(())
    }

    fn try_create(&mut self, create: Create, newest: Revision) -> Result<i64, Mistake> {
        let ranges = create.ranges()?;
        if self.watches.len() >= WATCHES_MAX {
            return Err(Mistake::ManyOfStream);
        }
        let size_bytes = u32::try_from(WATCH_SIZE_BYTES + create.size_bytes()).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).try_acquire_many_owned(size_bytes);
        let room = room.map_err(|_| Mistake::ManyOfNode)?;
        let id = self.watches.free_id(create.id)?;
        let next = create.start.unwrap_or(newest.next());
        // Nothing ever happens where nothing can be read.
        let is_live = next > newest || ranges.is_empty();
        let (floor, wants) = (Revision::ZERO, create.wants);
        let watch = Watch { id, ranges, next, floor, wants, was_told: false, _room: room };
        let serial = self.watches.add(watch);
        if is_live {
            self.join(serial);
        } else {
            self.behind.add(serial);
        }
        Ok(id)
    }

    fn join(&mut self, serial: Serial) {
        if let Some(watch) = self.watches.get(serial) {
            self.live.add(serial, watch);
        }
    }

    fn cancel(&mut self, id: i64) {
        let Some(serial) = self.watches.serial(id) else { return };
        self.remove(serial);
        let answer = self.answer(id, self.store.newest());
        self.answers.push_back(wire::WatchResponse { canceled: true, ..answer });
    }

    fn remove(&mut self, serial: Serial) -> Option<Watch> {
        let watch = self.watches.remove(serial)?;
        self.live.remove(serial, &watch);
        self.behind.remove(serial, &watch);
        self.progress.look_again();
        Some(watch)
    }

    fn live_watched(&mut self, watched: Watched) {
        match watched {
            Watched::Changes(revised) => self.telling = Some(telling(&self.live, revised, &self.watches)),
            Watched::Progress(_) => {}
            Watched::Behind { newest } => {
                let told = self.live.told();
                let Self { live, watches, .. } = self;
                let needs_past = |watch: &Watch| watch.next <= newest && !watch.ranges.is_empty();
                let left = live.release(|serial| watches.get(serial).is_some_and(needs_past));
                live.watcher.resume_from(newest.next());
                self.fall_behind(left, told);
            }
        }
    }

    fn behind_watched(&mut self, group: usize, watched: Watched) {
        let told = self.behind.group(group).told();
        match watched {
            Watched::Changes(revised) => {
                self.telling = Some(telling(self.behind.group(group), revised, &self.watches));
            }
            Watched::Progress(_) => {}
            // What its cursor came to is gone: perhaps not for all.
            Watched::Behind { .. } => {
                let left = self.behind.dissolve(group);
                self.fall_behind(left, told);
                return;
            }
        }
        if told >= self.live.told() {
            for serial in self.behind.dissolve(group) {
                // What was just found is told first, as to all that the group had.
                self.watches.advance(serial, told);
                self.join(serial);
            }
        }
    }

    /// They were told all up to here.
    fn fall_behind(&mut self, serials: BTreeSet<Serial>, told: Revision) {
        serials.iter().for_each(|serial| self.watches.advance(*serial, told));
        self.behind.add_apart(serials);
    }

    /// The floors of some are known: those whose changes are gone end. As of etcd, the revision says why, not a text.
    fn surveyed(&mut self, floors: Floors) -> Result<(), RequestError> {
        for (serial, floor) in &floors {
            if let Some(watch) = self.watches.get_mut(*serial) {
                watch.floor = *floor;
            }
        }
        for (serial, floor) in self.behind.take(floors, &self.store, &self.watches)? {
            let Some(watch) = self.remove(serial) else { continue };
            self.answers.push_back(wire::WatchResponse {
                canceled: true,
                compact_revision: crate::header::told(floor.next()),
                ..self.answer(watch.id, Revision::ZERO)
            });
        }
        Ok(())
    }
}

fn telling(group: &Group, revised: Revised, watches: &Watches) -> Telling {
    let to = group.concerned(&revised, watches).into_iter();
    Telling { revised, to }
}
