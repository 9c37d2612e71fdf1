//! What was measured, as lines for people: a report for each part, printed when the part is through.

use std::fmt;
use std::time::Duration;

/// Figures with their goals, in the order in which they were measured.
#[derive(Debug)]
pub(crate) struct Report {
    title: String,
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
    pub(crate) fn titled(title: impl Into<String>) -> Self {
        Self { title: title.into(), lines: Vec::new() }
    }

    pub(crate) fn duration(&mut self, what: &str, found: Duration, goal: Option<Duration>) {
        let goal = goal.map(|goal| Goal { text: format!("under {goal:?}"), reached: found < goal });
        self.add(what, time(found), goal);
    }

    pub(crate) fn size(&mut self, what: &str, found_bytes: u64, goal_bytes: Option<u64>) {
        let goal =
            goal_bytes.map(|goal| Goal { text: format!("under {}", mib(goal)), reached: found_bytes < goal });
        self.add(what, mib(found_bytes), goal);
    }

    /// So many of something in all, and in each second.
    pub(crate) fn rate(&mut self, what: &str, count: u64, took: Duration) {
        let each_second = format!("{:.0}", count as f64 / took.as_secs_f64());
        let what = format!("{} {what}, in {}", grouped(&count.to_string()), time(took));
        self.add(&what, format!("{} a second", grouped(&each_second)), None);
    }

    /// How many times as long as `base` something took.
    pub(crate) fn ratio(&mut self, what: &str, found: Duration, base: Duration, goal_max: Option<f64>) {
        let times = found.as_secs_f64() / base.as_secs_f64().max(f64::EPSILON);
        let goal = goal_max.map(|max| Goal { text: format!("up to {max:.1} times"), reached: times <= max });
        self.add(what, format!("{times:.2} times"), goal);
    }

    /// How often something happened; a goal is the most that is good.
    pub(crate) fn count(&mut self, what: &str, found: u64, goal_max: Option<u64>) {
        let goal = goal_max.map(|max| Goal { text: format!("up to {max}"), reached: found <= max });
        self.add(what, grouped(&found.to_string()), goal);
    }

    /// What is no figure.
    pub(crate) fn fact(&mut self, what: &str, found: &str) {
        self.add(what, found.to_owned(), None);
    }

    /// For whoever waits: a measurement takes minutes.
    #[allow(clippy::print_stdout)]
    pub(crate) fn print(&self) {
        println!("{self}");
    }

    fn add(&mut self, what: &str, figure: String, goal: Option<Goal>) {
        self.lines.push(Line { what: what.to_owned(), figure, goal });
    }
}

/// A duration as it is read best: milliseconds below a second.
pub(crate) fn time(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 1.0 { format!("{:.2} ms", seconds * 1_000.0) } else { format!("{seconds:.2} s") }
}

/// A size as it is read best.
pub(crate) fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// Digits in groups of three.
pub(crate) fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}", self.title)?;
        for Line { what, figure, goal } in &self.lines {
            write!(out, "  {what:<58} {figure:>16}")?;
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
        let mut report = Report::titled("a part");
        report.duration("start", Duration::from_millis(2_500), Some(Duration::from_secs(2)));
        report.size("memory", 100 << 20, Some(150 << 20));
        report.ratio("p99", Duration::from_millis(9), Duration::from_millis(4), Some(2.0));
        report.count("elections", 0, Some(0));
        let text = report.to_string();
        assert!(text.starts_with("a part\n  start "), "{text}");
        assert!(text.contains("2.50 s   goal: under 2s  MISSED"), "{text}");
        assert!(text.contains("100.0 MiB   goal: under 150.0 MiB\n"), "{text}");
        assert!(text.contains("2.25 times   goal: up to 2.0 times  MISSED"), "{text}");
        assert!(text.contains("0   goal: up to 0\n"), "{text}");
    }

    #[test]
    fn figures_are_read_at_once() {
        assert_eq!(time(Duration::from_micros(1_234)), "1.23 ms");
        assert_eq!(time(Duration::from_millis(61_230)), "61.23 s");
        assert_eq!(["7", "100", "1000", "1234567"].map(grouped), ["7", "100", "1,000", "1,234,567"]);
    }
}
