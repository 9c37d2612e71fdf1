//! What was done and found, as lines for people.

use std::time::Duration;
use std::{fmt, iter};

use conclave_checker::kv::Answer;
use conclave_checker::{End, History};

use crate::checks::{AgainstTruth, Found};
use crate::clients::kv::KvHistory;
use crate::damage::Damaged;
use crate::noted::Noted;
use crate::run::ELECTION_MS;
use crate::stage::Told;

/// So many of what must not be are told in words.
const TOLD_MAX: usize = 20;

/// Bits that were turned over between nodes.
#[derive(Default, Clone, Copy)]
pub(crate) struct Wire {
    pub(crate) bits: u64,
    /// How often a node closed a connection because of one: what came after it does not count.
    pub(crate) found: u64,
}

/// A run, told.
pub(crate) struct Report {
    pub(crate) told: Told,
    pub(crate) found: Found,
    pub(crate) wire: Wire,
    operations: Vec<(&'static str, usize, usize)>,
    gaps: Vec<Duration>,
}

impl Report {
    pub(crate) fn of(noted: &Noted, mut told: Told, found: Found) -> Self {
        let operations = vec![
            operations("plain keys", &noted.keys),
            operations("configuration", &noted.config),
            operations("locks", &noted.locks),
        ];
        let gaps = gaps(&noted.keys, &told.leader_kills_ns);
        told.rejoins.sort();
        Self { told, found, wire: Wire::default(), operations, gaps }
    }

    /// All that must not be.
    pub(crate) fn violations(&self) -> impl Iterator<Item = &String> {
        self.told.wrong.iter().chain(&self.found.violations)
    }

    pub(crate) fn passed(&self) -> bool {
        self.violations().next().is_none()
    }

    /// The lines of the table: what, and how much.
    fn lines(&self) -> Vec<(String, String)> {
        let mut lines = Vec::new();
        let mut line = |what: &str, value: String| lines.push((what.to_owned(), value));
        let all: usize = self.operations.iter().map(|(_, all, _)| all).sum();
        line("operations checked", all.to_string());
        for (name, all, answered) in &self.operations {
            line(&format!("  {name}"), format!("{all}, {answered} of them answered"));
        }
        line("faults", self.told.counts.values().sum::<u64>().to_string());
        for (kind, count) in &self.told.counts {
            line(&format!("  {}", kind.name()), count.to_string());
        }
        line("violations", self.violations().count().to_string());
        let seen = |count: fn(&AgainstTruth) -> (u64, u64)| {
            let counted = self.found.against_truth.as_ref().map(count);
            counted.map_or_else(|| "not known".into(), |(part, all)| format!("{part} of {all}"))
        };
        line("acknowledged writes lost", seen(|seen| (seen.lost_writes, seen.writes)));
        line("watch events lost", seen(|seen| (seen.lost_events, seen.events)));
        line("watch events repeated", seen(|seen| (seen.repeated_events, seen.events)));
        let election = format!("elections of {} to {} ms", ELECTION_MS.0, ELECTION_MS.1);
        line(&format!("leaders killed, {election}"), self.told.leader_kills_ns.len().to_string());
        line("  to the next acknowledged write", percentiles(&self.gaps));
        line("nodes wiped", self.told.rejoins.len().to_string());
        line("  until another votes in its place", percentiles(&self.told.rejoins));
        self.damages().for_each(|(what, value)| line(&what, value));
        let Wire { bits, found } = self.wire;
        line("bits turned over between nodes", format!("{bits}, {found} connections closed for that"));
        lines
    }

    /// What was damaged and found, in all and by part.
    fn damages(&self) -> impl Iterator<Item = (String, String)> {
        let told = |it: &Damaged| format!("{} found and {} mended of {}", it.found, it.mended, it.times);
        let all = self.told.damages.values().fold(Damaged::default(), |sum, it| sum + *it);
        let parts = self.told.damages.iter();
        let parts = parts.map(move |(part, damaged)| (format!("  {}", part.name()), told(damaged)));
        iter::once(("damaged files".to_owned(), told(&all))).chain(parts)
    }
}

fn percentiles(sorted: &[Duration]) -> String {
    match (percentile(sorted, 50), percentile(sorted, 99)) {
        (Some(p50), Some(p99)) => {
            format!("p50 {} ms, p99 {} ms, of {}", p50.as_millis(), p99.as_millis(), sorted.len())
        }
        _ => "not measured".to_owned(),
    }
}

/// How many operations there were, and how many were answered.
fn operations<C, A>(name: &'static str, history: &History<C, A>) -> (&'static str, usize, usize) {
    let answered = history.operations().iter().filter(|operation| operation.end.answer().is_some());
    (name, history.operations().len(), answered.count())
}

/// From each of these moments to the end of the first write that was called after it and acknowledged.
fn gaps(history: &KvHistory, moments_ns: &[u64]) -> Vec<Duration> {
    let written = history.operations().iter().filter_map(|operation| match operation.end {
        End::Answered { at_ns, answer: Answer::Written { .. } } => Some((operation.called_ns, at_ns)),
        _ => None,
    });
    let written: Vec<_> = written.collect();
    let gap = |moment_ns: &u64| {
        let after = written.iter().filter(|(called_ns, _)| called_ns > moment_ns);
        let first_ns = after.map(|(_, at_ns)| *at_ns).min()?;
        Some(Duration::from_nanos(first_ns - moment_ns))
    };
    let mut gaps: Vec<_> = moments_ns.iter().filter_map(gap).collect();
    gaps.sort();
    gaps
}

/// The value that so many percent do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, value) in self.lines() {
            writeln!(out, "{what:<46} {value}")?;
        }
        for violation in self.violations().take(TOLD_MAX) {
            writeln!(out, "\n{}", violation.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use conclave_checker::Operation;
    use conclave_checker::kv::Call;

    use super::*;

    fn write(called_ns: u64, at_ns: u64) -> Operation<Call, Answer> {
        let end = End::Answered { at_ns, answer: Answer::Written { revision: at_ns } };
        Operation { client: 1, called_ns, call: Call::put("k", "v"), end }
    }

    #[test]
    fn a_gap_ends_with_a_write_that_was_called_after_the_kill() {
        let unknown = Operation { end: End::Unknown, ..write(11, 0) };
        let history: KvHistory = [write(5, 12), unknown, write(15, 40), write(20, 30)].into_iter().collect();
        assert_eq!(gaps(&history, &[10, 50]), [Duration::from_nanos(20)]);
    }

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let sorted: Vec<_> = (1..=10).map(Duration::from_secs).collect();
        assert_eq!(percentile(&sorted, 50), Some(Duration::from_secs(5)));
        assert_eq!(percentile(&sorted, 99), Some(Duration::from_secs(10)));
        assert_eq!(percentile(&[], 50), None);
    }
}
