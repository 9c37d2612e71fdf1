//! The task that renews a session, and closes it in the end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::lease::Lease;
use super::line::Line;
use super::lost::SessionLostCause;
use crate::client::Client;
use crate::error::{ClientError, reason};
use crate::retry::Rounds;

/// A renewal may take this part of what is left of the session, so that several nodes can be asked.
const ATTEMPTS_IN_WHAT_IS_LEFT: u32 = 4;
/// No renewal is given less.
const ATTEMPT_MIN: Duration = Duration::from_millis(50);

/// Renews the session until it is lost or its owner is gone; then closes it.
pub(super) async fn keep(
    client: Client,
    lease: Arc<Lease>,
    mut owner: oneshot::Receiver<Infallible>,
) -> Result<(), ClientError> {
    tokio::select! {
        biased;
        _ = &mut owner => {}
        lost = lease.lost() => {
            tracing::warn!(session = lost.session_id, cause = %lost.cause, "session lost");
            // It is closed when its owner lets go of it: until then the cluster keeps its locks from others.
            let _ = owner.await;
        }
        () = renew(&client, &lease) => {}
    }
    close(&client, &lease).await
}

/// Renews the session for ever.
async fn renew(client: &Client, lease: &Lease) {
    let mut line = Line::new(client.clone());
    let mut rounds = Rounds::new(&client.options, client.nodes.count());
    loop {
        lease.due().await;
        let sent = lease.now();
        let part = lease.left() / ATTEMPTS_IN_WHAT_IS_LEFT;
        let budget = part.clamp(ATTEMPT_MIN, client.options.attempt_timeout().max(ATTEMPT_MIN));
        match line.renew(lease.id(), budget).await {
            Ok(Duration::ZERO) => lease.end(SessionLostCause::Expired),
            Ok(ttl) => {
                lease.renewed(sent, ttl);
                rounds.reset();
            }
            Err(error) if error.reason() == reason::SESSION_NOT_FOUND => {
                lease.end(SessionLostCause::Expired);
            }
            Err(error) => {
                let wait = rounds.wait_after(&error).min(part);
                tracing::debug!(session = lease.id(), endpoint = error.endpoint(), %error, "not renewed");
                lease.failed(error);
                tokio::time::sleep(wait).await;
            }
        }
    }
}

/// Has the cluster end the session, unless it is known to have done so.
async fn close(client: &Client, lease: &Lease) -> Result<(), ClientError> {
    lease.end(SessionLostCause::Closed);
    if let Some(SessionLostCause::Expired) = lease.lost_by_now().map(|lost| lost.cause) {
        return Ok(());
    }
    match client.close_session(lease.id()).await {
        Err(error) if error.reason() != reason::SESSION_NOT_FOUND => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}
