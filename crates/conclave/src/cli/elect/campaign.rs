//! Standing for election, and what is done while leading.

use std::ffi::OsString;
use std::process::ExitCode;

use conclave_client::{ClientError, Leader, Session as WorkerSession};
use serde::Serialize;

use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::exit::Exit;
use crate::cli::lock::{Hold as _, HoldArgs, Holding, Supervisor, hold, waiting};
use crate::cli::output::{Output, Report};
use crate::cli::program::Launch;
use crate::cli::session::Session;
use crate::cli::text;

/// A candidate.
pub(super) struct Campaign {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) hold: HoldArgs,
    /// Empty: it just leads.
    pub(super) command: Vec<OsString>,
}

impl Campaign {
    /// Leads until the program has ended, or without one until it is told to end.
    pub(super) async fn run(mut self, session: &mut Session) -> Result<ExitCode, Failure> {
        let command = std::mem::take(&mut self.command);
        let launch = (!command.is_empty()).then(|| Launch::of(command));
        let grace = self.hold.grace;
        let ask = async |worker: &WorkerSession| self.stand(worker).await;
        let act = async |holding: Holding<'_, Leader>, session: &mut Session| match launch {
            Some(launch) => Supervisor { launch, grace }.run(holding, &mut session.output).await,
            None => self.lead(holding, &mut session.output).await,
        };
        hold(&self.hold, session, ask, act).await
    }

    async fn stand(&self, worker: &WorkerSession) -> Result<Leader, ClientError> {
        let election = worker.election(&self.name).on_waiting(waiting(format!("to lead {:?}", self.name)));
        let election = match self.hold.wait() {
            Some(wait) => election.wait(wait),
            None => election,
        };
        election.campaign(self.value.clone()).await
    }

    /// Tells that it leads, and goes on until a signal ends it.
    async fn lead(&self, holding: Holding<'_, Leader>, output: &mut Output) -> Result<ExitCode, Failure> {
        let Holding { hold, session_id, signals } = holding;
        output.stream(&Leads {
            election: self.name.clone(),
            value: self.value.clone(),
            token: hold.token(),
            session_id: session_id.to_string(),
        })?;
        tokio::select! {
            biased;
            cause = hold.lost() => {
                output.note(&format!("warning: {} is lost: {cause}", hold.what()));
                Err(hold.failure())
            }
            _ = signals.end() => Ok(Exit::Done.into()),
        }
    }
}

/// That it leads.
#[derive(Debug, Serialize)]
struct Leads {
    election: String,
    value: String,
    token: u64,
    session_id: String,
}

impl Report for Leads {
    fn text(&self, paint: Paint) -> String {
        let heading = paint.heading(&text::one_line(&self.election, usize::MAX));
        let value = text::one_line(&self.value, usize::MAX);
        format!("{heading}: {value} leads with token {}\n", self.token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_tells_its_token() {
        let leads = Leads {
            election: "scheduler".into(),
            value: "node-a".into(),
            token: 17,
            session_id: u64::MAX.to_string(),
        };
        assert_eq!(leads.text(Paint::PLAIN), "scheduler: node-a leads with token 17\n");
        let json = serde_json::to_value(leads).expect("plain data");
        assert_eq!(json["token"].as_u64(), Some(17));
        assert_eq!(json["session_id"], "18446744073709551615");
    }
}
