//! The stream of what happens to locks: first what is so, then each change.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;

use conclave_core::{LockName, lease, lock};
use conclave_door::{Ends, Limits, Place, Refusal, closed};
use conclave_mvcc::{ReadMap, Revised};
use conclave_node::{Consistency, NodeHandle, WatchFilter, Watched, Watcher};
use conclave_proto::lock::v1 as wire;
use conclave_proto::lock::v1::watch_locks_response::Event;
use futures::{Stream, stream};
use tokio::time::{Instant, sleep_until};
use tonic::Status;

use super::changes::{Changes, Forced};
use super::gone::last_forced;
use super::state::{Part, Parts};
use super::{HEARTBEAT_INTERVAL, LockStreams, read_deadline};
use crate::fields::Fields;
use crate::lock_wire;

/// What a watch of locks answers with.
pub(crate) type LocksStream = Pin<Box<dyn Stream<Item = Result<wire::WatchLocksResponse, Status>> + Send>>;

/// Which locks are watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LocksQuery {
    /// This one.
    One(LockName),
    /// All whose names begin so.
    All {
        /// The beginning of their names.
        prefix: String,
    },
}

impl LocksQuery {
    pub(crate) fn parse(request: wire::WatchLocksRequest, limits: &Limits) -> Result<Self, Refusal> {
        let mut fields = Fields::new(limits);
        let query = if request.prefix {
            fields.size("name", request.name.len(), Limits::LOCK_PREFIX_SIZE_BYTES_MAX);
            Some(Self::All { prefix: request.name })
        } else {
            fields.lock_name("name", &request.name).map(Self::One)
        };
        fields.finish(query)
    }

    /// Whether it is one of them. The keys that are watched may be of others too: those of `a` begin with `a//`.
    fn means(&self, name: &LockName) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::All { prefix } => name.as_str().starts_with(prefix),
        }
    }

    /// The keys that tell all about the locks, and which sessions end.
    fn filter(&self) -> WatchFilter {
        let mut ranges = match self {
            Self::One(name) => lock::watch_ranges_of(name),
            Self::All { prefix } => lock::watch_ranges(prefix),
        };
        ranges.push(lease::watch_range());
        WatchFilter { ranges }
    }
}

/// A watch that is open: what was told, and what comes next.
struct Watching {
    node: NodeHandle,
    query: Arc<LocksQuery>,
    watcher: Watcher,
    telling: Telling,
    parts: Parts,
    heartbeat_due: Instant,
    ends: Ends,
    _place: Place,
}

/// What is under way: it is told to its end before anything else.
enum Telling {
    Nothing,
    /// What is so: this part comes next.
    Part(Part),
    /// What is so: the part after this lock comes next.
    After(LockName),
    /// What happened at a revision.
    Changes(Changes),
}

impl LockStreams {
    /// Opens a watch by the deadline.
    pub(crate) async fn watch(&self, query: LocksQuery, deadline: Instant) -> Result<LocksStream, Refusal> {
        let (place, ends) = (self.watches.take()?, self.ends());
        let query = Arc::new(query);
        let asked = Arc::clone(&query);
        let read = move |view: &dyn ReadMap| Part::read(view, &asked, None);
        let first = self.node.read(Consistency::Linearizable, deadline, read).await?;
        let watching = Watching {
            node: self.node.clone(),
            watcher: self.node.watch_present(query.filter(), first.revision.next())?,
            query,
            telling: Telling::Part(first),
            parts: Parts::default(),
            heartbeat_due: Instant::now() + HEARTBEAT_INTERVAL,
            ends,
            _place: place,
        };
        Ok(Box::pin(watching.into_stream()))
    }
}

impl Watching {
    /// The messages, up to a failure, which is the last of them.
    fn into_stream(self) -> impl Stream<Item = Result<wire::WatchLocksResponse, Status>> {
        stream::unfold(Some(self), |open| async {
            let mut watching = open?;
            match watching.next().await {
                Ok(message) => Some((Ok(message), Some(watching))),
                Err(refusal) => Some((Err(refusal.into()), None)),
            }
        })
    }

    async fn next(&mut self) -> Result<wire::WatchLocksResponse, Refusal> {
        loop {
            self.ends.check()?;
            let told = match std::mem::replace(&mut self.telling, Telling::Nothing) {
                Telling::Nothing => self.wait().await?,
                Telling::Part(part) => Some(self.tell(part)),
                Telling::After(name) => {
                    let part = self.read(Some(name)).await?;
                    Some(self.tell(part))
                }
                Telling::Changes(changes) => self.tell_change(changes)?,
            };
            if let Some(message) = told {
                self.heartbeat_due = Instant::now() + HEARTBEAT_INTERVAL;
                return Ok(message);
            }
        }
    }

