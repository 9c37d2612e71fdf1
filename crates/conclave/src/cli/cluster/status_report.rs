//! The state of the cluster as it is told: for programs all of it, for people what matters at a glance.

use comfy_table::{Cell, Color};
use conclave_client::cluster::{Admission, Agreement, Disk, GetStatusResponse, Health, Member, Role};
use serde::Serialize;

use super::super::colour::Paint;
use super::super::errors::Failure;
use super::super::exit::Exit;
use super::super::output::Report;
use super::super::table::Columns;
use super::super::text;

#[derive(Debug, Serialize)]
pub(super) struct ClusterReport {
    cluster_id: String,
    cluster_name: String,
    /// The node that answered.
    answered_by: u64,
    /// None: no leader is known.
    leader_id: Option<u64>,
    term: u64,
    members: Vec<MemberReport>,
    /// Nodes that were admitted and have not joined yet.
    admissions: Vec<AdmissionReport>,
}

#[derive(Debug, Serialize)]
struct AdmissionReport {
    id: u64,
    name: String,
    peer_address: String,
    expires_ms: i64,
}

#[derive(Debug, Serialize)]
struct MemberReport {
    id: u64,
    role: &'static str,
    health: &'static str,
    term: u64,
    last_log_index: u64,
    applied_index: u64,
    lag_entries: u64,
    revision: u64,
    digest: String,
    version: String,
    uptime_s: u64,
    client_address: String,
    peer_address: String,
    /// Empty: none was given.
    name: String,
    voter: bool,
    /// Names of the alarms that are raised on it.
    alarms: Vec<String>,
    /// Ahead of the clock of the node that answered; half of the round trip is what this may be wrong by.
    clock_offset_ms: i64,
    round_trip_us: u64,
    disk: DiskReport,
    /// "unknown", "agrees" or "differs": its digest, as of an index that others have one of too.
    agreement: &'static str,
}

#[derive(Debug, Serialize)]
struct DiskReport {
    /// Zero with a total of zero: not known.
    free_bytes: u64,
    total_bytes: u64,
    state_size_bytes: u64,
    log_size_bytes: u64,
    first_log_index: u64,
    fsync_p50_us: u64,
    fsync_p99_us: u64,
}

impl From<Disk> for DiskReport {
    fn from(disk: Disk) -> Self {
        Self {
            free_bytes: disk.free_bytes,
            total_bytes: disk.total_bytes,
            state_size_bytes: disk.state_size_bytes,
            log_size_bytes: disk.log_size_bytes,
            first_log_index: disk.first_log_index,
            fsync_p50_us: disk.fsync_p50_us,
            fsync_p99_us: disk.fsync_p99_us,
        }
    }
}

impl From<GetStatusResponse> for ClusterReport {
    fn from(answer: GetStatusResponse) -> Self {
        Self {
            cluster_id: answer.cluster_id,
            cluster_name: answer.cluster_name,
            answered_by: answer.answered_by,
            leader_id: Some(answer.leader_id).filter(|id| *id != 0),
            term: answer.term,
            members: answer.members.into_iter().map(MemberReport::from).collect(),
            admissions: answer.admissions.into_iter().map(AdmissionReport::from).collect(),
        }
    }
}

impl From<Admission> for AdmissionReport {
    fn from(admission: Admission) -> Self {
        let Admission { id, name, peer_address, expires_ms } = admission;
        Self { id, name, peer_address, expires_ms }
    }
}

impl From<Member> for MemberReport {
    fn from(member: Member) -> Self {
        Self {
            id: member.id,
            agreement: agreement_word(member.agreement()),
            role: role_word(member.role()),
            health: health_word(member.health()),
            term: member.term,
            last_log_index: member.last_log_index,
            applied_index: member.applied_index,
            lag_entries: member.lag_entries,
            revision: member.revision,
            digest: member.digest,
            version: member.version,
            uptime_s: member.uptime_s,
            client_address: member.client_address,
            peer_address: member.peer_address,
            name: member.name,
            voter: member.voter,
            alarms: member.alarms,
            clock_offset_ms: member.clock_offset_ms,
            round_trip_us: member.round_trip_us,
            disk: member.disk.unwrap_or_default().into(),
        }
    }
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Unspecified => "unknown",
        Role::Leader => "leader",
        Role::Follower => "follower",
        Role::Candidate => "candidate",
        Role::Learner => "learner",
    }
}

