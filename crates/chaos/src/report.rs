//! What was done and found, as lines for people.

use std::fmt::{self, Write as _};
use std::time::Duration;

use conclave_checker::kv::Answer;
use conclave_checker::{End, History};

use crate::checks::Found;
use crate::clients::kv::KvHistory;
use crate::nemesis::Counts;
use crate::noted::Noted;
use crate::stage::Told;

/// So many of what must not be are told in words.
const TOLD_MAX: usize = 20;

/// A run, told.
pub(crate) struct Report {
    pub(crate) counts: Counts,
    pub(crate) told: Told,
    pub(crate) found: Found,
    pub(crate) bits_on_the_wire: u64,
    operations: Vec<(&'static str, usize, usize)>,
    events: usize,
    gaps: Vec<Duration>,
}

impl Report {
    pub(crate) fn of(noted: &Noted, counts: Counts, told: Told, found: Found) -> Self {
        let operations = vec![
            operations("plain keys", &noted.keys),
            operations("configuration", &noted.config),
            operations("locks", &noted.locks),
        ];
        let watches = noted.key_watches.iter().chain(&noted.config_watches);
        let events = watches.map(|account| account.entries.len()).sum();
        let gaps = gaps(&noted.keys, &told.leader_kills_ns);
        Self { counts, told, found, bits_on_the_wire: 0, operations, events, gaps }
    }

    /// All that must not be.
    pub(crate) fn violations(&self) -> impl Iterator<Item = &String> {
        self.told.wrong.iter().chain(&self.found.violations)
    }

    pub(crate) fn passed(&self) -> bool {
        self.violations().next().is_none()
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
        let faults = self.counts.values().sum::<u64>();
        writeln!(out, "{faults} faults")?;
        for (kind, count) in &self.counts {
            writeln!(out, "  {:<34} {count:>7}", kind.name())?;
        }
        writeln!(out, "operations, and of these answered")?;
        for (name, all, answered) in &self.operations {
            writeln!(out, "  {name:<34} {all:>7} {answered:>7}")?;
        }
        let mut line = |what: &str, value: String| writeln!(out, "{what:<36} {value:>7}");
        line("changes told to watchers", self.events.to_string())?;
        line("acknowledged writes lost", self.found.lost_writes.to_string())?;
        line("watchers told something wrong", self.found.wrong_watches.to_string())?;
        let Told { damaged_files, damaged_files_found, .. } = &self.told;
        if *damaged_files > 0 {
            line("files damaged", damaged_files.to_string())?;
            line("  of these, the node was stopped", damaged_files_found.to_string())?;
        }
        if self.bits_on_the_wire > 0 {
            line("bits turned over between nodes", self.bits_on_the_wire.to_string())?;
        }
        if let (Some(p50), Some(p99)) = (percentile(&self.gaps, 50), percentile(&self.gaps, 99)) {
            line("leaders killed alone", self.gaps.len().to_string())?;
            line("  to the next write, p50", format!("{} ms", p50.as_millis()))?;
            line("  to the next write, p99", format!("{} ms", p99.as_millis()))?;
        }
        line("violations", self.violations().count().to_string())?;
        let mut text = String::new();
        for violation in self.violations().take(TOLD_MAX) {
            let _ = writeln!(text, "\n{}", violation.trim_end());
        }
        out.write_str(&text)
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
