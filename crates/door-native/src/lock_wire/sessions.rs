//! The requests about sessions, and what they are answered.

use std::collections::BTreeMap;
use std::fmt;

use conclave_core::lease::{self, GrantLease, LeaseInfo, LeaseOutcome};
use conclave_core::{LeaseId, Outcome, RequestId, lock};
use conclave_door::{Limits, Refusal};
use conclave_mvcc::{MapError, ReadMap, Revision};
use conclave_proto::lock::v1 as wire;
use xxhash_rust::xxh3::xxh3_64;

use crate::config_wire::strange_outcome;
use crate::fields::{Fields, page_entries};
use crate::paging::{PageBounds, Place, Tokens, gather};

/// Sessions that are read at once to fill a page by size.
const PIECE_ENTRIES: usize = 64;
const ENTRIES_DEFAULT: usize = 100;
/// Ids have so many bits, so that languages without unsigned numbers can hold them.
const ID_BITS: u32 = 63;

/// A session that is to be opened.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) request_id: RequestId,
    pub(crate) grant: GrantLease,
    /// Whether the caller may ask again, and find the session that it asked for before.
    pub(crate) may_be_retry: bool,
}

pub(crate) fn open_session(request: wire::OpenSessionRequest, limits: &Limits) -> Result<Opening, Refusal> {
    let wire::OpenSessionRequest { ttl_ms, owner, metadata, request_id } = request;
    let mut fields = Fields::new(limits);
    if !Limits::SESSION_TTL_MS.contains(&ttl_ms) {
        let (min, max) = (Limits::SESSION_TTL_MS.start(), Limits::SESSION_TTL_MS.end());
        fields.refuse("ttl_ms", format_args!("it is {ttl_ms}: give {min} (a second) to {max} (a day)"));
    }
    fields.size("owner", owner.len(), Limits::LOCK_OWNER_SIZE_BYTES_MAX);
    check_metadata(&mut fields, &metadata);
    let may_be_retry = !request_id.is_empty();
    let opening = fields.request_id("request_id", request_id).map(|request_id| {
        let grant = GrantLease { id: id_of(&request_id), ttl_ms, owner, metadata };
        Opening { request_id, grant, may_be_retry }
    });
    fields.finish(opening)
}

/// The same for the same request, so that a retry asks for the same session. Ids that are made here are random.
fn id_of(request_id: &RequestId) -> LeaseId {
    let hash = xxh3_64(request_id.as_str().as_bytes()) >> (u64::BITS - ID_BITS);
    LeaseId::new(hash.max(1)).expect("it is 1 at least")
}

fn check_metadata(fields: &mut Fields<'_>, metadata: &BTreeMap<String, String>) {
    let (count, most) = (metadata.len(), Limits::SESSION_METADATA_MAX);
    if count > most {
        return fields.refuse("metadata", format_args!("they are {count}, of which {most} are allowed"));
    }
    for (name, value) in metadata {
        let path = format_args!("metadata[{name:?}]");
        check_text(fields, path, "its name", name);
        check_text(fields, path, "its value", value);
    }
}

fn check_text(fields: &mut Fields<'_>, path: fmt::Arguments<'_>, what: &str, text: &str) {
    let (size_bytes, max) = (text.len(), Limits::SESSION_METADATA_SIZE_BYTES_MAX);
    if size_bytes > max {
        let what = format_args!("{what} takes {size_bytes} bytes, of which {max} are allowed: shorten it");
        fields.refuse(path, what);
    }
}

/// The session that a request is about.
pub(crate) fn session_id(number: u64, limits: &Limits) -> Result<LeaseId, Refusal> {
    let mut fields = Fields::new(limits);
    let id = fields.session("session_id", number);
    fields.finish(id)
}

pub(crate) fn granted(outcome: Outcome) -> Result<LeaseInfo, Refusal> {
    match outcome {
        Outcome::Lease(LeaseOutcome::Granted(lease)) => Ok(lease),
        _ => Err(strange_outcome()),
    }
}

pub(crate) fn revoked(outcome: &Outcome) -> Result<wire::CloseSessionResponse, Refusal> {
    match outcome {
        Outcome::Lease(LeaseOutcome::Revoked { tickets }) => {
            Ok(wire::CloseSessionResponse { tickets: *tickets })
        }
        _ => Err(strange_outcome()),
    }
}

/// A session, with what is not in the lease: how much is left of it, and how many tickets it has.
pub(crate) fn session(lease: LeaseInfo, remaining_ms: u64, tickets: u64) -> wire::Session {
    wire::Session {
        id: lease.id.get(),
        ttl_ms: lease.ttl_ms,
        remaining_ms,
        owner: lease.owner,
        metadata: lease.metadata,
        opened_ms: lease.granted_ms,
        tickets,
    }
}

/// A lease, and how many tickets it has.
pub(crate) type WithTickets = (LeaseInfo, u64);

/// Asks for a page of sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    after: Option<LeaseId>,
    entries_max: usize,
}

impl Sessions {
    pub(crate) fn parse(request: &wire::ListSessionsRequest) -> Result<Self, Refusal> {
        let after = Self::tokens().read(&request.page_token)?;
        let after = after.map(|place| Self::id_of(&place).ok_or(Refusal::PageTokenInvalid)).transpose()?;
        Ok(Self { after, entries_max: page_entries(request.page_size, ENTRIES_DEFAULT) })
    }

    /// The sessions of the page, and whether more follow.
    pub(crate) fn read(&self, view: &dyn ReadMap) -> Result<(Vec<WithTickets>, bool), MapError> {
        let bounds = PageBounds {
            entries_max: self.entries_max,
            size_bytes_max: Limits::PAGE_SIZE_BYTES_MAX,
            piece_entries: PIECE_ENTRIES,
        };
        let read = |last: Option<&LeaseInfo>, entries_max: usize| {
            lease::list(view, last.map(|last| last.id).or(self.after), entries_max).map(Ok)
        };
        let (page, more) = gather(bounds, LeaseInfo::size_bytes, read)?.unwrap_or_default();
        let page = page.into_iter().map(|lease| Ok((lock::tickets_of(view, lease.id)?, lease)));
        let page = page.map(|read| read.map(|(tickets, lease)| (lease, tickets)));
        Ok((page.collect::<Result<_, MapError>>()?, more))
    }

    /// The token that leads to what follows a session; empty if nothing does.
    pub(crate) fn next(last: Option<LeaseId>, more: bool) -> String {
        let place =
            |last: LeaseId| Place { revision: Revision::ZERO, version: last.get(), after: String::new() };
        last.filter(|_| more).map_or_else(String::new, |last| Self::tokens().write(&place(last)))
    }

    fn tokens() -> Tokens {
        Tokens::of("ListSessions", &wire::ListSessionsRequest::default())
    }

    fn id_of(place: &Place) -> Option<LeaseId> {
        LeaseId::new(place.version)
    }
}
