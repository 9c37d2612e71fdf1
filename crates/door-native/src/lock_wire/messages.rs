//! What answers and streams are made of: locks, holders, waiters, grants.

use conclave_core::TicketId;
use conclave_core::lock::{ForcedRelease, Granted, HolderInfo, LockInfo, Mode, WaiterInfo};
use conclave_door::Limits;
use conclave_proto::lock::v1 as wire;
use prost::Message as _;

/// A lock. Of so many holders that they would not fit into a message, the first are told.
pub(crate) fn lock(info: LockInfo) -> wire::Lock {
    wire::Lock {
        name: info.name.to_string(),
        holders: fitting(info.holders),
        holder_count: info.holder_count,
        waiters: info.waiters.into_iter().map(waiter).collect(),
        waiter_count: info.waiter_count,
        capacity: info.capacity.unwrap_or(0),
        forced_release: info.forced.map(forced_release),
    }
}

fn fitting(holders: Vec<HolderInfo>) -> Vec<wire::Holder> {
    let mut size_bytes = 0;
    let fits = |holder: &wire::Holder| {
        let is_first = size_bytes == 0;
        size_bytes += holder.encoded_len();
        is_first || size_bytes <= Limits::PAGE_SIZE_BYTES_MAX
    };
    holders.into_iter().map(holder).take_while(fits).collect()
}

pub(crate) fn holder(info: HolderInfo) -> wire::Holder {
    wire::Holder {
        session_id: info.session.get(),
        token: info.granted.token.get(),
        mode: Some(mode(info.mode)),
        owner: info.owner,
        metadata: info.metadata,
        since_ms: info.granted.since_ms,
        ticket: info.ticket.get(),
    }
}

pub(crate) fn waiter(info: WaiterInfo) -> wire::Waiter {
    wire::Waiter {
        session_id: info.session.get(),
        ticket: info.ticket.get(),
        mode: Some(mode(info.mode)),
        owner: info.owner,
        since_ms: info.since_ms,
    }
}

pub(crate) fn grant(granted: Granted, ticket: TicketId) -> wire::Grant {
    wire::Grant { token: granted.token.get(), ticket: ticket.get(), since_ms: granted.since_ms }
}

pub(crate) fn forced_release(forced: ForcedRelease) -> wire::ForcedRelease {
    wire::ForcedRelease {
        token: forced.token.get(),
        owner: forced.owner,
        session_id: forced.session.get(),
        author: forced.author,
        reason: forced.reason,
        time_ms: forced.time_ms,
    }
}

fn mode(mode: Mode) -> wire::LockMode {
    let mode = match mode {
        Mode::Exclusive => wire::lock_mode::Mode::Exclusive(wire::Exclusive {}),
        Mode::Shared => wire::lock_mode::Mode::Shared(wire::Shared {}),
        Mode::Permits { count, capacity } => {
            wire::lock_mode::Mode::Permits(wire::Permits { count, capacity })
        }
    };
    wire::LockMode { mode: Some(mode) }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use conclave_core::{FencingToken, LeaseId, LockName};

    use super::*;

    fn held(token: u64, metadata_size_bytes: usize) -> HolderInfo {
        HolderInfo {
            session: LeaseId::new(9).unwrap(),
            ticket: TicketId::new(5),
            granted: Granted { token: FencingToken::new(token), since_ms: 1 },
            mode: Mode::Permits { count: 1, capacity: 2_000 },
            owner: "ann".into(),
            metadata: Bytes::from(vec![b'm'; metadata_size_bytes]),
        }
    }

    fn info(holders: Vec<HolderInfo>) -> LockInfo {
        LockInfo {
            name: LockName::parse("a").unwrap(),
            holder_count: holders.len() as u64,
            holders,
            waiters: Vec::new(),
            waiter_count: 0,
            capacity: Some(2_000),
            forced: None,
        }
    }

    #[test]
    fn a_lock_is_told_as_far_as_it_fits() {
        let told = lock(info((1..=1_000).map(|token| held(token, 4_096)).collect()));
        assert!(told.encoded_len() <= Limits::PAGE_SIZE_BYTES_MAX + 1_024);
        assert!((200..300).contains(&told.holders.len()), "{}", told.holders.len());
        assert_eq!((told.holder_count, told.capacity), (1_000, 2_000));
        assert_eq!((told.holders[0].token, told.holders[0].ticket, told.holders[0].session_id), (1, 5, 9));
        assert_eq!(lock(info((1..=1_000).map(|token| held(token, 10)).collect())).holders.len(), 1_000);
    }
}
