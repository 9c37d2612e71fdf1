//! The leader's task that keeps the clock of leases, and has those ended that were not renewed.
//!
//! When a node comes to lead it reads all leases, gives each its time and an election's more, and from then on follows
//! what happens to them as a watcher of the store. It proposes the end of a lease under its term: should another
//! leader be elected meanwhile, that is refused on every node.

use std::sync::Arc;
use std::time::Duration;

use conclave_core::lease::{self, CheckpointLeases, ExpireLeases, LeaseCommand, LeaseInfo, LeaseOutcome};
use conclave_core::{Answer, Command, LeaseId, Outcome, Proposal, RequestId, encode_proposal};
use conclave_mvcc::{MapError, ReadMap, Revision, newest_present};
use conclave_raft::{Leading, ProposeError};
use conclave_watch::{WatchClosed, WatchFilter, Watched, Watcher};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};
use tokio_util::sync::CancellationToken;

use super::clock::LeaseClock;
use super::kept::Kept;
use crate::alarms::Alarm;
use crate::blocking::read_state;
use crate::handle::Shared;

/// How often it is looked whose time is over.
const TICK: Duration = Duration::from_millis(100);
/// How often it is noted what is left of long leases.
const NOTE_INTERVAL: Duration = Duration::from_secs(10);
/// How long a majority may take to confirm that this node leads.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a node that came to lead may take to apply what was acknowledged before.
const APPLY_TIMEOUT: Duration = Duration::from_secs(60);
/// The pause before leadership is tried to be taken up anew.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// Most leases that one entry ends.
const EXPIRED_AT_ONCE_MAX: usize = 256;
/// Most that are ended at one look.
const EXPIRED_A_TICK_MAX: usize = 2_048;
/// Most of which one entry notes what is left.
pub(super) const NOTED_AT_ONCE_MAX: usize = 1_000;
/// Leases are read in pages of so many.
const LOADED_AT_ONCE_MAX: usize = 10_000;

/// Why the clock of a term is kept no longer.
#[derive(Debug)]
pub(super) enum Over {
    /// This node leads no more, or it is not known whether it does.
    Leadership,
    /// What happened to leases is not told any more.
    Watch(WatchClosed),
}

