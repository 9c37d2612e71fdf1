//! The watches of a stream that are behind, on their way to the newest revision.
//!
//! They wait, then it is read from which revision on their changes are still there, and then they follow a cursor of
//! their own through history. All that wait at one time go together: history is read once for all of them.

use std::collections::BTreeSet;

use conclave_door::closed;
use conclave_mvcc::Revision;
use conclave_node::{Reach, RequestError, WatchFilter, Watched};
use futures::future::{BoxFuture, pending, select_all};

use super::group::Group;
use super::store::{Floors, Store};
use super::watches::{Serial, Watch, Watches};

/// Most cursors of one stream in history at once: each holds a piece of it.
const CURSORS_MAX: usize = 4;

/// The watches of a stream that are behind.
#[derive(Default)]
pub(super) struct Behind {
    /// Those that came since the last ones went on their way.
    waiting: BTreeSet<Serial>,
    /// Those that go together and without others.
    apart: Vec<BTreeSet<Serial>>,
    /// The floors of some are being read.
    survey: Option<BoxFuture<'static, Result<Floors, RequestError>>>,
    groups: Vec<Group>,
}

/// News of those that are behind.
pub(super) enum News {
    /// The floors of some of them.
    Floors(Floors),
    /// What the cursor of this group came to.
    Watched(usize, Watched),
}

/// A watch whose changes are gone, and up to which revision.
pub(super) type Gone = (Serial, Revision);

impl Behind {
    /// Nobody is behind.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.apart.is_empty() && self.survey.is_none() && self.groups.is_empty()
    }

    pub(super) fn add(&mut self, serial: Serial) {
        self.waiting.insert(serial);
    }

    /// Adds some that go together.
    pub(super) fn add_apart(&mut self, serials: BTreeSet<Serial>) {
        if !serials.is_empty() {
            self.apart.push(serials);
        }
    }

    pub(super) fn remove(&mut self, serial: Serial, watch: &Watch) {
        self.waiting.remove(&serial);
        self.apart.iter_mut().for_each(|apart| _ = apart.remove(&serial));
        self.groups.iter_mut().for_each(|group| group.remove(serial, watch));
        self.apart.retain(|apart| !apart.is_empty());
        self.groups.retain(|group| !group.is_empty());
    }

    pub(super) fn group(&self, number: usize) -> &Group {
        &self.groups[number]
    }

    /// Takes a group's members from it, which is no more.
    pub(super) fn dissolve(&mut self, number: usize) -> BTreeSet<Serial> {
        self.groups.swap_remove(number).release(|_| true)
    }

    /// Has the next ones go on their way, if there is room.
    pub(super) fn send(&mut self, store: &impl Store, watches: &Watches) {
        if self.survey.is_some() || self.groups.len() >= CURSORS_MAX {
            return;
        }
        let next = self.apart.pop().unwrap_or_else(|| std::mem::take(&mut self.waiting));
        let ranges = next.into_iter().filter_map(|it| Some((it, watches.get(it)?.ranges.clone())));
        let ranges: Vec<_> = ranges.collect();
        if !ranges.is_empty() {
            self.survey = Some(store.floors(ranges));
        }
    }

    /// What comes next; waits until there is something. Cancel-safe.
    pub(super) async fn news(&mut self) -> Result<News, RequestError> {
        tokio::select! {
            floors = surveyed(&mut self.survey) => Ok(News::Floors(floors?)),
            news = watched(&mut self.groups) => news,
        }
    }

    /// Goes through the floors of those that were sent: a group is made of them. Tells whose changes are gone.
    ///
    /// The cursor of a group must lie above the floors of all, and it begins with the one that wants the oldest. Those
    /// with a floor above that, who begin later, go apart.
    pub(super) fn take(
        &mut self,
        floors: Floors,
        store: &impl Store,
        watches: &Watches,
    ) -> Result<Vec<Gone>, RequestError> {
        let known =
            floors.into_iter().filter_map(|(serial, floor)| Some((serial, floor, watches.get(serial)?)));
        let (gone, there): (Vec<_>, Vec<_>) = known.partition(|(_, floor, watch)| watch.next <= *floor);
        if let Some(from) = there.iter().map(|(_, _, watch)| watch.next).min() {
            let (apart, together): (Vec<_>, Vec<_>) =
                there.into_iter().partition(|(_, floor, _)| from <= *floor);
            self.add_apart(apart.into_iter().map(|(serial, ..)| serial).collect());
            let together: Vec<_> = together.into_iter().map(|(serial, _, watch)| (serial, watch)).collect();
            let ranges = together.iter().flat_map(|(_, watch)| watch.ranges.iter().cloned()).collect();
            let watcher = store.watch(WatchFilter { ranges }, from)?.reaching(Reach::History);
            let mut group = Group::new(watcher);
            together.into_iter().for_each(|(serial, watch)| group.add(serial, watch));
            self.groups.push(group);
        }
        Ok(gone.into_iter().map(|(serial, floor, _)| (serial, floor)).collect())
    }
}

async fn surveyed(
    survey: &mut Option<BoxFuture<'static, Result<Floors, RequestError>>>,
) -> Result<Floors, RequestError> {
    let Some(reading) = survey else { return pending().await };
    let floors = reading.await;
    *survey = None;
    floors
}

async fn watched(groups: &mut [Group]) -> Result<News, RequestError> {
    if groups.is_empty() {
        return pending().await;
    }
    let each = groups.iter_mut().map(|group| Box::pin(group.watcher.next()));
    let (watched, number, _) = select_all(each).await;
    Ok(News::Watched(number, watched.map_err(closed)?))
}
