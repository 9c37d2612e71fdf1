//! What a program hears of changes. Each listener compares the newest content with the one that it was
//! told last: nothing piles up behind a slow one, and none misses where things stand in the end.

use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt as _};
use tokio::sync::watch;

use super::content::Content;
use super::state::{CacheState, Known};

/// One or several versions that came to be.
#[derive(Debug, Clone)]
pub struct CacheChange {
    /// The content before.
    pub before: Arc<Content>,
    /// The content now.
    pub after: Arc<Content>,
    /// Keys of the items that were added, changed or deleted, in order. Empty if none was: a version may
    /// change nothing.
    pub keys: Vec<String>,
}

/// The changes of the content from now on.
pub(super) fn stream(mut known: watch::Receiver<Known>) -> BoxStream<'static, CacheChange> {
    let told = Arc::clone(&known.borrow_and_update().content);
    let changes = stream::unfold((known, told), |(mut known, before)| async move {
        loop {
            known.changed().await.ok()?;
            let after = Arc::clone(&known.borrow_and_update().content);
            let keys = if Arc::ptr_eq(&before, &after) { Vec::new() } else { after.differences(&before) };
            if keys.is_empty() && before.version() == after.version() {
                continue;
            }
            return Some((CacheChange { before, after: Arc::clone(&after), keys }, (known, after)));
        }
    });
    changes.boxed()
}

/// The state, and each turn of it.
pub(super) fn states(known: watch::Receiver<Known>) -> BoxStream<'static, CacheState> {
    let turns = stream::unfold((known, None), |(mut known, told)| async move {
        loop {
            let state = known.borrow_and_update().state.clone();
            if told != Some(state.is_fresh()) {
                let told = Some(state.is_fresh());
                return Some((state, (known, told)));
            }
            known.changed().await.ok()?;
        }
    });
    turns.boxed()
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::super::content::samples::content;
    use super::*;
    use crate::error::ClientError;

    fn known(content: Content) -> Known {
        Known { content: Arc::new(content), state: CacheState::Fresh { revision: 1 } }
    }

    #[tokio::test]
    async fn versions_that_come_fast_are_told_as_one() {
        let (sender, receiver) = watch::channel(known(content(1, &[("a", "1")])));
        let mut changes = stream(receiver);
        assert!(changes.next().now_or_never().is_none(), "what is there already is no change");
        sender.send_replace(known(content(2, &[("a", "2")])));
        sender.send_replace(known(content(3, &[("a", "3"), ("b", "1")])));
        let change = changes.next().await.expect("the cache lives");
        assert_eq!((change.before.version(), change.after.version()), (1, 3));
        assert_eq!(change.keys, ["a", "b"]);
        assert!(changes.next().now_or_never().is_none());
        sender.send_replace(known(content(4, &[("a", "3"), ("b", "1")])));
        assert!(changes.next().await.expect("a version is told").keys.is_empty());
        drop(sender);
        assert!(changes.next().await.is_none());
    }

    #[tokio::test]
    async fn signs_of_life_are_no_news() {
        let (sender, receiver) = watch::channel(known(content(1, &[])));
        let (mut changes, mut turns) = (stream(receiver.clone()), states(receiver));
        assert!(turns.next().await.expect("the present state").is_fresh());
        sender.send_modify(|known| known.state = CacheState::Fresh { revision: 2 });
        assert!(changes.next().now_or_never().is_none());
        assert!(turns.next().now_or_never().is_none());
        sender.send_modify(|known| {
            known.state = CacheState::Stale {
                since: std::time::SystemTime::now(),
                from_file: false,
                cause: ClientError::stream_broken("gone"),
            }
        });
        assert!(changes.next().now_or_never().is_none());
        assert!(!turns.next().await.expect("a turn").is_fresh());
    }
}
