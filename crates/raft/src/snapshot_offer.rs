//! Which snapshot a follower is offered: the newest, unless an older one is on its way.
//!
//! A snapshot that is being sent, or whose sending broke a moment ago, is of more use to the follower than a newer
//! one of which it has nothing. So it is kept beside the newest until it has arrived or nobody comes back for it,
//! and the log after it is kept as well ([`crate::log_keeper`]). It counts as being sent from the moment it is
//! offered: before the follower has answered, a newer one may be made. When it has arrived it is offered no more,
//! but the log after it stays a moment longer: the follower has yet to ask for its first entry.

use std::sync::Arc;
use std::time::Duration;

use conclave_storage::Checkpoint;
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::type_config::SnapshotMeta;

/// A snapshot whose sending broke is kept so long for the next attempt.
const RESUME_WAIT: Duration = Duration::from_secs(60);
/// The log after a snapshot that arrived is kept so long for the follower to go on with it. From its first entry on
/// the engine keeps what it is being sent.
const FOLLOW_WAIT: Duration = Duration::from_secs(10);

/// The files of a snapshot that was built on this node.
pub(crate) struct BuiltFiles {
    pub(crate) checkpoint: Checkpoint,
    transfers: Mutex<Transfers>,
    /// Shutting down waits for it, as for all that uses the store.
    _in_use: TaskTrackerToken,
}

/// Who is sent the files.
#[derive(Default)]
struct Transfers {
    active: usize,
    resumed_until: Option<Instant>,
    followed_until: Option<Instant>,
}

/// Files that somebody is offered or sent, until this is dropped.
pub(crate) struct Transfer {
    files: Arc<BuiltFiles>,
    /// Whether the peer has some of them, and not all.
    is_under_way: bool,
}

/// A snapshot with its description.
pub(crate) struct Built {
    pub(crate) meta: SnapshotMeta,
    pub(crate) files: Arc<BuiltFiles>,
}

/// The snapshots of this node that are of use to somebody.
#[derive(Default)]
pub(crate) struct Offers {
    newest: Option<Built>,
    /// One that is not the newest any more, and is wanted.
    held: Option<Built>,
    /// The first entries after those that are gone, and until when they are kept for whom these reached.
    followed: Vec<(u64, Instant)>,
}

impl BuiltFiles {
    pub(crate) fn new(checkpoint: Checkpoint, in_use: TaskTrackerToken) -> Self {
        Self { checkpoint, transfers: Mutex::default(), _in_use: in_use }
    }

    /// Notes that the files are about to be sent.
    pub(crate) fn begin_transfer(self: &Arc<Self>) -> Transfer {
        self.transfers.lock().active += 1;
        Transfer { files: Arc::clone(self), is_under_way: false }
    }

    fn is_wanted(&self) -> bool {
        let transfers = self.transfers.lock();
        transfers.active > 0 || transfers.resumed_until.is_some_and(|until| Instant::now() < until)
    }
}

impl Transfer {
    /// What is sent.
    pub(crate) fn files(&self) -> &Arc<BuiltFiles> {
        &self.files
    }

    /// The peer takes them: if this ends early, it will come back for the rest.
    pub(crate) fn is_taken(&mut self) {
        self.is_under_way = true;
    }

    /// All has arrived: nobody comes back for the rest.
    pub(crate) fn arrived(mut self) {
        self.is_under_way = false;
        let mut transfers = self.files.transfers.lock();
        transfers.resumed_until = None;
        transfers.followed_until = Some(Instant::now() + FOLLOW_WAIT);
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        let mut transfers = self.files.transfers.lock();
        transfers.active -= 1;
        if self.is_under_way {
            transfers.resumed_until = Some(Instant::now() + RESUME_WAIT);
        }
    }
}

impl Built {
    /// Index after the last entry that is in it.
    fn next_index(&self) -> u64 {
        self.meta.last_log_id.map_or(0, |log_id| log_id.index() + 1)
    }

    fn is_wanted(&self) -> bool {
        self.files.is_wanted()
    }