fn agreement_word(agreement: Agreement) -> &'static str {
    match agreement {
        Agreement::Unspecified => "unknown",
        Agreement::Agrees => "agrees",
        Agreement::Differs => "differs",
    }
}

const OK: &str = "ok";
const UNREACHABLE: &str = "unreachable";

fn health_word(health: Health) -> &'static str {
    match health {
        Health::Unspecified => "unknown",
        Health::Ok => OK,
        Health::NoLeader => "no-leader",
        Health::Lagging => "lagging",
        Health::Unreachable => UNREACHABLE,
        Health::Recovering => "recovering",
        Health::Corrupt => "corrupt",
    }
}

impl ClusterReport {
    /// Whether the cluster serves; what the exit code says.
    pub(super) fn judge(&self) -> Result<(), Failure> {
        if self.leader_id.is_none() {
            let message = format!("node {} knows no leader: the cluster takes no writes", self.answered_by);
            let hint = "most of the nodes must run and reach one another";
            return Err(Failure::new(Exit::Unavailable, message).with_hint(hint));
        }
        self.judge_quorum()
    }

    /// A leader that has lost the others calls itself leader for a while; it takes no writes.
    fn judge_quorum(&self) -> Result<(), Failure> {
        let voters = || self.members.iter().filter(|member| member.voter);
        let all = voters().count();
        let answering = voters().filter(|member| member.health != UNREACHABLE).count();
        if answering * 2 > all {
            return Ok(());
        }
        let message =
            format!("only {answering} of {all} voters answer node {}: there is no quorum", self.answered_by);
        Err(Failure::new(Exit::Unavailable, message)
            .with_hint("start the others, or mend the network between them"))
    }
}

impl Report for ClusterReport {
    fn text(&self, paint: Paint) -> String {
        let leader = self.leader_id.map_or_else(|| "none known".to_owned(), |id| format!("node {id}"));
        let leader = if self.leader_id.is_some() { leader } else { paint.deleted(&leader) };
        let mut columns = Columns::new(
            &[
                ">ID",
                "NAME",
                "VOTE",
                "ROLE",
                "HEALTH",
                ">TERM",
                ">APPLIED",
                ">LAG",
                ">REVISION",
                ">FSYNC P99",
                ">DISK FREE",
                "ALARMS",
                "VERSION",
                "UPTIME",
                "CLIENTS AT",
            ],
            paint,
        );
        for member in &self.members {
            columns.row(member.cells());
        }
        let waiting = self.admissions.iter().map(AdmissionReport::line).collect::<String>();
        format!(
            "cluster  {} ({})\nleader   {leader}, term {}\nseen by  node {}\n\n{}{waiting}",
            text::one_line(&self.cluster_name, 64),
            self.cluster_id,
            self.term,
            self.answered_by,
            columns.into_text()
        )
    }
}

impl AdmissionReport {
    fn line(&self) -> String {
        let (name, address) = (text::one_line(&self.name, 40), text::one_line(&self.peer_address, 80));
        format!("node {} ({name}) was admitted and has not joined yet: {address}\n", self.id)
    }
}

impl MemberReport {
    fn cells(&self) -> [Cell; 15] {
        let known = |text: String| Cell::new(if self.health == UNREACHABLE { "-" } else { &text });
        [
            Cell::new(self.id),
            Cell::new(if self.name.is_empty() { "-".to_owned() } else { text::one_line(&self.name, 40) }),
            Cell::new(if self.voter { "yes" } else { "no" }),
            Cell::new(self.role),
            Cell::new(self.health).fg(if self.health == OK { Color::Green } else { Color::Red }),
            known(self.term.to_string()),
            known(self.applied_index.to_string()),
            known(self.lag_entries.to_string()),
            known(self.revision.to_string()),
            known(self.disk.fsync_p99()),
            known(self.disk.free()),
            known(self.alarms()).fg(if self.alarms.is_empty() { Color::Reset } else { Color::Red }),
            known(text::one_line(&self.version, 20)),
            known(text::duration(self.uptime_s)),
            Cell::new(text::one_line(&self.client_address, 80)),
        ]
    }

