//! `conclave cluster doctor`: what is wrong with the cluster or soon will be, and what to do about it.
//!
//! `members.rs` looks at what the members say of themselves, `limits.rs` at how near namespaces are to their bounds.
//! Both are functions of what was read: nothing is changed, and nothing is measured but by the nodes.

mod limits;
mod members;

use conclave_client::config::{GetDefaultsRequest, ListNamespacesRequest};
use serde::Serialize;

use super::super::colour::Paint;
use super::super::errors::Failure;
use super::super::exit::Exit;
use super::super::output::Report;
use super::super::session::Session;

/// Look for what is wrong, or soon will be, and say what to do; exit code 1 if something is wrong
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave cluster doctor
  conclave cluster doctor --output json | jq '.findings[] | select(.severity != \"ok\")'")]
pub(in crate::cli) struct Doctor {}

impl Doctor {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let Self {} = self;
        let status = session.client.cluster_status().await?;
        let mut findings = members::examine(&status);
        findings.extend(limits(session).await);
        let report = Findings { findings };
        session.output.show(&report)?;
        report.judge()
    }
}

/// Without a leader they cannot be read: the members' findings say why.
async fn limits(session: &Session) -> Vec<Finding> {
    let defaults = session.client.get_defaults(GetDefaultsRequest::default()).await;
    let namespaces = session.client.list_all_namespaces(ListNamespacesRequest::default()).await;
    match (defaults, namespaces) {
        (Ok(defaults), Ok(namespaces)) => limits::examine(&defaults, &namespaces),
        (Err(error), _) | (_, Err(error)) => {
            let advice = "see to the leader and the quorum first";
            vec![Finding::fault("limits", format!("they cannot be read: {error}"), advice)]
        }
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Severity {
    /// All is well.
    Ok,
    /// It works, and is worth knowing.
    Note,
    /// It works, and will not for long, or not after the next failure.
    Warning,
    /// It does not work.
    Fault,
}

/// What was seen, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    severity: Severity,
    /// What was looked at.
    check: &'static str,
    seen: String,
    /// Empty: nothing is to be done.
    advice: String,
}

impl Finding {
    fn ok(check: &'static str, seen: impl Into<String>) -> Self {
        Self { severity: Severity::Ok, check, seen: seen.into(), advice: String::new() }
    }

    fn note(check: &'static str, seen: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::ok(check, seen) }
    }

    fn warning(check: &'static str, seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, check, seen: seen.into(), advice: advice.into() }
    }

    fn fault(check: &'static str, seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { severity: Severity::Fault, check, seen: seen.into(), advice: advice.into() }
    }
}

#[derive(Debug, Serialize)]
struct Findings {
    findings: Vec<Finding>,
}

impl Findings {
    fn judge(&self) -> Result<(), Failure> {
        let faults = self.findings.iter().filter(|finding| finding.severity == Severity::Fault).count();
        let verb = if faults == 1 { "thing is" } else { "things are" };
        if faults == 0 { Ok(()) } else { Err(Failure::new(Exit::Failed, format!("{faults} {verb} wrong"))) }
    }
}

impl Report for Findings {
    fn text(&self, paint: Paint) -> String {
        self.findings.iter().fold(String::new(), |text, finding| text + &line(finding, paint))
    }
}

fn line(finding: &Finding, paint: Paint) -> String {
    let Finding { severity, check, seen, advice } = finding;
    let (severity, word) = match severity {
        Severity::Ok => (paint.added("ok"), "ok"),
        Severity::Note => (paint.aside("note"), "note"),
        Severity::Warning => (paint.changed("warning"), "warning"),
        Severity::Fault => (paint.deleted("fault"), "fault"),
    };
    let gap = " ".repeat("warning".len() - word.len());
    let line = format!("{severity}{gap}  {check:<12}  {seen}\n");
    if advice.is_empty() { line } else { format!("{line}{:23}→ {advice}\n", "") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_stands_under_what_was_seen() {
        let findings = vec![
            Finding::ok("leader", "node 1 leads in term 2"),
            Finding::warning("clocks", "node 2 is 900 ms ahead", "check its time service"),
        ];
        let expected = "\
ok       leader        node 1 leads in term 2
warning  clocks        node 2 is 900 ms ahead
                       → check its time service
";
        let mut report = Findings { findings };
        assert_eq!(report.text(Paint::PLAIN), expected);
        assert_eq!(report.judge(), Ok(()));
        report.findings.push(Finding::fault("members", "node 3 does not answer", "start it"));
        assert_eq!(report.judge().expect_err("one is a fault").exit(), Exit::Failed);
        let json = serde_json::to_value(&report).expect("it is plain data");
        assert_eq!(json["findings"][2]["severity"], "fault");
    }
}
