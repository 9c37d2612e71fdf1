//! Does one command in a transaction of its own: the place where the domains meet.
//!
//! The domains do not know each other. That a lock is asked for through a lease which exists, that tickets go with
//! their lease, that a change of the configuration or of plain keys may depend on a lock, and that a caller must be permitted what he asks
//! for, is arranged here.

use conclave_mvcc::{MapError, ReadMap, Sealed, Transaction};

use crate::access;
use crate::answer::{Answer, Outcome};
use crate::apply::EntryContext;
use crate::auth;
use crate::cluster::{self, ClusterRejection};
use crate::command::Command;
use crate::config;
use crate::ids::LeaseId;
use crate::kv;
use crate::lease::{self, ExpireLeases, LeaseCommand, LeaseOutcome};
use crate::lock::{self, HeldLock, LockCommand, LockOutcome};
use crate::stop::Stop;
use crate::times::Times;

/// Most tickets and keys that end with leases in one entry; further leases are left for the next one, so that other writes come
/// between. One lease ends whole.
const ENDED_MAX: u64 = 2_000;

/// When and where in the log a command is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) term: u64,
    pub(crate) times: Times,
}

impl Moment {
    /// Of an entry with these times.
    pub(crate) fn of(context: EntryContext, times: Times) -> Self {
        Self { term: context.term, times }
    }
}

/// Does a command; a rejection leaves nothing behind.
pub(crate) fn execute(
    view: &dyn ReadMap,
    command: &Command,
    moment: Moment,
) -> Result<(Answer, Option<Sealed>), MapError> {
    let mut transaction = Transaction::begin(view)?;
    match done(&mut transaction, command, moment) {
        Ok(outcome) => Ok((Ok(outcome), Some(transaction.seal()))),
        Err(Stop::Rejected(rejection)) => Ok((Err(rejection), None)),
        Err(Stop::Broken(error)) => Err(error),
    }
}

fn done(transaction: &mut Transaction<'_>, command: &Command, moment: Moment) -> Result<Outcome, Stop> {
    let times = moment.times;
    if takes_room(command) && !cluster::alarms(transaction.view())?.is_empty() {
        return Err(Stop::Rejected(ClusterRejection::NoSpaceAlarm.into()));
    }
    Ok(match command {
        Command::Config(command) => Outcome::Config(config::apply(transaction, command, times)?),
        Command::Cluster(command) => {
            let answered = cluster::apply(transaction, command, times.told_ms)?;
            Outcome::Cluster(answered.map_err(|rejection| Stop::Rejected(rejection.into()))?)
        }
        Command::Lease(command) => Outcome::Lease(of_leases(transaction, command, moment)?),
        Command::Lock(command) => Outcome::Lock(of_locks(transaction, command, times.told_ms)?),
        Command::Kv(command) => Outcome::Kv(kv::apply(transaction, command, lease::exists)?),
        Command::Auth(command) => Outcome::Auth(auth::apply(transaction, command)?),
        Command::By(by) => {
            access::check(transaction.view(), by.caller.as_ref(), &by.command)?;
            done(transaction, &by.command, moment)?
        }
        Command::Guarded(command) => {
            require_all_held(transaction, &command.held)?;
            Outcome::Config(config::apply(transaction, &command.command, times)?)
        }
        Command::GuardedKeys(command) => {
            require_all_held(transaction, &command.held)?;
            Outcome::Kv(kv::apply(transaction, &command.command, lease::exists)?)
        }
    })
}

/// Whether it is refused while the alarm of space stands: as etcd refuses it, of which the alarm is.
fn takes_room(command: &Command) -> bool {
    match command {
        Command::Kv(_) | Command::GuardedKeys(_) => !command.frees(),
        Command::Lease(command) => matches!(command, LeaseCommand::Grant(_)),
        _ => false,
    }
}

fn require_all_held(transaction: &mut Transaction<'_>, locks: &[HeldLock]) -> Result<(), Stop> {
    locks.iter().try_for_each(|held| lock::require_held(transaction, held))
}

fn of_locks(
    transaction: &mut Transaction<'_>,
    command: &LockCommand,
    time_ms: i64,
) -> Result<LockOutcome, Stop> {
    if let LockCommand::Acquire(acquire) = command {
        lease::require(transaction, acquire.session)?;
    }
    lock::apply(transaction, command, time_ms)
}

fn of_leases(
    transaction: &mut Transaction<'_>,
    command: &LeaseCommand,
    moment: Moment,
) -> Result<LeaseOutcome, Stop> {
    let time_ms = moment.times.told_ms;
    Ok(match command {
        LeaseCommand::Grant(grant) => LeaseOutcome::Granted(lease::grant(transaction, grant, time_ms)?),
        LeaseCommand::Revoke(revoke) => {
            lease::end(transaction, revoke.id)?;
            kv::end_lease(transaction, revoke.id)?;
            LeaseOutcome::Revoked { tickets: lock::leave_all(transaction, &[revoke.id], time_ms)? }
        }
        LeaseCommand::Expire(expire) => {
            lease::require_term(expire.term, moment.term)?;
            self::expire(transaction, expire, time_ms)?
        }
        LeaseCommand::Checkpoint(checkpoint) => {
            lease::require_term(checkpoint.term, moment.term)?;
            LeaseOutcome::Checkpointed { leases: lease::checkpoint(transaction, checkpoint)? }
        }
    })
}

/// Ends leases, as many as one entry is to.
fn expire(
    transaction: &mut Transaction<'_>,
    expire: &ExpireLeases,
    time_ms: i64,
) -> Result<LeaseOutcome, Stop> {
    let ended = take_of(transaction, &expire.ids)?;
    for id in &ended.ids {
        lease::end(transaction, *id)?;
        kv::end_lease(transaction, *id)?;
    }
    lock::leave_all(transaction, &ended.ids, time_ms)?;
    Ok(LeaseOutcome::Expired { leases: ended.ids.len() as u64, left: ended.left })
}

/// Leases that end in this entry, and how many are left.
struct Taken {
    ids: Vec<LeaseId>,
    left: u64,
}

fn take_of(transaction: &mut Transaction<'_>, ids: &[LeaseId]) -> Result<Taken, MapError> {
    let (mut taken, mut ends) = (Taken { ids: Vec::new(), left: 0 }, 0);
    let keys_max = usize::try_from(ENDED_MAX).unwrap_or(usize::MAX);
    for (number, id) in ids.iter().enumerate() {
        if !lease::exists(transaction, *id)? || taken.ids.contains(id) {
            continue;
        }
        ends += lock::tickets_in(transaction, *id)? + kv::keys_in(transaction.view(), *id, keys_max)?;
        if ends > ENDED_MAX && !taken.ids.is_empty() {
            taken.left = (ids.len() - number) as u64;
            break;
        }
        taken.ids.push(*id);
    }
    Ok(taken)
}
