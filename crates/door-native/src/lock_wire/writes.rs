//! The requests that change locks, but for those that ask for one; and what they are answered.

use conclave_core::lock::{ForceRelease, LockCommand, LockOutcome, Release, SetMetadata, Which};
use conclave_core::{Command, FencingToken, Outcome, RequestId, TicketId};
use conclave_door::{Limits, Refusal};
use conclave_proto::lock::v1 as wire;

use crate::config_wire::strange_outcome;
use crate::fields::{Fields, made_request_id};

/// A change of a lock, and the id that it is proposed under.
#[derive(Debug)]
pub(crate) struct LockWrite {
    pub(crate) request_id: RequestId,
    pub(crate) command: Command,
}

impl LockWrite {
    fn new(command: LockCommand) -> Self {
        Self { request_id: made_request_id(), command: Command::Lock(command) }
    }
}

pub(crate) fn release(request: &wire::ReleaseRequest, limits: &Limits) -> Result<LockWrite, Refusal> {
    let which = match (request.token, request.ticket) {
        (0, 0) => Which::All,
        (0, ticket) => Which::Ticket(TicketId::new(ticket)),
        (token, _) => Which::Token(FencingToken::new(token)),
    };
    releasing(&request.name, request.session_id, which, limits)
}

pub(crate) fn resign(request: &wire::ResignRequest, limits: &Limits) -> Result<LockWrite, Refusal> {
    let which = match request.token {
        0 => Which::All,
        token => Which::Token(FencingToken::new(token)),
    };
    releasing(&request.name, request.session_id, which, limits)
}

fn releasing(name: &str, session_id: u64, which: Which, limits: &Limits) -> Result<LockWrite, Refusal> {
    let mut fields = Fields::new(limits);
    let name = fields.lock_name("name", name);
    let session = fields.session("session_id", session_id);
    let release = name
        .zip(session)
        .map(|(name, session)| LockWrite::new(LockCommand::Release(Release { name, session, which })));
    fields.finish(release)
}

pub(crate) fn force_release(
    request: wire::ForceReleaseRequest,
    limits: &Limits,
) -> Result<LockWrite, Refusal> {
    let wire::ForceReleaseRequest { name, token, author, reason, request_id } = request;
    let mut fields = Fields::new(limits);
    let name = fields.lock_name("name", &name);
    fields.size("author", author.len(), Limits::LOCK_OWNER_SIZE_BYTES_MAX);
    if reason.is_empty() {
        fields.refuse("reason", "it is empty: say why the lock is taken");
    }
    fields.size("reason", reason.len(), Limits::FORCE_REASON_SIZE_BYTES_MAX);
    let request_id = fields.request_id("request_id", request_id);
    let token = (token != 0).then(|| FencingToken::new(token));
    let write = name.zip(request_id).map(|(name, request_id)| {
        let command = LockCommand::ForceRelease(ForceRelease { name, token, author, reason });
        LockWrite { request_id, command: Command::Lock(command) }
    });
    fields.finish(write)
}

pub(crate) fn proclaim(request: wire::ProclaimRequest, limits: &Limits) -> Result<LockWrite, Refusal> {
    let wire::ProclaimRequest { name, session_id, token, value } = request;
    let mut fields = Fields::new(limits);
    let name = fields.lock_name("name", &name);
    let session = fields.session("session_id", session_id);
    let token = fields.token("token", token);
    fields.size("value", value.len(), Limits::LOCK_METADATA_SIZE_BYTES_MAX);
    let write = name.zip(session).zip(token).map(|((name, session), token)| {
        LockWrite::new(LockCommand::SetMetadata(SetMetadata { name, session, token, metadata: value }))
    });
    fields.finish(write)
}

/// How many tickets went.
pub(crate) fn released(outcome: &Outcome) -> Result<u64, Refusal> {
    match outcome {
        Outcome::Lock(LockOutcome::Released { tickets }) => Ok(*tickets),
        _ => Err(strange_outcome()),
    }
}

pub(crate) fn metadata_set(outcome: &Outcome) -> Result<wire::ProclaimResponse, Refusal> {
    match outcome {
        Outcome::Lock(LockOutcome::MetadataSet { revision }) => {
            Ok(wire::ProclaimResponse { revision: revision.get() })
        }
        _ => Err(strange_outcome()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::tests::told;

    fn which(token: u64, ticket: u64) -> Which {
        let request = wire::ReleaseRequest { name: "a".into(), session_id: 9, token, ticket };
        let write = release(&request, &Limits::default()).unwrap();
        let Command::Lock(LockCommand::Release(release)) = write.command else { panic!() };
        release.which
    }

    #[test]
    fn a_release_is_of_a_grant_a_ticket_or_all() {
        assert_eq!(which(0, 0), Which::All);
        assert_eq!(which(0, 5), Which::Ticket(TicketId::new(5)));
        assert_eq!(which(7, 0), Which::Token(FencingToken::new(7)));
        assert_eq!(which(7, 5), Which::Token(FencingToken::new(7)));
    }

    #[test]
    fn a_release_by_force_has_a_reason() {
        let request = wire::ForceReleaseRequest {
            name: "a".into(),
            reason: "stuck".into(),
            request_id: "id-1".into(),
            ..Default::default()
        };
        let write = force_release(request.clone(), &Limits::default()).unwrap();
        let Command::Lock(LockCommand::ForceRelease(force)) = write.command else { panic!() };
        assert_eq!((force.token, force.reason.as_str(), write.request_id.as_str()), (None, "stuck", "id-1"));
        let bad = wire::ForceReleaseRequest { reason: String::new(), author: "a".repeat(257), ..request };
        assert_eq!(
            told(force_release(bad, &Limits::default())),
            [
                "author: it takes 257 bytes, of which 256 are allowed: shorten it",
                "reason: it is empty: say why the lock is taken",
            ]
        );
    }

    #[test]
    fn a_proclamation_names_its_grant() {
        let bad =
            wire::ProclaimRequest { name: "a".into(), value: vec![0; 4_097].into(), ..Default::default() };
        assert_eq!(
            told(proclaim(bad, &Limits::default())),
            [
                "session_id: it is 0: open a session, and give its id",
                "token: it is 0: give the token of the grant",
                "value: it takes 4097 bytes, of which 4096 are allowed: shorten it",
            ]
        );
    }
}
