//! Waiting for a condition, with a deadline: the only way in which a test lets time pass.

use std::time::Duration;

use tokio::time::Instant;

/// How often a condition is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// How long anything that must come true may take, on a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Looks until `look` finds something.
///
/// # Panics
/// If that takes longer than [`PATIENCE`]; `what` says what was waited for.
pub async fn until<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    within(PATIENCE, what, look).await
}

/// Looks until `look` finds something.
///
/// # Panics
/// If that takes longer than `limit`; `what` says what was waited for.
pub async fn within<T>(limit: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited for {limit:?} in vain: {what}");
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_condition_is_looked_at_until_it_holds() {
        let mut looks = 0;
        let found = until("the third look", async || {
            looks += 1;
            (looks == 3).then_some("found")
        });
        assert_eq!(found.await, "found");
        assert_eq!(looks, 3);
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "waited for 30s in vain: a miracle")]
    async fn a_condition_that_never_holds_is_told() {
        until("a miracle", async || None::<()>).await;
    }
}