    fn alarms(&self) -> String {
        if self.alarms.is_empty() { "none".to_owned() } else { text::one_line(&self.alarms.join(","), 60) }
    }
}

impl DiskReport {
    fn fsync_p99(&self) -> String {
        if self.fsync_p99_us == 0 { "-".to_owned() } else { text::millis(self.fsync_p99_us) }
    }

    fn free(&self) -> String {
        if self.total_bytes == 0 { "-".to_owned() } else { text::size(self.free_bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: u64, role: Role, health: Health) -> Member {
        Member {
            id,
            role: role.into(),
            health: health.into(),
            term: 5,
            last_log_index: 120,
            applied_index: 120 - id,
            lag_entries: id,
            revision: 80,
            digest: "ab".repeat(16),
            version: "0.1.0".into(),
            uptime_s: 3_700,
            client_address: format!("http://db{id}:4101"),
            peer_address: format!("db{id}:4201"),
            name: if id == 3 { String::new() } else { format!("db{id}") },
            voter: true,
            alarms: if id == 2 { vec!["slow-disk".into()] } else { Vec::new() },
            disk: Some(Disk {
                free_bytes: 5 << 30,
                total_bytes: 9 << 30,
                fsync_p99_us: 1_234,
                ..Disk::default()
            }),
            agreement: Agreement::Agrees.into(),
            ..Member::default()
        }
    }

    fn report(leader_id: u64) -> ClusterReport {
        ClusterReport::from(GetStatusResponse {
            cluster_id: "00ff".into(),
            cluster_name: "conclave".into(),
            answered_by: 1,
            leader_id,
            term: 5,
            members: vec![
                member(1, Role::Follower, Health::Ok),
                member(2, Role::Leader, Health::Ok),
                Member { digest: String::new(), ..member(3, Role::Unspecified, Health::Unreachable) },
            ],
            ..GetStatusResponse::default()
        })
    }

    #[test]
    fn the_table_shows_every_member() {
        let expected = "\
cluster  conclave (00ff)
leader   node 2, term 5
seen by  node 1

ID  NAME  VOTE  ROLE      HEALTH       TERM  APPLIED  LAG  REVISION  FSYNC P99  DISK FREE  ALARMS     VERSION  UPTIME  CLIENTS AT
 1  db1   yes   follower  ok              5      119    1        80     1.2 ms    5.0 GiB  none       0.1.0    1h 1m   http://db1:4101
 2  db2   yes   leader    ok              5      118    2        80     1.2 ms    5.0 GiB  slow-disk  0.1.0    1h 1m   http://db2:4101
 3  -     yes   unknown   unreachable     -        -    -         -          -          -  -          -        -       http://db3:4101
";
        assert_eq!(report(2).text(Paint::PLAIN), expected);
    }

    #[test]
    fn json_has_no_leader_where_none_is_known() {
        let json = serde_json::to_value(report(0)).expect("it is plain data");
        assert_eq!(json["leader_id"], serde_json::Value::Null);
        assert_eq!(json["members"][1]["role"], "leader");
        assert_eq!(json["members"][2]["health"], "unreachable");
        assert_eq!(
            (&json["members"][1]["alarms"][0], &json["members"][1]["agreement"]),
            (&"slow-disk".into(), &"agrees".into())
        );
        assert_eq!(json["members"][1]["disk"]["fsync_p99_us"], 1_234);
    }

    #[test]
    fn without_a_leader_the_exit_code_says_so() {
        assert_eq!(report(2).judge(), Ok(()));
        let failure = report(0).judge().expect_err("nobody leads");
        assert_eq!(failure.exit(), Exit::Unavailable);
    }

    #[test]
    fn a_leader_without_a_quorum_is_none() {
        let mut alone = report(2);
        alone.members[0].health = UNREACHABLE;
        let failure = alone.judge().expect_err("one of three answers");
        assert_eq!(failure.exit(), Exit::Unavailable);
        assert!(failure.to_string().contains("only 1 of 3 voters answer"), "{failure}");
    }
}
