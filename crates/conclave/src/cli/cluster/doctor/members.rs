//! What the members say of themselves: each check looks at all of them, and finds one thing or several.

use std::collections::BTreeSet;

use conclave_client::cluster::{Agreement, Disk, GetStatusResponse, Health, Member};

use super::Finding;
use crate::cli::text;

/// Clocks that are further apart make the times of versions hard to compare.
const CLOCK_OFFSET_WARNING_MS: u64 = 500;
/// Clocks that are further apart are wrong.
const CLOCK_OFFSET_FAULT_MS: u64 = 10_000;
/// A write waits for an fsync: when one in a hundred takes longer, writes are slow.
const FSYNC_WARNING_US: u64 = 25_000;
/// When one in a hundred takes longer, leaders are lost over it.
const FSYNC_FAULT_US: u64 = 500_000;
/// A disk with less than one part in so many free is nearly full.
const FREE_PART_MIN: u64 = 10;
/// Replication between nodes that are further apart is slow.
const ROUND_TRIP_WARNING_US: u64 = 100_000;

/// All checks, in the order in which an operator should see to them.
pub(super) fn examine(status: &GetStatusResponse) -> Vec<Finding> {
    let checks: [fn(&GetStatusResponse) -> Vec<Finding>; 10] =
        [leader, answering, quorum, digests, alarms, lag, clocks, disks, versions, admissions];
    let findings = checks.iter().flat_map(|check| check(status));
    findings.chain([Finding::note("certificates", "none: nodes and clients speak without TLS")]).collect()
}

fn leader(status: &GetStatusResponse) -> Vec<Finding> {
    vec![if status.leader_id == 0 {
        let seen = format!("node {} knows no leader: no writes are taken", status.answered_by);
        Finding::fault("leader", seen, "most of the voters must run and reach one another")
    } else {
        Finding::ok("leader", format!("node {} leads in term {}", status.leader_id, status.term))
    }]
}

fn answering(status: &GetStatusResponse) -> Vec<Finding> {
    let ill = status.members.iter().filter_map(|member| {
        let node = name(member);
        match member.health() {
            Health::Unreachable => {
                let advice = format!(
                    "start it; if it does not come back, put another one in its place: `conclave cluster add`, then \
                     `conclave cluster replace {} NEW`",
                    member.id
                );
                Some(Finding::fault("members", format!("{node} does not answer"), advice))
            }
            Health::NoLeader => {
                let seen = format!("{node} knows no leader");
                Some(Finding::fault("members", seen, "check its network to the other nodes"))
            }
            Health::Recovering => {
                Some(Finding::note("members", format!("{node} has just started and still replays its log")))
            }
            Health::Unspecified | Health::Ok | Health::Lagging | Health::Corrupt => None,
        }
    });
    or_ok(ill.collect(), || Finding::ok("members", format!("all {} answer", status.members.len())))
}

/// How many voters may still fail.
fn quorum(status: &GetStatusResponse) -> Vec<Finding> {
    let voters = status.members.iter().filter(|member| member.voter);
    let well = voters.clone().filter(|voter| voter.health() != Health::Unreachable).count();
    let all = voters.count();
    let needed = all / 2 + 1;
    let seen = format!("{well} of {all} voters answer, {needed} are needed");
    vec![match well.checked_sub(needed) {
        None => Finding::fault("quorum", seen, "start the others, or mend the network between them"),
        Some(0) if all < 3 => Finding::warning(
            "quorum",
            format!("{seen}: none may fail"),
            "three voters survive the loss of one: `conclave cluster add`, then `conclave cluster promote ID`",
        ),
        Some(0) => {
            Finding::warning("quorum", format!("{seen}: none may fail"), "see to those that do not answer")
        }
        Some(spare) if all.is_multiple_of(2) => Finding::warning(
            "quorum",
            format!("{seen}: {spare} may fail"),
            "an even number of voters survives no more losses than one less: add a voter or demote one",
        ),
        Some(spare) => Finding::ok("quorum", format!("{seen}: {spare} may fail")),
    }]
}

fn digests(status: &GetStatusResponse) -> Vec<Finding> {
    let differing = status.members.iter().filter(|member| member.agreement() == Agreement::Differs);
    let wrong = differing.map(|member| {
        let seen = format!("{} has not applied what most others have: its data is wrong", name(member));
        let advice = format!(
            "it serves nothing any more: put another one in its place (`conclave cluster add`, `conclave cluster \
             replace {} NEW`), and keep its data directory to find out why",
            member.id
        );
        Finding::fault("digests", seen, advice)
    });
    or_ok(wrong.collect(), || {
        let compared = status.members.iter().filter(|member| member.agreement() == Agreement::Agrees).count();
        if compared < 2 {
            Finding::note("digests", "no two members can be compared at the moment")
        } else {
            Finding::ok("digests", format!("those of {compared} members are equal"))
        }
    })
}

fn alarms(status: &GetStatusResponse) -> Vec<Finding> {
    let raised = status.members.iter().flat_map(|member| {
        member.alarms.iter().map(|alarm| {
            let seen = format!("{}: {}", name(member), text::one_line(alarm, 40));
            let advice = match alarm.as_str() {
                "no-space" => "make room on its disk, or make the disk larger: the alarm ends by itself",
                "slow-disk" => "see what else writes to its disk; the log wants a disk of its own",
                "corrupt" => "replace the node",
                "clock-ahead" => "mend its time service (chrony, ntpd): until then it does not lead",
                _ => "see the node's log",
            };
            Finding::fault("alarms", seen, advice)
        })
    });
    or_ok(raised.collect(), || Finding::ok("alarms", "none is raised"))
}

