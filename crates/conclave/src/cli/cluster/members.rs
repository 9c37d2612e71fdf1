//! `conclave cluster members`: who belongs to the cluster, and who may join.

use conclave_client::cluster::{Admission, GetStatusResponse, Member};
use serde::Serialize;

use super::super::colour::Paint;
use super::super::errors::Failure;
use super::super::output::Report;
use super::super::session::Session;
use super::super::table::Columns;
use super::super::text;

/// Lists them.
pub(super) async fn members(session: &mut Session) -> Result<(), Failure> {
    let report = Members::from(session.client.cluster_status().await?);
    session.output.show(&report)
}

#[derive(Debug, Serialize)]
struct Members {
    members: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    id: u64,
    name: String,
    /// "voter", "learner", or "admitted": it has not joined yet.
    part: &'static str,
    peer_address: String,
    /// Empty: not known yet.
    client_address: String,
    /// When an admission ends, in milliseconds since 1970-01-01 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_ms: Option<i64>,
}

impl From<GetStatusResponse> for Members {
    fn from(status: GetStatusResponse) -> Self {
        let members = status.members.into_iter().map(Row::from);
        Self { members: members.chain(status.admissions.into_iter().map(Row::from)).collect() }
    }
}

impl From<Member> for Row {
    fn from(member: Member) -> Self {
        let part = if member.voter { "voter" } else { "learner" };
        let Member { id, name, peer_address, client_address, .. } = member;
        Self { id, name, part, peer_address, client_address, expires_ms: None }
    }
}

impl From<Admission> for Row {
    fn from(admission: Admission) -> Self {
        let Admission { id, name, peer_address, expires_ms } = admission;
        let client_address = String::new();
        Self { id, name, part: "admitted", peer_address, client_address, expires_ms: Some(expires_ms) }
    }
}

impl Report for Members {
    fn text(&self, paint: Paint) -> String {
        let mut columns = Columns::new(&[">ID", "NAME", "PART", "CLIENTS AT", "PEERS AT"], paint);
        for row in &self.members {
            columns.row([
                row.id.to_string(),
                text::one_line(&row.name, 40),
                row.part.to_owned(),
                text::one_line(&row.client_address, 80),
                text::one_line(&row.peer_address, 80),
            ]);
        }
        columns.into_text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voters_learners_and_admissions_are_told_apart() {
        let member = |id: u64, voter| Member {
            id,
            name: format!("db{id}"),
            peer_address: format!("db{id}:4201"),
            client_address: format!("http://db{id}:4101"),
            voter,
            ..Default::default()
        };
        let status = GetStatusResponse {
            members: vec![member(1, true), member(4, false)],
            admissions: vec![Admission {
                id: 5,
                name: "db5".into(),
                peer_address: "db5:4201".into(),
                expires_ms: 7,
            }],
            ..Default::default()
        };
        let expected = "\
ID  NAME  PART      CLIENTS AT       PEERS AT
 1  db1   voter     http://db1:4101  db1:4201
 4  db4   learner   http://db4:4101  db4:4201
 5  db5   admitted                   db5:4201
";
        assert_eq!(Members::from(status).text(Paint::PLAIN), expected);
    }
}
