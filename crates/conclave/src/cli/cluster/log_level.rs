//! `conclave cluster log-level`: what the nodes log, while they run.

use conclave_client::{Client, ClientOptions};
use serde::Serialize;

use super::super::colour::Paint;
use super::super::errors::Failure;
use super::super::exit::Exit;
use super::super::output::Report;
use super::super::session::Session;
use super::super::table::Columns;
use super::super::text;

/// Show or change what the nodes log, until they are started anew
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave cluster log-level
  conclave cluster log-level debug --node 2
  conclave cluster log-level info,conclave_raft=trace
  conclave cluster log-level --reset")]
pub(in crate::cli) struct LogLevel {
    /// error, warn, info, debug, trace or off; for parts of the program: info,conclave_raft=trace
    #[arg(conflicts_with = "reset")]
    level: Option<String>,
    /// Log again what the settings say
    #[arg(long)]
    reset: bool,
    /// Only this node
    #[arg(long, value_name = "ID")]
    node: Option<u64>,
}

impl LogLevel {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let mut levels = Vec::new();
        for (id, address) in self.nodes(session).await? {
            let client = client_of(session, address)?;
            let level = match (&self.level, self.reset) {
                (None, false) => client.log_level().await?.level,
                (level, _) => client.set_log_level(level.clone().unwrap_or_default()).await?.level,
            };
            levels.push(NodeLevel { id, level });
        }
        session.output.show(&Levels { nodes: levels })
    }

    /// The nodes that are meant: ids, and where clients reach them.
    async fn nodes(&self, session: &Session) -> Result<Vec<(u64, String)>, Failure> {
        let members = session.client.cluster_status().await?.members.into_iter();
        let is_meant = |id| self.node.is_none_or(|node| node == id);
        let nodes: Vec<_> = members
            .filter(|member| is_meant(member.id))
            .map(|member| (member.id, member.client_address))
            .collect();
        match self.node {
            Some(id) if nodes.is_empty() => {
                let message = format!("node {id} is not a member");
                Err(Failure::new(Exit::NotFound, message).with_hint("`conclave cluster members` lists them"))
            }
            _ => Ok(nodes),
        }
    }
}

/// A client of this node alone.
fn client_of(session: &Session, address: String) -> Result<Client, Failure> {
    let options = ClientOptions { endpoints: vec![address], ..session.client.options().clone() };
    Ok(Client::connect(options)?)
}

#[derive(Debug, Serialize)]
struct Levels {
    nodes: Vec<NodeLevel>,
}

#[derive(Debug, Serialize)]
struct NodeLevel {
    id: u64,
    level: String,
}

impl Report for Levels {
    fn text(&self, paint: Paint) -> String {
        let mut columns = Columns::new(&[">ID", "LEVEL"], paint);
        for NodeLevel { id, level } in &self.nodes {
            columns.row([id.to_string(), text::one_line(level, 200)]);
        }
        columns.into_text()
    }
}
