//! What was measured, as lines for people.

use std::fmt;
use std::time::Duration;

/// Figures with their goals, in the order in which they were measured.
#[derive(Debug, Default)]
pub(crate) struct Report {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    what: String,
    figure: String,
    goal: Option<Goal>,
}

#[derive(Debug)]
struct Goal {
    text: String,
    reached: bool,
}

impl Report {
    pub(crate) fn duration(&mut self, what: &str, found: Duration, goal: Option<Duration>) {
        let goal = goal.map(|goal| Goal { text: format!("under {goal:?}"), reached: found < goal });
        self.add(what, format!("{:.2} s", found.as_secs_f64()), goal);
    }

    pub(crate) fn size(&mut self, what: &str, found_bytes: u64, goal_bytes: Option<u64>) {
        let goal =
            goal_bytes.map(|goal| Goal { text: format!("under {}", mib(goal)), reached: found_bytes < goal });
        self.add(what, mib(found_bytes), goal);
    }

    pub(crate) fn rate(&mut self, what: &str, count: u64, took: Duration) {
        self.add(what, format!("{:.0} a second", count as f64 / took.as_secs_f64()), None);
    }

    fn add(&mut self, what: &str, figure: String, goal: Option<Goal>) {
        self.lines.push(Line { what: what.to_owned(), figure, goal });
    }
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Line { what, figure, goal } in &self.lines {
            write!(out, "{what:<52} {figure:>14}")?;
            if let Some(Goal { text, reached }) = goal {
                write!(out, "   goal: {text}{}", if *reached { "" } else { "  MISSED" })?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_goal_is_told() {
        let mut report = Report::default();
        report.duration("start", Duration::from_millis(2_500), Some(Duration::from_secs(2)));
        report.size("memory", 100 << 20, Some(150 << 20));
        let text = report.to_string();
        assert!(text.contains("2.50 s   goal: under 2s  MISSED"), "{text}");
        assert!(text.contains("100.0 MiB   goal: under 150.0 MiB\n"), "{text}");
    }
}