fn lag(status: &GetStatusResponse) -> Vec<Finding> {
    let lagging = status.members.iter().filter(|member| member.health() == Health::Lagging);
    let behind = lagging.map(|member| {
        let seen = format!("{} is {} entries behind", name(member), text::grouped(member.lag_entries));
        Finding::warning("lag", seen, "if it does not become less: its disk or its network is too slow")
    });
    or_ok(behind.collect(), || {
        let most = status.members.iter().map(|member| member.lag_entries).max().unwrap_or(0);
        Finding::ok("lag", format!("{} entries at most", text::grouped(most)))
    })
}

fn clocks(status: &GetStatusResponse) -> Vec<Finding> {
    let told = || status.members.iter().filter(|member| member.disk.is_some());
    let apart = told().filter_map(|member| {
        // What the round trip leaves open is not held against the clock.
        let certain_ms = member.clock_offset_ms.unsigned_abs().saturating_sub(member.round_trip_us / 2_000);
        let way = if member.clock_offset_ms < 0 { "behind" } else { "ahead of" };
        let offset_ms = member.clock_offset_ms.unsigned_abs();
        let seen = format!("{} is {offset_ms} ms {way} node {}", name(member), status.answered_by);
        let advice = "check the time service (chrony, ntpd) of both: versions carry the leader's time";
        match certain_ms {
            CLOCK_OFFSET_FAULT_MS.. => Some(Finding::fault("clocks", seen, advice)),
            CLOCK_OFFSET_WARNING_MS.. => Some(Finding::warning("clocks", seen, advice)),
            _ => None,
        }
    });
    or_ok(apart.collect(), || {
        let most = told().map(|member| member.clock_offset_ms.unsigned_abs()).max().unwrap_or(0);
        Finding::ok("clocks", format!("{most} ms apart at most"))
    })
}

fn disks(status: &GetStatusResponse) -> Vec<Finding> {
    let told = || status.members.iter().filter_map(|member| Some((member, member.disk.as_ref()?)));
    let poor = told().flat_map(|(member, disk)| {
        [slow(member, disk), nearly_full(member, disk), far(member)].into_iter().flatten()
    });
    or_ok(poor.collect(), || {
        let slowest = told().map(|(_, disk)| disk.fsync_p99_us).max().unwrap_or(0);
        let free = told().filter(|(_, disk)| disk.total_bytes > 0).map(|(_, disk)| disk.free_bytes).min();
        let free = free
            .map_or_else(|| "unknown room".to_owned(), |free| format!("{} free at least", text::size(free)));
        Finding::ok("disks", format!("99 of 100 fsyncs take {} at most, {free}", text::millis(slowest)))
    })
}

fn slow(member: &Member, disk: &Disk) -> Option<Finding> {
    let seen =
        || format!("{}: 1 of 100 fsyncs takes longer than {}", name(member), text::millis(disk.fsync_p99_us));
    let advice = "see what else writes to its disk; the log wants a fast disk of its own";
    match disk.fsync_p99_us {
        FSYNC_FAULT_US.. => Some(Finding::fault("disks", seen(), advice)),
        FSYNC_WARNING_US.. => Some(Finding::warning("disks", seen(), advice)),
        _ => None,
    }
}

fn nearly_full(member: &Member, disk: &Disk) -> Option<Finding> {
    let is_near = disk.total_bytes > 0 && disk.free_bytes < disk.total_bytes / FREE_PART_MIN;
    is_near.then(|| {
        let (free, total) = (text::size(disk.free_bytes), text::size(disk.total_bytes));
        let seen = format!("{}: {free} of {total} are free", name(member));
        Finding::warning("disks", seen, "make room before the node refuses writes (space_reserve_bytes)")
    })
}

fn far(member: &Member) -> Option<Finding> {
    (member.round_trip_us >= ROUND_TRIP_WARNING_US).then(|| {
        let seen = format!("{} took {} to answer", name(member), text::millis(member.round_trip_us));
        Finding::warning(
            "disks",
            seen,
            "the machine has too much to do, or the network is slow: writes wait for it",
        )
    })
}

fn versions(status: &GetStatusResponse) -> Vec<Finding> {
    let told = status.members.iter().filter(|member| !member.version.is_empty());
    let versions: BTreeSet<String> = told.map(|member| text::one_line(&member.version, 20)).collect();
    let list = versions.iter().cloned().collect::<Vec<_>>().join(", ");
    vec![if versions.len() > 1 {
        Finding::warning("versions", format!("the nodes run different ones: {list}"), "end the upgrade")
    } else {
        Finding::ok("versions", format!("all run {list}"))
    }]
}

fn admissions(status: &GetStatusResponse) -> Vec<Finding> {
    let waiting = status.admissions.iter().map(|admission| {
        let seen = format!(
            "node {} ({}) may join until {}",
            admission.id,
            text::one_line(&admission.name, 40),
            text::time(admission.expires_ms)
        );
        Finding::note("admissions", seen)
    });
    let learners = status.members.iter().filter(|member| !member.voter && member.health() == Health::Ok);
    let ready = learners.map(|member| {
        let seen = format!("{} is a learner and has caught up", name(member));
        let advice =
            format!("`conclave cluster promote {}` gives it a vote, if it is to have one", member.id);
        Finding { advice, ..Finding::note("admissions", seen) }
    });
    waiting.chain(ready).collect()
}

fn name(member: &Member) -> String {
    match member.name.as_str() {
        "" => format!("node {}", member.id),
        name => format!("node {} ({})", member.id, text::one_line(name, 40)),
    }
}

fn or_ok(findings: Vec<Finding>, ok: impl FnOnce() -> Finding) -> Vec<Finding> {
    if findings.is_empty() { vec![ok()] } else { findings }
}

#[cfg(test)]
mod tests;
