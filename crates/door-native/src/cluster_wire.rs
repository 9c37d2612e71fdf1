//! Requests about the members as they come in, and their answers as they go out.

use conclave_core::PinName;
use conclave_door::{Refusal, Violations};
use conclave_node::{MembersAnswer, MembersRequest, RequestError};
use conclave_proto::cluster::v1 as wire;

/// Longest address, in bytes.
const ADDRESS_SIZE_BYTES_MAX: usize = 512;

/// A node that is to be admitted.
pub(crate) fn admit(request: wire::AddMemberRequest) -> Result<MembersRequest, Refusal> {
    let wire::AddMemberRequest { name, peer_address, client_address, request_id: _ } = request;
    let mut violations = Violations::default();
    // The rules for the name of a member are those of a tag.
    if let Err(error) = PinName::parse(&name) {
        violations.add("name", error);
    }
    if !is_host_port(&peer_address) {
        violations.add("peer_address", "it is not a host and a port, as db4.internal:4201 is");
    }
    if !client_address.is_empty() && !is_url(&client_address) {
        violations
            .add("client_address", "it is not a URL of http or https with a port, as http://db4:4101 is");
    }
    if !violations.is_empty() {
        return Err(violations.into());
    }
    Ok(MembersRequest::Admit { name, peer_address, client_address })
}

pub(crate) fn promote(request: wire::PromoteMemberRequest) -> Result<MembersRequest, Refusal> {
    Ok(MembersRequest::Promote { id: id("id", request.id)? })
}

pub(crate) fn demote(request: wire::DemoteMemberRequest) -> Result<MembersRequest, Refusal> {
    let wire::DemoteMemberRequest { id: member, force_quorum_loss } = request;
    Ok(MembersRequest::Demote { id: id("id", member)?, force_quorum_loss })
}

pub(crate) fn remove(request: wire::RemoveMemberRequest) -> Result<MembersRequest, Refusal> {
    let wire::RemoveMemberRequest { id: member, force_quorum_loss } = request;
    Ok(MembersRequest::Remove { id: id("id", member)?, force_quorum_loss })
}

pub(crate) fn replace(request: wire::ReplaceMemberRequest) -> Result<MembersRequest, Refusal> {
    let (old_id, new_id) = (id("old_id", request.old_id)?, id("new_id", request.new_id)?);
    if old_id == new_id {
        return Err(Violations::one("new_id", "it is the same as old_id: name the learner that comes").into());
    }
    Ok(MembersRequest::Replace { old_id, new_id })
}

pub(crate) fn transfer(request: wire::TransferLeaderRequest) -> Result<MembersRequest, Refusal> {
    Ok(MembersRequest::Transfer { to: Some(request.to_id).filter(|id| *id != 0) })
}

pub(crate) fn admitted(answer: MembersAnswer) -> Result<wire::AddMemberResponse, Refusal> {
    match answer {
        MembersAnswer::Admitted { id, token, join_addresses } => {
            Ok(wire::AddMemberResponse { id, token: token.0, join_addresses })
        }
        _ => Err(unexpected()),
    }
}

pub(crate) fn transferred(answer: MembersAnswer) -> Result<wire::TransferLeaderResponse, Refusal> {
    match answer {
        MembersAnswer::Leader { id } => Ok(wire::TransferLeaderResponse { leader_id: id }),
        _ => Err(unexpected()),
    }
}

fn id(field: &'static str, id: u64) -> Result<u64, Refusal> {
    if id == 0 { Err(Violations::one(field, "it is 0: ids begin at 1").into()) } else { Ok(id) }
}

fn is_host_port(text: &str) -> bool {
    let parts = text.rsplit_once(':').filter(|(host, _)| {
        !host.is_empty() && !host.contains(|it: char| it == '/' || it.is_whitespace() || it.is_control())
    });
    let has_port = parts.is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0));
    has_port && text.len() <= ADDRESS_SIZE_BYTES_MAX
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    rest.is_some_and(|rest| is_host_port(rest.trim_end_matches('/')))
}

fn unexpected() -> Refusal {
    RequestError::NodeFailed { cause: "another request was answered".to_owned() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::tests::told;

    fn asked(name: &str, peer: &str, client: &str) -> Result<MembersRequest, Refusal> {
        admit(wire::AddMemberRequest {
            name: name.into(),
            peer_address: peer.into(),
            client_address: client.into(),
            request_id: String::new(),
        })
    }

    #[test]
    fn every_wrong_field_of_an_admission_is_told() {
        assert!(asked("db4", "db4:4201", "").is_ok());
        assert!(asked("db4", "[::1]:4201", "http://[::1]:4101/").is_ok());
        let fields: Vec<_> = told(asked("a b", "db4", "db4:4101"))
            .into_iter()
            .map(|told| told.split(':').next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(fields, ["name", "peer_address", "client_address"]);
        for peer in ["", ":1", "a:0", "a:70000", "http://a:1", "a b:1"] {
            assert_eq!(told(asked("n", peer, "")).len(), 1, "{peer:?}");
        }
    }

    #[test]
    fn ids_begin_at_one_and_nobody_replaces_itself() {
        assert_eq!(told(promote(wire::PromoteMemberRequest { id: 0 })).len(), 1);
        let same = wire::ReplaceMemberRequest { old_id: 2, new_id: 2 };
        assert!(told(replace(same))[0].starts_with("new_id"));
        let any = transfer(wire::TransferLeaderRequest { to_id: 0 }).ok();
        assert_eq!(any, Some(MembersRequest::Transfer { to: None }));
    }
}
