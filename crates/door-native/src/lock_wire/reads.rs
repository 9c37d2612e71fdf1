//! The requests that read locks, and what they are answered.

use conclave_core::config::Read;
use conclave_core::lock::{self, Extent, HolderInfo, LockRejection, LocksQuery};
use conclave_core::{FencingToken, LockName, Rejection};
use conclave_door::{Limits, Refusal};
use conclave_mvcc::{MapError, ReadMap, Revision, newest_present};
use conclave_proto::lock::v1 as wire;

use super::messages;
use crate::fields::{Fields, page_entries};
use crate::paging::{Place, Tokens};

const ENTRIES_DEFAULT: usize = 100;
/// What is told of one lock.
const WHOLE: Extent = Extent {
    holders_max: Limits::LOCK_HOLDERS_TOLD_MAX,
    waiters_max: Limits::LOCK_WAITERS_TOLD_MAX,
    with_forced: true,
};
/// What lists tell of each lock.
pub(crate) const LISTED: Extent =
    Extent { holders_max: Limits::LIST_HOLDERS_TOLD_MAX, waiters_max: 0, with_forced: false };
/// Who holds a lock first.
const FIRST: Extent = Extent { holders_max: 1, waiters_max: 0, with_forced: false };

/// The lock that a request is about.
pub(crate) fn one_lock(name: &str, limits: &Limits) -> Result<LockName, Refusal> {
    let mut fields = Fields::new(limits);
    let name = fields.lock_name("name", name);
    fields.finish(name)
}

/// One lock.
pub(crate) fn lock_response(view: &dyn ReadMap, name: &LockName) -> Read<wire::GetLockResponse> {
    let store_revision = newest_present(view)?.get();
    let Some(found) = lock::get(view, name, WHOLE)? else { return Ok(Err(not_found(name))) };
    Ok(Ok(wire::GetLockResponse { lock: Some(messages::lock(found)), store_revision }))
}

/// Who leads, and as of which revision; none: nobody does.
pub(crate) fn leader(
    view: &dyn ReadMap,
    name: &LockName,
) -> Result<(Option<HolderInfo>, Revision), MapError> {
    let found = lock::get(view, name, FIRST)?;
    Ok((found.and_then(|lock| lock.holders.into_iter().next()), newest_present(view)?))
}

/// Who leads, as an answer.
pub(crate) fn leader_response(view: &dyn ReadMap, name: &LockName) -> Read<wire::GetLeaderResponse> {
    let (leader, revision) = leader(view, name)?;
    let Some(leader) = leader else { return Ok(Err(not_found(name))) };
    let leader = Some(messages::holder(leader));
    Ok(Ok(wire::GetLeaderResponse { leader, store_revision: revision.get() }))
}

fn not_found(name: &LockName) -> Rejection {
    LockRejection::NotFound { name: name.to_string() }.into()
}

/// Asks for a page of locks.
#[derive(Debug)]
pub(crate) struct Locks {
    prefix: String,
    after: Option<LockName>,
    entries_max: usize,
    tokens: Tokens,
}

impl Locks {
    pub(crate) fn parse(request: wire::ListLocksRequest, limits: &Limits) -> Result<Self, Refusal> {
        let wire::ListLocksRequest { prefix, page_size, page_token } = request;
        let mut fields = Fields::new(limits);
        fields.size("prefix", prefix.len(), Limits::LOCK_PREFIX_SIZE_BYTES_MAX);
        let prefix = fields.finish(Some(prefix))?;
        let listed = wire::ListLocksRequest { prefix: prefix.clone(), ..Default::default() };
        let tokens = Tokens::of("ListLocks", &listed);
        let after = tokens.read(&page_token)?.map(|place| LockName::parse(&place.after)).transpose();
        let after = after.map_err(|_| Refusal::PageTokenInvalid)?;
        Ok(Self { prefix, after, entries_max: page_entries(page_size, ENTRIES_DEFAULT), tokens })
    }

    pub(crate) fn answer(&self, view: &dyn ReadMap) -> Result<wire::ListLocksResponse, MapError> {
        let query = LocksQuery {
            prefix: &self.prefix,
            after: self.after.as_ref(),
            locks_max: self.entries_max,
            size_bytes_max: Limits::PAGE_SIZE_BYTES_MAX,
            extent: LISTED,
        };
        let (page, more) = lock::list(view, &query)?;
        let last = page.last().filter(|_| more).map(|lock| lock.name.to_string());
        let place = |after| Place { revision: Revision::ZERO, version: 0, after };
        Ok(wire::ListLocksResponse {
            next_page_token: last.map_or_else(String::new, |after| self.tokens.write(&place(after))),
            locks: page.into_iter().map(messages::lock).collect(),
        })
    }
}

/// Asks whether a lock is held with a token.
#[derive(Debug)]
pub(crate) struct Token {
    name: LockName,
    token: FencingToken,
}

impl Token {
    pub(crate) fn parse(request: &wire::CheckTokenRequest, limits: &Limits) -> Result<Self, Refusal> {
        let mut fields = Fields::new(limits);
        let name = fields.lock_name("name", &request.name);
        let token = fields.token("token", request.token);
        fields.finish(name.zip(token).map(|(name, token)| Self { name, token }))
    }

    pub(crate) fn answer(&self, view: &dyn ReadMap) -> Result<wire::CheckTokenResponse, MapError> {
        let holder = lock::holder(view, &self.name, self.token)?.map(messages::holder);
        let newest = lock::newest_token(view, &self.name)?;
        let newest_token = newest.map_or(0, FencingToken::get);
        Ok(wire::CheckTokenResponse { held: holder.is_some(), holder, newest_token })
    }
}
