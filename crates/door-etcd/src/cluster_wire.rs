//! Members on the wire: URLs there, addresses here.

use conclave_node::{AdmissionInfo, KnownMembers, MembersRequest, PeerAddress};
use conclave_proto::etcd::etcdserverpb as wire;

use crate::refusal::MemberRule;

/// Longest address, in bytes.
const ADDRESS_SIZE_BYTES_MAX: usize = 512;

/// The members in order of id, those that were added and have not come yet among them.
pub(crate) fn members(known: KnownMembers) -> Vec<wire::Member> {
    let KnownMembers { members, voters, admissions, leader_id: _ } = known;
    let started = members.into_iter().map(|(id, address)| member(id, address, voters.contains(&id)));
    let mut all: Vec<_> = started.chain(admissions.into_iter().map(admitted)).collect();
    all.sort_by_key(|member| member.id);
    all
}

/// Clients take one without a name for one that has not come yet; the first members have none.
fn member(id: u64, address: PeerAddress, is_voter: bool) -> wire::Member {
    let PeerAddress { peer, client, name } = address;
    wire::Member {
        id,
        name: if name.is_empty() { format!("node-{id}") } else { name },
        peer_ur_ls: vec![format!("http://{peer}")],
        client_ur_ls: Some(client).filter(|url| !url.is_empty()).into_iter().collect(),
        is_learner: !is_voter,
    }
}

fn admitted(waiting: AdmissionInfo) -> wire::Member {
    let AdmissionInfo { id, peer_address, .. } = waiting;
    let peer_ur_ls = vec![format!("http://{peer_address}")];
    wire::Member { id, peer_ur_ls, is_learner: true, ..wire::Member::default() }
}

/// Whether somebody is reached there, or will be.
pub(crate) fn is_taken(known: &KnownMembers, address: &str) -> bool {
    known.members.values().any(|member| member.peer == address)
        || known.admissions.iter().any(|waiting| waiting.peer_address == address)
}

/// A node that is to come, which has no name yet.
pub(crate) fn admit(peer_address: String) -> MembersRequest {
    MembersRequest::Admit { name: String::new(), peer_address, client_address: String::new() }
}

/// The address that a member's peers reach it at: there is one.
pub(crate) fn peer_address(urls: &[String]) -> Result<String, MemberRule> {
    let [url] = urls else {
        return Err(if urls.is_empty() { MemberRule::BadUrls } else { MemberRule::SeveralUrls });
    };
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let address = rest.ok_or(MemberRule::BadUrls)?;
    if is_host_port(address) { Ok(address.to_owned()) } else { Err(MemberRule::BadUrls) }
}

fn is_host_port(text: &str) -> bool {
    let parts = text.rsplit_once(':').filter(|(host, _)| {
        !host.is_empty() && !host.contains(|it: char| it == '/' || it.is_whitespace() || it.is_control())
    });
    let has_port = parts.is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0));
    has_port && text.len() <= ADDRESS_SIZE_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_url_without_its_scheme() {
        let of = |urls: &[&str]| peer_address(&urls.iter().map(|url| (*url).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["http://db4:4201"]), Ok("db4:4201".to_owned()));
        assert_eq!(of(&["https://[::1]:4201"]), Ok("[::1]:4201".to_owned()));
        for bad in
            ["", "db4:4201", "http://db4", "http://db4:0", "http://db4:1/x", "unix://a:1", "http://a b:1"]
        {
            assert_eq!(of(&[bad]), Err(MemberRule::BadUrls), "{bad:?}");
        }
        assert_eq!(of(&[]), Err(MemberRule::BadUrls));
        assert_eq!(of(&["http://a:1", "http://b:1"]), Err(MemberRule::SeveralUrls));
    }

    #[test]
    fn only_who_has_not_come_has_no_name() {
        let address =
            |name: &str| PeerAddress { peer: "a:1".into(), client: String::new(), name: name.into() };
        let known = KnownMembers {
            leader_id: Some(1),
            members: [(1, address("")), (7, address("db7"))].into(),
            voters: [1].into(),
            admissions: vec![AdmissionInfo {
                id: 5,
                name: "db5".into(),
                peer_address: "b:1".into(),
                expires_ms: 1,
            }],
        };
        assert!(is_taken(&known, "a:1") && is_taken(&known, "b:1") && !is_taken(&known, "c:1"));
        let told: Vec<_> = members(known).into_iter().map(|it| (it.id, it.name, it.is_learner)).collect();
        let expected = [(1, "node-1", false), (5, "", true), (7, "db7", true)];
        assert_eq!(told, expected.map(|(id, name, learns)| (id, name.to_owned(), learns)));
    }
}
