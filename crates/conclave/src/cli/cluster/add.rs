//! `conclave cluster add`: admits a new node, and says how to start it.

use std::net::IpAddr;

use conclave_client::cluster::{AddMemberRequest, AddMemberResponse};
use serde::Serialize;

use super::super::colour::Paint;
use super::super::errors::Failure;
use super::super::output::Report;
use super::super::session::Session;

/// Where clients reach a node, if nothing else is said.
const CLIENT_PORT: u16 = 4101;
/// Where a node on a machine of its own keeps its data.
const DATA_DIR: &str = "/var/lib/conclave";

/// Admit a new node: it gets an id and a token, joins as a learner, and may be promoted once it has caught up
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave cluster add db4 db4.internal:4201
  conclave cluster add db4 --address db4.internal:4201 --client-address http://db4.internal:4101

It tells the command that starts the node, with its token. Then `conclave cluster promote db4` gives it a vote. \
The same name and address again keep their id and get another token: the one before is void.")]
pub(in crate::cli) struct Add {
    /// Name of the node, for people: letters, digits, '.', '_' and '-'
    name: String,
    /// Host and port that the other nodes will reach it at
    #[arg(value_name = "HOST:PORT", required_unless_present = "address")]
    peer_address: Option<String>,
    /// The same as HOST:PORT
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "peer_address")]
    address: Option<String>,
    /// URL that clients will reach it at; unset: as the node says when it joins
    #[arg(long, value_name = "URL")]
    client_address: Option<String>,
}

impl Add {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let Self { name, peer_address, address, client_address } = self;
        let peer_address = peer_address.or(address).unwrap_or_default();
        let client_address = client_address.unwrap_or_default();
        let request = AddMemberRequest {
            name: name.clone(),
            peer_address: peer_address.clone(),
            client_address: client_address.clone(),
            request_id: String::new(),
        };
        let AddMemberResponse { id, token, join_addresses } = session.client.add_member(request).await?;
        let start = start(&name, &peer_address, &client_address);
        session.output.show(&Added { id, name, peer_address, token, join_addresses, start })
    }
}

/// Flags that start the node where its peers are to reach it, beside those that let it join.
fn start(name: &str, peer_address: &str, client_address: &str) -> Vec<(&'static str, String)> {
    let (host, peer_port) = peer_address.rsplit_once(':').unwrap_or((peer_address, ""));
    let client_advertise = match client_address {
        "" => format!("http://{host}:{}", client_port(peer_port)),
        told => told.to_owned(),
    };
    // Behind a proxy that speaks TLS, the port is that of the proxy.
    let told_port = client_advertise.strip_prefix("http://").and_then(|it| it.rsplit_once(':'));
    let client_port = told_port.and_then(|(_, port)| port.trim_end_matches('/').parse().ok());
    let (listen, data_dir) = match on_this_machine(host) {
        Some(loopback) => (loopback, format!("./{name}")),
        None if host.starts_with('[') => ("[::]".to_owned(), DATA_DIR.to_owned()),
        None => ("0.0.0.0".to_owned(), DATA_DIR.to_owned()),
    };
    vec![
        ("--data-dir", data_dir),
        ("--peer-listen", format!("{listen}:{peer_port}")),
        ("--peer-advertise", peer_address.to_owned()),
        ("--client-listen", format!("{listen}:{}", client_port.unwrap_or(CLIENT_PORT))),
        ("--client-advertise", client_advertise),
    ]
}

/// Several nodes on one machine count on, for clients as for peers.
fn client_port(peer_port: &str) -> u16 {
    match peer_port.parse() {
        Ok(port @ 4201..=4299) => port - 100,
        _ => CLIENT_PORT,
    }
}

/// The address to listen at, if the host is reached by nobody else.
fn on_this_machine(host: &str) -> Option<String> {
    if host == "localhost" {
        return Some("127.0.0.1".to_owned());
    }
    let ip: IpAddr = host.trim_matches(['[', ']']).parse().ok()?;
    ip.is_loopback().then(|| host.to_owned())
}

#[derive(Debug, Serialize)]
struct Added {
    id: u64,
    name: String,
    peer_address: String,
    /// It is told here only.
    token: String,
    join_addresses: Vec<String>,
    #[serde(skip)]
    start: Vec<(&'static str, String)>,
}

impl Report for Added {
    fn text(&self, _: Paint) -> String {
        let Self { id, name, token, .. } = self;
        let join = self.join_addresses.join(",");
        let flags: String =
            self.start.iter().map(|(flag, value)| format!(" \\\n      {flag} {value}")).collect();
        format!(
            "node {id} ({name}) may join within 24 hours. On its machine, with an empty data directory:\n\n  \
             conclave serve --join {join} \\\n      --token {token}{flags}\n\nThe token is told here only. \
             `conclave cluster promote {name}` gives the node a vote once it has caught up.\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(peer_address: &str, client_address: &str) -> String {
        let flags = start("db4", peer_address, client_address);
        flags.into_iter().map(|(flag, value)| format!("{flag} {value} ")).collect()
    }

    #[test]
    fn it_tells_how_the_node_is_started() {
        let added = Added {
            id: 4,
            name: "db4".into(),
            peer_address: "db4:4201".into(),
            token: "abc".into(),
            join_addresses: vec!["db1:4201".into(), "db2:4201".into()],
            start: start("db4", "db4:4201", ""),
        };
        let expected = "\
node 4 (db4) may join within 24 hours. On its machine, with an empty data directory:

  conclave serve --join db1:4201,db2:4201 \\
      --token abc \\
      --data-dir /var/lib/conclave \\
      --peer-listen 0.0.0.0:4201 \\
      --peer-advertise db4:4201 \\
      --client-listen 0.0.0.0:4101 \\
      --client-advertise http://db4:4101

The token is told here only. `conclave cluster promote db4` gives the node a vote once it has caught up.
";
        assert_eq!(added.text(Paint::PLAIN), expected);
    }

    #[test]
    fn it_listens_where_it_is_to_be_reached() {
        let told = flags("[2001:db8::4]:4201", "");
        assert!(told.contains("--peer-listen [::]:4201 "), "{told}");
        assert!(
            told.contains("--client-listen [::]:4101 --client-advertise http://[2001:db8::4]:4101 "),
            "{told}"
        );
        let told = flags("db4:7000", "https://conclave.example:443");
        assert!(told.contains("--client-listen 0.0.0.0:4101 "), "behind a proxy: {told}");
        assert!(told.contains("--client-advertise https://conclave.example:443 "), "{told}");
        let told = flags("db4:7000", "http://db4:7001/");
        assert!(
            told.contains("--peer-listen 0.0.0.0:7000 ") && told.contains("--client-listen 0.0.0.0:7001 "),
            "{told}"
        );
    }

    #[test]
    fn a_node_beside_others_on_one_machine_has_ports_and_data_of_its_own() {
        let told = flags("127.0.0.1:4204", "");
        assert!(told.contains("--data-dir ./db4 --peer-listen 127.0.0.1:4204 "), "{told}");
        assert!(told.contains("--client-listen 127.0.0.1:4104 "), "{told}");
        assert!(flags("localhost:4204", "").contains("--peer-listen 127.0.0.1:4204 "));
        assert!(flags("[::1]:4204", "").contains("--client-listen [::1]:4104 "));
    }
}
