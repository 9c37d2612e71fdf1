//! `conclave cluster add`: admits a new node, and says how to start it.

use conclave_client::cluster::{AddMemberRequest, AddMemberResponse};
use serde::Serialize;

use super::super::colour::Paint;
use super::super::errors::Failure;
use super::super::output::Report;
use super::super::session::Session;

/// Admit a new node: it gets an id and a token, joins as a learner, and may be promoted once it has caught up
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave cluster add db4 db4.internal:4201
  conclave serve --join db1.internal:4201,db2.internal:4201 --token TOKEN \\
      --data-dir /var/lib/conclave --peer-listen 0.0.0.0:4201 --peer-advertise db4.internal:4201 \\
      --client-listen 0.0.0.0:4101 --client-advertise http://db4.internal:4101
  conclave cluster promote 4

The same name and address again keep their id and get another token: the one before is void.")]
pub(in crate::cli) struct Add {
    /// Name of the node, for people: letters, digits, '.', '_' and '-'
    name: String,
    /// Host and port that the other nodes will reach it at
    #[arg(value_name = "HOST:PORT")]
    peer_address: String,
    /// URL that clients will reach it at; unset: as the node says when it joins
    #[arg(long, value_name = "URL")]
    client_address: Option<String>,
}

impl Add {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let Self { name, peer_address, client_address } = self;
        let request = AddMemberRequest {
            name: name.clone(),
            peer_address: peer_address.clone(),
            client_address: client_address.unwrap_or_default(),
            request_id: String::new(),
        };
        let AddMemberResponse { id, token, join_addresses } = session.client.add_member(request).await?;
        session.output.show(&Added { id, name, peer_address, token, join_addresses })
    }
}

#[derive(Debug, Serialize)]
struct Added {
    id: u64,
    name: String,
    peer_address: String,
    /// It is told here only.
    token: String,
    join_addresses: Vec<String>,
}

impl Report for Added {
    fn text(&self, _: Paint) -> String {
        format!(
            "node {} ({}) may join within 24 hours, with an empty data directory:\n\n  conclave serve --join {} \\\n      \
             --token {} \\\n      --peer-advertise {}\n\nThe token is told here only. `conclave cluster promote {}` \
             gives the node a vote once it has caught up.\n",
            self.id,
            self.name,
            self.join_addresses.join(","),
            self.token,
            self.peer_address,
            self.id
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_how_the_node_is_started() {
        let added = Added {
            id: 4,
            name: "db4".into(),
            peer_address: "db4:4201".into(),
            token: "abc".into(),
            join_addresses: vec!["db1:4201".into(), "db2:4201".into()],
        };
        let text = added.text(Paint::PLAIN);
        assert!(text.starts_with("node 4 (db4) may join"), "{text}");
        assert!(text.contains("--join db1:4201,db2:4201 \\\n      --token abc \\\n"), "{text}");
        assert!(text.contains("--peer-advertise db4:4201\n"), "{text}");
    }
}