/// Keeps the clock whenever this node leads, until it stops.
pub(crate) async fn keep_leases(shared: Arc<Shared>, stop: CancellationToken) {
    let keeping = async {
        loop {
            let mut leaders = shared.consensus.leader_changes();
            if leaders.wait_for(|leader| *leader == Some(shared.node_id)).await.is_err() {
                return;
            }
            if let Err(Over::Watch(cause)) = lead(&shared).await {
                tracing::debug!(%cause, "the leases are not told any more");
            }
            shared.leases.lock().take();
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    };
    stop.run_until_cancelled(keeping).await;
    shared.leases.lock().take();
}

/// Keeps the clock of one term.
async fn lead(shared: &Arc<Shared>) -> Result<(), Over> {
    let leading = confirm(shared).await?;
    let applied = shared.consensus.wait_applied(leading.index, Instant::now() + APPLY_TIMEOUT).await;
    applied.map_err(|_| Over::Leadership)?;
    let (kept, mut changes) = load(shared, leading.term).await?;
    tracing::debug!(term = kept.term, leases = kept.clock.len(), "keeping the leases");
    *shared.leases.lock() = Some(kept);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut noted = Instant::now();
    loop {
        tokio::select! {
            biased;
            // First, for it comes seldom: however much happens to leases, time goes on.
            _ = ticks.tick() => {
                tick(shared, leading.term).await?;
                if noted.elapsed() >= NOTE_INTERVAL {
                    noted = Instant::now();
                    note(shared, leading.term).await?;
                }
            }
            told = changes.next() => follow(shared, &mut changes, told.map_err(Over::Watch)?).await?,
        }
    }
}

/// What happened to leases, for the clock.
async fn follow(shared: &Arc<Shared>, changes: &mut Watcher, told: Watched) -> Result<(), Over> {
    match told {
        Watched::Progress(revision) => {
            with_kept(shared, |kept| kept.told = revision);
        }
        Watched::Changes(revised) => {
            let happened = lease::changes_in(&revised).map_err(unreadable)?;
            with_kept(shared, |kept| kept.happened(happened, revised.revision, Instant::now()));
        }
        Watched::Behind { .. } => {
            let (leases, revision) = read_all(shared).await?;
            with_kept(shared, |kept| kept.are(&leases, revision, Instant::now()));
            changes.resume_from(revision.next());
        }
    }
    Ok(())
}

/// Time goes on, if this node still leads, and who is due is ended.
async fn tick(shared: &Arc<Shared>, term: u64) -> Result<(), Over> {
    let began = Instant::now();
    if with_clock(shared, |clock| clock.len()) == Some(0) {
        with_clock(shared, |clock| clock.advance(began));
        return if shared.consensus.term_led() == Some(term) { Ok(()) } else { Err(Over::Leadership) };
    }
    match confirm(shared).await {
        Ok(leading) if leading.term == term => {}
        Ok(_) => return Err(Over::Leadership),
        // It may lead still and only not be sure of it: time stands still, and it is asked again.
        Err(_) if shared.consensus.term_led() == Some(term) => return Ok(()),
        Err(over) => return Err(over),
    }
    with_clock(shared, |clock| clock.advance(began));
    for _ in 0..EXPIRED_A_TICK_MAX / EXPIRED_AT_ONCE_MAX {
        let due = with_clock(shared, |clock| clock.take_due(EXPIRED_AT_ONCE_MAX)).unwrap_or_default();
        if due.is_empty() || !end(shared, term, due).await? {
            break;
        }
    }
    Ok(())
}

/// Has leases ended; tells whether that went well. Those of which it is not known whether they ended are not due
/// again in this term: they could be renewed then, and may have ended.
pub(super) async fn end(shared: &Shared, term: u64, ids: Vec<LeaseId>) -> Result<bool, Over> {
    let command = LeaseCommand::Expire(ExpireLeases { term, ids: ids.clone() });
    let (leases, left) = match settled(propose(shared, command).await)? {
        Some(LeaseOutcome::Expired { leases, left }) => (leases, usize::try_from(left).unwrap_or(ids.len())),
        Some(outcome) => {
            tracing::error!(?outcome, "the end of leases led to something else");
            return Err(Over::Leadership);
        }
        None => {
            with_clock(shared, |clock| clock.put_back(&ids));
            return Ok(false);
        }
    };
    shared.metrics.expired(leases);
    tracing::info!(leases, "sessions were not renewed in time and have ended");
    with_clock(shared, |clock| clock.put_back(&ids[ids.len() - left.min(ids.len())..]));
    Ok(true)
}

/// Notes what is left of long leases. Meanwhile none is renewed: a renewal that is answered before what was left is
/// in the log would be forgotten by the next leader.
pub(super) async fn note(shared: &Shared, term: u64) -> Result<(), Over> {
    let ids = with_clock(shared, |clock| clock.to_note()).unwrap_or_default();
    for ids in ids.chunks(NOTED_AT_ONCE_MAX) {
        let _apart = shared.noting.write().await;
        let left = with_clock(shared, |clock| clock.note(ids)).unwrap_or_default();
        if left.is_empty() {
            continue;
        }
        let remaining = left.into_iter().map(|(id, left_ms)| (id, Some(left_ms))).collect();
        let command = LeaseCommand::Checkpoint(CheckpointLeases { term, remaining });
        if settled(propose(shared, command).await)?.is_none() {
            break;
        }
    }
    Ok(())
}

/// What came of a proposal; none if it surely is not in the log. While that is not known, or if it came too late, this
/// node does not lead any more.
pub(super) fn settled(proposed: Result<Answer, ProposeError>) -> Result<Option<LeaseOutcome>, Over> {
    match proposed {
        Ok(Ok(Outcome::Lease(outcome))) => Ok(Some(outcome)),
        Err(error @ (ProposeError::NoLeader | ProposeError::NotLeader { .. })) => {
            tracing::debug!(%error, "nothing can be proposed about leases now");
            Ok(None)
        }
        other => {
            tracing::debug!(?other, "what was proposed about leases is in doubt, or of no effect");
            Err(Over::Leadership)
        }
    }
}

/// Proposes on this node, which is to be the leader.
pub(super) async fn propose(shared: &Shared, command: LeaseCommand) -> Result<Answer, ProposeError> {
    let id = format!("lease-{:032x}", rand::random::<u128>());
    let proposal = Proposal {
        request_id: RequestId::parse(&id).expect("it is short and printable"),
        time_ms: shared.clock.now_ms(),
        command: Command::Lease(command),
    };
    shared.consensus.propose(encode_proposal(&proposal)).await
}

pub(super) async fn load(shared: &Arc<Shared>, term: u64) -> Result<(Kept, Watcher), Over> {
    let (leases, revision) = read_all(shared).await?;
    let filter = WatchFilter { ranges: vec![lease::watch_range()] };
    let changes = shared.hubs.present.follow(filter, revision.next());
    let now = Instant::now();
    let mut clock = LeaseClock::new(now);
    leases.iter().for_each(|lease| clock.know(lease, shared.lease_grace, now));
    Ok((Kept { term, clock, told: revision }, changes))
}

/// All leases, as of a revision.
async fn read_all(shared: &Arc<Shared>) -> Result<(Vec<LeaseInfo>, Revision), Over> {
    let reading = read_state(shared, |view| Ok::<_, MapError>((all(view)?, newest_present(view)?)));
    reading.await.map_err(|_| Over::Leadership)?.map_err(unreadable)
}

fn all(view: &dyn ReadMap) -> Result<Vec<LeaseInfo>, MapError> {
    let mut leases: Vec<LeaseInfo> = Vec::new();
    loop {
        let after = leases.last().map(|lease| lease.id);
        let (page, more) = lease::list(view, after, LOADED_AT_ONCE_MAX)?;
        leases.extend(page);
        if !more {
            return Ok(leases);
        }
    }
}

/// Has a majority confirm that this node leads. One whose data is wrong renews nothing, so no time may pass there.
pub(super) async fn confirm(shared: &Shared) -> Result<Leading, Over> {
    if shared.is_raised(Alarm::Corrupt) {
        return Err(Over::Leadership);
    }
    let deadline = Instant::now() + CONFIRM_TIMEOUT;
    let confirmed = timeout_at(deadline, shared.consensus.confirm_leading(deadline)).await;
    confirmed.ok().and_then(Result::ok).ok_or(Over::Leadership)
}

fn with_clock<T>(shared: &Shared, use_it: impl FnOnce(&mut LeaseClock) -> T) -> Option<T> {
    with_kept(shared, |kept| use_it(&mut kept.clock))
}

fn with_kept<T>(shared: &Shared, use_it: impl FnOnce(&mut Kept) -> T) -> Option<T> {
    shared.leases.lock().as_mut().map(use_it)
}

fn unreadable(error: MapError) -> Over {
    tracing::error!(%error, "the leases cannot be read");
    Over::Leadership
}
