//! Who leads an election, for as long as it runs.

use std::process::ExitCode;

use conclave_client::Leadership;
use serde::Serialize;

use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::lock::{BytesView, owner};
use crate::cli::output::Report;
use crate::cli::session::Session;
use crate::cli::text;

/// How much of a value a line shows.
const VALUE_CHARS_MAX: usize = 120;

/// Tells who leads, now and whenever that changes.
pub(super) async fn run(election: &str, session: &mut Session) -> Result<ExitCode, Failure> {
    let mut observer = session.client.observe(election);
    loop {
        let leadership = observer.next().await?;
        session.output.stream(&LeadershipReport::of(election, leadership))?;
    }
}

#[derive(Debug, Serialize)]
struct LeadershipReport {
    election: String,
    revision: u64,
    /// None: nobody leads.
    leader: Option<LeaderView>,
}

#[derive(Debug, Serialize)]
struct LeaderView {
    #[serde(flatten)]
    value: BytesView,
    token: u64,
    session_id: String,
    owner: String,
    since: String,
}

impl LeadershipReport {
    fn of(election: &str, leadership: Leadership) -> Self {
        let leader = leadership.leader.map(|holder| LeaderView {
            value: BytesView(holder.metadata),
            token: holder.token,
            session_id: holder.session_id.to_string(),
            owner: holder.owner,
            since: text::time(holder.since_ms),
        });
        Self { election: election.into(), revision: leadership.revision, leader }
    }
}

impl Report for LeadershipReport {
    fn text(&self, paint: Paint) -> String {
        let heading = paint.heading(&text::one_line(&self.election, usize::MAX));
        match &self.leader {
            None => format!("{heading}: nobody leads\n"),
            Some(leader) => format!(
                "{heading}: {} leads with token {}, {}, since {}\n",
                leader.value.preview(VALUE_CHARS_MAX),
                leader.token,
                owner(&leader.owner),
                leader.since
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use conclave_client::lock::Holder;

    use super::*;

    fn report(metadata: Option<&[u8]>) -> LeadershipReport {
        let leader = metadata.map(|metadata| Holder {
            session_id: 7,
            token: 17,
            owner: "ada@a".into(),
            metadata: metadata.to_vec().into(),
            ..Holder::default()
        });
        LeadershipReport::of("scheduler", Leadership { leader, revision: 20 })
    }

    #[test]
    fn a_leader_is_a_line_with_its_value() {
        let expected = "scheduler: node-a leads with token 17, ada@a, since 1970-01-01T00:00:00.000Z\n";
        assert_eq!(report(Some(b"node-a")).text(Paint::PLAIN), expected);
        assert!(report(Some(&[0xff])).text(Paint::PLAIN).starts_with("scheduler: (binary, 1 byte) leads"));
        assert_eq!(report(None).text(Paint::PLAIN), "scheduler: nobody leads\n");
    }

    #[test]
    fn programs_get_one_object_each_time() {
        let json = serde_json::to_value(report(Some(b"node-a"))).expect("plain data");
        assert_eq!(
            (json["election"].as_str(), json["leader"]["value"].as_str()),
            (Some("scheduler"), Some("node-a"))
        );
        assert_eq!(json["leader"]["session_id"], "7");
        assert!(serde_json::to_value(report(None)).expect("plain data")["leader"].is_null());
    }
}