    /// Until when the log after it is kept for somebody whom it reached.
    fn followed_until(&self) -> Option<Instant> {
        self.files.transfers.lock().followed_until
    }
}

impl Offers {
    /// Offers one. It is kept at least as long as what is given back.
    pub(crate) fn offer(&self) -> Option<(SnapshotMeta, Transfer)> {
        let held = self.held.as_ref().filter(|held| held.is_wanted());
        let offered = held.or(self.newest.as_ref())?;
        Some((offered.meta.clone(), offered.files.begin_transfer()))
    }

    /// Takes in a new one, unless a newer one was taken in meanwhile. Gives back what is of no use any more.
    #[must_use = "files are removed when it is dropped, which takes time"]
    pub(crate) fn keep(&mut self, built: Built) -> Vec<Built> {
        let mut useless = self.release(0);
        let newer = self.newest.as_ref().is_none_or(|kept| kept.meta.last_log_id <= built.meta.last_log_id);
        if !newer {
            useless.push(built);
            return useless;
        }
        match self.newest.replace(built) {
            Some(replaced) if self.held.is_none() && replaced.is_wanted() => self.held = Some(replaced),
            replaced => {
                self.note_followed(replaced.as_ref());
                useless.extend(replaced);
            }
        }
        useless
    }

    /// Gives back what nobody wants any more, or could not use: the log begins with entry `log_start`.
    #[must_use = "files are removed when it is dropped, which takes time"]
    pub(crate) fn release(&mut self, log_start: u64) -> Vec<Built> {
        let useful = |held: &Built| held.is_wanted() && held.next_index() >= log_start;
        let useless = self.held.take_if(|held| !useful(held));
        self.note_followed(useless.as_ref());
        useless.into_iter().collect()
    }

    /// Notes who is yet to go on after one that is of no more use itself.
    fn note_followed(&mut self, gone: Option<&Built>) {
        self.followed.extend(gone.and_then(|gone| Some((gone.next_index(), gone.followed_until()?))));
        let now = Instant::now();
        self.followed.retain(|(_, until)| now < *until);
    }

    /// The first entry that somebody needs who is being sent a snapshot, or was a moment ago.
    pub(crate) fn needed_from(&self) -> Option<u64> {
        let kept = [&self.held, &self.newest].into_iter().flatten();
        let wanted = kept.clone().filter(|built| built.is_wanted()).map(Built::next_index);
        let reached = kept.filter_map(|built| Some((built.next_index(), built.followed_until()?)));
        let now = Instant::now();
        let followed = reached.chain(self.followed.iter().copied()).filter(|(_, until)| now < *until);
        wanted.chain(followed.map(|(next_index, _)| next_index)).min()
    }
}

#[cfg(test)]
mod tests {
    use conclave_storage::{DataDir, Identity, StateStore};
    use tempfile::TempDir;
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::codec::log_id;

    struct Source {
        _folder: TempDir,
        state: StateStore,
        tasks: TaskTracker,
    }

    impl Source {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let dir = DataDir::open(folder.path(), Identity { node_id: 1, cluster_id: 1 }).unwrap();
            Self { _folder: folder, state: StateStore::open(&dir).unwrap(), tasks: TaskTracker::new() }
        }