    /// Waits for something to tell; a heartbeat, if nothing comes.
    async fn wait(&mut self) -> Result<Option<wire::WatchLocksResponse>, Refusal> {
        // Progress comes without end while others write: it must not keep the heartbeat waiting.
        if Instant::now() >= self.heartbeat_due {
            return Ok(Some(self.heartbeat()));
        }
        tokio::select! {
            biased;
            error = self.ends.come() => Err(error.into()),
            watched = self.watcher.next() => self.watched(watched.map_err(closed)?).await.map(|()| None),
            () = sleep_until(self.heartbeat_due) => Ok(Some(self.heartbeat())),
        }
    }

    fn heartbeat(&self) -> wire::WatchLocksResponse {
        wire::WatchLocksResponse { event: None, revision: self.watcher.told().get() }
    }

    async fn watched(&mut self, watched: Watched) -> Result<(), Refusal> {
        match watched {
            Watched::Changes(revised) => self.happened(&revised).await?,
            // The next heartbeat tells it.
            Watched::Progress(_) => {}
            Watched::Behind { newest } => {
                tracing::debug!(newest = newest.get(), "a watch of locks begins again with what is so");
                let part = self.read(None).await?;
                self.watcher.resume_from(part.revision.next());
                self.parts = Parts::default();
                self.telling = Telling::Part(part);
            }
        }
        Ok(())
    }

    async fn happened(&mut self, revised: &Revised) -> Result<(), Refusal> {
        let revision = revised.revision;
        let wanted = |name: &LockName| self.query.means(name) && !self.parts.hold(name, revision);
        let changes = Changes::of(revised, wanted)?;
        if changes.is_empty() {
            return Ok(());
        }
        let forced = self.forced(changes.maybe_forced().clone()).await?;
        self.telling = Telling::Changes(changes.with(forced));
        Ok(())
    }

    /// The last releases by force of locks of which grants ended.
    async fn forced(&self, ended: BTreeSet<LockName>) -> Result<Forced, Refusal> {
        if ended.is_empty() {
            return Ok(Forced::new());
        }
        let read = move |view: &dyn ReadMap| {
            let named = |name: &LockName| Ok(last_forced(view, name)?.map(|forced| (name.clone(), forced)));
            let found = ended.iter().map(named);
            found.filter_map(Result::transpose).collect()
        };
        Ok(self.node.read(Consistency::Local, read_deadline(), read).await?)
    }

    async fn read(&self, after: Option<LockName>) -> Result<Part, Refusal> {
        let query = Arc::clone(&self.query);
        let read = move |view: &dyn ReadMap| Part::read(view, &query, after.as_ref());
        Ok(self.node.read(Consistency::Local, read_deadline(), read).await?)
    }

    /// Tells a part of what is so. All of them are told as of the first, from which the watch goes on.
    fn tell(&mut self, part: Part) -> wire::WatchLocksResponse {
        self.parts.add(&part);
        if let Some(last) = part.next() {
            self.telling = Telling::After(last);
        }
        let state = wire::LocksState {
            more: part.more,
            locks: part.locks.into_iter().map(lock_wire::lock).collect(),
        };
        wire::WatchLocksResponse { event: Some(Event::State(state)), revision: self.watcher.told().get() }
    }

    fn tell_change(&mut self, mut changes: Changes) -> Result<Option<wire::WatchLocksResponse>, Refusal> {
        let Some(change) = changes.next()? else { return Ok(None) };
        let revision = changes.revision().get();
        self.telling = Telling::Changes(changes);
        Ok(Some(wire::WatchLocksResponse { event: Some(Event::Change(change)), revision }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::tests::told;

    fn parse(name: &str, prefix: bool) -> Result<LocksQuery, Refusal> {
        let request = wire::WatchLocksRequest { name: name.into(), prefix };
        LocksQuery::parse(request, &Limits::default())
    }

    #[test]
    fn one_lock_is_named_and_a_prefix_may_be_anything() {
        assert_eq!(parse("a/b", false).unwrap(), LocksQuery::One(LockName::parse("a/b").unwrap()));
        assert_eq!(parse("", true).unwrap(), LocksQuery::All { prefix: String::new() });
        assert_eq!(parse("a/", true).unwrap(), LocksQuery::All { prefix: "a/".into() });
        let means = |prefix, name| parse(prefix, true).unwrap().means(&LockName::parse(name).unwrap());
        assert!(means("a/", "a/b") && means("a", "a") && means("", "b"));
        assert!(!means("a/", "a") && !means("a/", "a-b"), "its name does not begin so");
        assert_eq!(told(parse("", false)), ["name: it is empty: give at least one character"]);
        assert_eq!(
            told(parse(&"a".repeat(257), true)),
            ["name: it takes 257 bytes, of which 256 are allowed: shorten it"]
        );
    }
}
