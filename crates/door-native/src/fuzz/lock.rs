//! The requests of `conclave.lock.v1`.

use conclave_core::lease::LeaseCommand;
use conclave_core::lock::LockCommand;
use conclave_core::{Command, LeaseId};
use conclave_door::{Limits, Refusal};
use conclave_proto::lock::v1 as wire;

use super::bounds::{in_store, kept};
use super::{Checks, accepted, decoded, limits};
use crate::lock_wire::{self, Asked, LockWrite, Locks, Sessions, Token, lock_response, one_lock, session_id};
use crate::locks::LocksQuery;

fn asked(asked: Result<Asked, Refusal>) {
    if let Some(asked) = accepted(asked) {
        kept(&Command::Lock(LockCommand::Acquire(asked.acquire)));
    }
}

fn written(write: Result<LockWrite, Refusal>) {
    if let Some(write) = accepted(write) {
        kept(&write.command);
    }
}

fn named(name: &str) {
    if let Some(name) = accepted(one_lock(name, &limits())) {
        in_store(|store| lock_response(store, &name));
    }
}

fn of_session(id: u64) {
    let read: Option<LeaseId> = accepted(session_id(id, &limits()));
    assert_eq!(read.map_or(0, LeaseId::get), id);
}

macro_rules! checks {
    ($($name:ident: |$request:ident| $check:expr;)*) => {
        &[$((stringify!($name), |bytes| {
            if let Some($request) = decoded::<wire::$name>(bytes) {
                $check;
            }
        })),*]
    };
}

pub(super) const WRITES: Checks = checks! {
    AcquireRequest: |request| asked(lock_wire::acquire(request, &limits()));
    TryAcquireRequest: |request| asked(lock_wire::try_acquire(request, &limits()));
    CampaignRequest: |request| asked(lock_wire::campaign(request, &limits()));
    ReleaseRequest: |request| written(lock_wire::release(&request, &limits()));
    ResignRequest: |request| written(lock_wire::resign(&request, &limits()));
    ForceReleaseRequest: |request| written(lock_wire::force_release(request, &limits()));
    ProclaimRequest: |request| written(lock_wire::proclaim(request, &limits()));
    OpenSessionRequest: |request| {
        if let Some(opening) = accepted(lock_wire::open_session(request, &limits())) {
            assert!(Limits::SESSION_TTL_MS.contains(&opening.grant.ttl_ms));
            assert!(opening.grant.metadata.len() <= Limits::SESSION_METADATA_MAX);
            kept(&Command::Lease(LeaseCommand::Grant(opening.grant)));
        }
    };
};

pub(super) const READS: Checks = checks! {
    GetLockRequest: |request| named(&request.name);
    GetLeaderRequest: |request| named(&request.name);
    ObserveRequest: |request| named(&request.name);
    WatchLocksRequest: |request| drop(accepted(LocksQuery::parse(request, &limits())));
    KeepAliveRequest: |request| of_session(request.session_id);
    RenewSessionRequest: |request| of_session(request.session_id);
    CloseSessionRequest: |request| of_session(request.session_id);
    GetSessionRequest: |request| of_session(request.session_id);
    ListLocksRequest: |request| {
        if let Some(page) = accepted(Locks::parse(request, &limits())) {
            in_store(|store| page.answer(store));
        }
    };
    ListSessionsRequest: |request| {
        if let Some(page) = accepted(Sessions::parse(&request)) {
            in_store(|store| page.read(store));
        }
    };
    CheckTokenRequest: |request| {
        if let Some(token) = accepted(Token::parse(&request, &limits())) {
            in_store(|store| token.answer(store));
        }
    };
};