        fn built(&self, index: u64) -> Built {
            let files = BuiltFiles::new(self.state.checkpoint().unwrap(), self.tasks.token());
            let meta = SnapshotMeta { last_log_id: Some(log_id(1, index)), ..SnapshotMeta::default() };
            Built { meta, files: Arc::new(files) }
        }
    }

    /// The last entry of the one that is offered next.
    fn offered(offers: &Offers) -> u64 {
        offers.offer().unwrap().0.last_log_id.unwrap().index()
    }

    fn begin(offers: &Offers) -> Transfer {
        let (_, mut transfer) = offers.offer().unwrap();
        transfer.is_taken();
        transfer
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_being_sent_is_offered_until_it_arrived() {
        let (source, mut offers) = (Source::new(), Offers::default());
        assert!(offers.offer().is_none() && offers.needed_from().is_none());
        assert!(offers.keep(source.built(10)).is_empty());
        let transfer = begin(&offers);
        assert_eq!(offers.needed_from(), Some(11));
        assert!(offers.keep(source.built(20)).is_empty());
        assert_eq!(offers.keep(source.built(30)).len(), 1, "20 is in nobody's way");
        assert_eq!((offered(&offers), offers.needed_from()), (10, Some(11)));

        transfer.arrived();
        assert_eq!((offered(&offers), offers.needed_from()), (30, Some(11)), "it goes on with entry 11");
        tokio::time::advance(FOLLOW_WAIT).await;
        assert_eq!((offered(&offers), offers.needed_from()), (30, None));
        assert_eq!(offers.release(0).len(), 1);
        assert_eq!(offers.keep(source.built(5)).len(), 1, "a newer one is there");
        assert_eq!(offered(&offers), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_was_offered_is_kept_until_it_is_taken_and_while_it_is_sent() {
        let (source, mut offers) = (Source::new(), Offers::default());
        assert!(offers.keep(source.built(10)).is_empty());
        let (_, mut transfer) = offers.offer().unwrap();
        assert!(offers.keep(source.built(20)).is_empty(), "10 is on its way to the follower");
        assert_eq!((offered(&offers), offers.needed_from()), (10, Some(11)));
        transfer.is_taken();
        drop(transfer);
        assert!(offers.keep(source.built(30)).len() == 1 && offered(&offers) == 10, "it is come back for");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_was_offered_and_not_taken_gives_way() {
        let (source, mut offers) = (Source::new(), Offers::default());
        assert!(offers.keep(source.built(10)).is_empty());
        let (_, transfer) = offers.offer().unwrap();
        assert!(offers.keep(source.built(20)).is_empty());
        drop(transfer);
        assert_eq!((offered(&offers), offers.needed_from()), (20, None));
        assert_eq!(offers.release(0).len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn one_whose_sending_broke_is_kept_for_a_while() {
        let (source, mut offers) = (Source::new(), Offers::default());
        assert!(offers.keep(source.built(10)).is_empty());
        drop(begin(&offers));
        assert!(offers.keep(source.built(20)).is_empty());
        assert_eq!((offered(&offers), offers.needed_from()), (10, Some(11)));
        tokio::time::advance(RESUME_WAIT).await;
        assert_eq!((offered(&offers), offers.needed_from()), (20, None));
        assert_eq!(offers.release(0).len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn one_whose_sending_broke_gives_way_when_it_has_arrived() {
        let (source, mut offers) = (Source::new(), Offers::default());
        assert!(offers.keep(source.built(10)).is_empty());
        drop(begin(&offers));
        assert!(offers.keep(source.built(20)).is_empty());
        begin(&offers).arrived();
        assert_eq!(offered(&offers), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn the_log_after_each_that_arrived_stays_for_as_long() {
        let (source, mut offers) = (Source::new(), Offers::default());
        assert!(offers.keep(source.built(10)).is_empty());
        begin(&offers).arrived();
        assert_eq!(offers.keep(source.built(20)).len(), 1, "its files are of no more use");
        assert_eq!(offers.needed_from(), Some(11));
        tokio::time::advance(FOLLOW_WAIT / 2).await;
        begin(&offers).arrived();
        assert_eq!(offers.keep(source.built(30)).len(), 1);
        assert_eq!(offers.needed_from(), Some(11));
        tokio::time::advance(FOLLOW_WAIT / 2).await;
        assert_eq!(offers.needed_from(), Some(21));
        tokio::time::advance(FOLLOW_WAIT / 2).await;
        assert_eq!(offers.needed_from(), None);
        assert!(offers.release(0).is_empty() && offers.followed.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn one_after_which_the_log_is_gone_is_of_no_use() {
        let (source, mut offers) = (Source::new(), Offers::default());
        assert!(offers.keep(source.built(10)).is_empty());
        let _transfer = begin(&offers);
        assert!(offers.keep(source.built(20)).is_empty());
        assert!(offers.release(11).is_empty());
        assert_eq!(offers.release(12).len(), 1);
        assert_eq!(offered(&offers), 20);
    }
}
