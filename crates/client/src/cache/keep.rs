//! The task that writes the last good copy: after each change, and now and then to note that the
//! content is still the current one, so that a later start can tell how old it is.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::Instant;

use super::content::Content;
use super::file::CacheFile;
use super::state::Known;

/// How often a copy is written anew though nothing changed: so much may its age be off.
const CONFIRM_INTERVAL: Duration = Duration::from_secs(300);

/// Keeps the file until the end, and writes it a last time then.
pub(super) async fn keep(
    file: Arc<CacheFile>,
    mut known: watch::Receiver<Known>,
    mut end: watch::Receiver<bool>,
) {
    let mut kept: Option<Arc<Content>> = None;
    let mut confirm_at = Instant::now();
    loop {
        let current = current(&known.borrow_and_update());
        if let Some(content) = current {
            let is_new = kept.as_ref().is_none_or(|kept| !Arc::ptr_eq(kept, &content));
            if is_new || Instant::now() >= confirm_at {
                file.save(&content, SystemTime::now()).await;
                kept = Some(content);
                confirm_at = Instant::now() + CONFIRM_INTERVAL;
            }
        }
        tokio::select! {
            biased;
            _ = end.wait_for(|end| *end) => break,
            changed = known.changed() => if changed.is_err() { break },
        }
    }
    let last = current(&known.borrow());
    if let Some(content) = last {
        file.save(&content, SystemTime::now()).await;
    }
}

/// What is worth keeping: what is known to be current. A deletion is not: the copy before it is the last
/// good one.
fn current(known: &Known) -> Option<Arc<Content>> {
    let worth = known.state.is_fresh() && !known.content.is_deleted();
    worth.then(|| Arc::clone(&known.content))
}
