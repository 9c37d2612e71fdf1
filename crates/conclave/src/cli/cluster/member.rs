//! A member as people name it: by its id, or by the name that it was admitted with.

use super::super::errors::Failure;
use super::super::exit::Exit;
use super::super::session::Session;

/// Finds the id of a member or an admission. What is a number is an id.
pub(super) async fn id_of(session: &Session, member: &str) -> Result<u64, Failure> {
    if let Ok(id) = member.parse() {
        return Ok(id);
    }
    let status = session.client.cluster_status().await?;
    let members = status.members.into_iter().map(|it| (it.id, it.name));
    let admissions = status.admissions.into_iter().map(|it| (it.id, it.name));
    named(members.chain(admissions), member).ok_or_else(|| {
        let failure = Failure::new(Exit::NotFound, format!("no member is called {member:?}"));
        failure.with_hint("`conclave cluster members` lists them; the first members have no names, only ids")
    })
}

/// First members have no names: nothing names them.
fn named(mut members: impl Iterator<Item = (u64, String)>, name: &str) -> Option<u64> {
    members.find(|(_, it)| !name.is_empty() && it == name).map(|(id, _)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_found_by_its_whole_name() {
        let find = |name: &str| {
            named([(1, String::new()), (4, "db4".to_owned()), (5, "db".to_owned())].into_iter(), name)
        };
        assert_eq!((find("db4"), find("db"), find("d"), find("")), (Some(4), Some(5), None, None));
    }
}
