//! The checks over clusters that are well, and such as are not.

use conclave_client::cluster::Admission;

use super::super::Severity;
use super::*;

fn member(id: u64) -> Member {
    let disk = Disk { free_bytes: 50 << 30, total_bytes: 100 << 30, fsync_p99_us: 900, ..Disk::default() };
    Member {
        id,
        name: format!("db{id}"),
        voter: true,
        version: "0.1.0".into(),
        health: Health::Ok.into(),
        agreement: Agreement::Agrees.into(),
        disk: Some(disk),
        ..Member::default()
    }
}

fn cluster(members: Vec<Member>) -> GetStatusResponse {
    GetStatusResponse { leader_id: 1, term: 4, answered_by: 1, members, ..GetStatusResponse::default() }
}

fn three() -> GetStatusResponse {
    cluster((1..=3).map(member).collect())
}

/// What is worse than a note, as "check: what was seen".
fn found(status: &GetStatusResponse) -> Vec<(Severity, String)> {
    let findings = examine(status).into_iter().filter(|finding| finding.severity > Severity::Note);
    findings.map(|finding| (finding.severity, format!("{}: {}", finding.check, finding.seen))).collect()
}

fn only(status: &GetStatusResponse) -> (Severity, String) {
    let found = found(status);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().expect("there is one")
}

#[test]
fn of_a_cluster_that_is_well_every_check_says_so() {
    let findings = examine(&three());
    assert_eq!(found(&three()), []);
    let checks: Vec<_> = findings.iter().map(|finding| (finding.severity, finding.check)).collect();
    let well = ["leader", "members", "quorum", "digests", "alarms", "lag", "clocks", "disks", "versions"];
    let mut expected: Vec<_> = well.map(|check| (Severity::Ok, check)).into();
    expected.push((Severity::Note, "certificates"));
    assert_eq!(checks, expected);
}

#[test]
fn without_a_leader_or_a_quorum_nothing_works() {
    let mut status = three();
    status.leader_id = 0;
    for member in &mut status.members[1..] {
        member.health = Health::Unreachable.into();
    }
    let found = found(&status);
    let expected = [
        (Severity::Fault, "leader: node 1 knows no leader: no writes are taken"),
        (Severity::Fault, "members: node 2 (db2) does not answer"),
        (Severity::Fault, "members: node 3 (db3) does not answer"),
        (Severity::Fault, "quorum: 1 of 3 voters answer, 2 are needed"),
    ];
    assert_eq!(found, expected.map(|(severity, text)| (severity, text.to_owned())));
}

#[test]
fn what_may_not_fail_any_more_is_a_warning() {
    let alone = only(&cluster(vec![member(1)]));
    assert_eq!(
        alone,
        (Severity::Warning, "quorum: 1 of 1 voters answer, 1 are needed: none may fail".into())
    );
    let four = only(&cluster((1..=4).map(member).collect()));
    assert_eq!(four, (Severity::Warning, "quorum: 4 of 4 voters answer, 3 are needed: 1 may fail".into()));
}

#[test]
fn data_that_differs_is_a_fault() {
    let mut status = three();
    status.members[2].agreement = Agreement::Differs.into();
    let (severity, seen) = only(&status);
    assert_eq!(severity, Severity::Fault);
    assert!(seen.starts_with("digests: node 3 (db3) has not applied what most others have"), "{seen}");
}

#[test]
fn alarms_and_lag_are_told() {
    let mut status = three();
    status.members[0].alarms = vec!["no-space".into()];
    status.members[1].health = Health::Lagging.into();
    status.members[1].lag_entries = 12_345;
    let expected = [
        (Severity::Fault, "alarms: node 1 (db1): no-space".to_owned()),
        (Severity::Warning, "lag: node 2 (db2) is 12,345 entries behind".to_owned()),
    ];
    assert_eq!(found(&status), expected);
}

#[test]
fn each_alarm_has_advice_of_its_own() {
    let advice = |alarm: &str| {
        let mut status = three();
        status.members[0].alarms = vec![alarm.into()];
        let findings = examine(&status).into_iter().filter(|finding| finding.check == "alarms");
        findings.map(|finding| finding.advice).collect::<String>()
    };
    for alarm in ["no-space", "slow-disk", "corrupt", "clock-ahead"] {
        assert_ne!(advice(alarm), advice("of another version"), "{alarm}");
    }
}

#[test]
fn what_the_round_trip_leaves_open_is_not_held_against_a_clock() {
    let offset = |clock_offset_ms, round_trip_us| {
        let mut status = three();
        status.members[1].clock_offset_ms = clock_offset_ms;
        status.members[1].round_trip_us = round_trip_us;
        found(&status)
    };
    assert_eq!(offset(499, 0), []);
    assert_eq!(offset(540, 90_000), []);
    let behind = (Severity::Warning, "clocks: node 2 (db2) is 600 ms behind node 1".to_owned());
    assert_eq!(offset(-600, 90_000), [behind]);
    assert_eq!(offset(i64::MIN, 0)[0].0, Severity::Fault);
}

#[test]
fn disks_that_are_slow_or_nearly_full_are_told() {
    let with = |disk: Disk| {
        let mut status = three();
        status.members[0].disk = Some(disk);
        found(&status)
    };
    let slow = with(Disk { fsync_p99_us: 25_000, ..Disk::default() });
    assert_eq!(
        slow,
        [(Severity::Warning, "disks: node 1 (db1): 1 of 100 fsyncs takes longer than 25.0 ms".into())]
    );
    let full = with(Disk { free_bytes: 9 << 20, total_bytes: 100 << 20, ..Disk::default() });
    assert_eq!(full, [(Severity::Warning, "disks: node 1 (db1): 9.0 MiB of 100.0 MiB are free".into())]);
    assert_eq!(with(Disk { fsync_p99_us: 500_000, ..Disk::default() })[0].0, Severity::Fault);
}

#[test]
fn versions_and_those_who_wait_are_told() {
    let mut status = three();
    status.members[1].version = "0.2.0".into();
    assert_eq!(
        only(&status),
        (Severity::Warning, "versions: the nodes run different ones: 0.1.0, 0.2.0".into())
    );
    let mut status = three();
    status.members.push(Member { voter: false, ..member(4) });
    status.admissions =
        vec![Admission { id: 5, name: "db5".into(), peer_address: "db5:4201".into(), expires_ms: 0 }];
    let notes: Vec<_> =
        examine(&status).into_iter().filter(|finding| finding.check == "admissions").collect();
    assert_eq!(notes.len(), 2);
    assert_eq!(notes[0].seen, "node 5 (db5) may join until 1970-01-01T00:00:00.000Z");
    assert_eq!(notes[1].seen, "node 4 (db4) is a learner and has caught up");
}
