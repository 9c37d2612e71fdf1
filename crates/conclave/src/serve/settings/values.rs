//! The kinds of values that settings have, and how each is read from text.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr as _;

/// A value that is read from text. The error says what the text is not; where it stood is added later.
pub(super) trait Value: Sized {
    /// Reads it.
    fn read(text: &str) -> Result<Self, String>;
}

impl Value for u64 {
    fn read(text: &str) -> Result<u64, String> {
        text.parse().map_err(|_| format!("{text:?} is not a whole number"))
    }
}

impl Value for usize {
    fn read(text: &str) -> Result<usize, String> {
        text.parse().map_err(|_| format!("{text:?} is not a whole number"))
    }
}

impl Value for String {
    fn read(text: &str) -> Result<String, String> {
        if text.is_empty() { Err("is empty".into()) } else { Ok(text.into()) }
    }
}

impl Value for PathBuf {
    fn read(text: &str) -> Result<PathBuf, String> {
        String::read(text).map(PathBuf::from)
    }
}

/// Text that may be left out.
pub(super) type Optional = Option<String>;

impl Value for Optional {
    fn read(text: &str) -> Result<Optional, String> {
        Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
    }
}

/// An address of this machine and a port to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListenAddress(pub SocketAddr);

impl Value for ListenAddress {
    fn read(text: &str) -> Result<ListenAddress, String> {
        let numeric = text.replace("localhost:", "127.0.0.1:");
        let address = SocketAddr::from_str(&numeric);
        address
            .map(ListenAddress)
            .map_err(|_| format!("{text:?} is not an address and a port, as 127.0.0.1:4101 is"))
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Value for LogFormat {
    fn read(text: &str) -> Result<LogFormat, String> {
        match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err(format!("{text:?} is neither text nor json")),
        }
    }
}

/// Where a member is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberAddress {
    /// By the other members: host and port.
    pub peer: String,
    /// By clients: a URL. None: not told here.
    pub client: Option<String>,
}

/// Hosts and ports, separated by commas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Addresses(pub Vec<String>);

impl Value for Addresses {
    fn read(text: &str) -> Result<Addresses, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(read_host_port).collect::<Result<_, _>>().map(Addresses)
    }
}

/// The members of a cluster by id.
pub(crate) type ClusterMembers = BTreeMap<u64, MemberAddress>;

impl Value for ClusterMembers {
    fn read(text: &str) -> Result<ClusterMembers, String> {
        let mut members = ClusterMembers::new();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (id, address) = read_member(entry)?;
            if members.insert(id, address).is_some() {
                return Err(format!("names node {id} twice"));
            }
        }
        Ok(members)
    }
}

/// `1=HOST:PORT` or `1=HOST:PORT/CLIENT`.
fn read_member(entry: &str) -> Result<(u64, MemberAddress), String> {
    let (id, address) = entry.split_once('=').ok_or_else(|| format!("{entry:?} is not ID=HOST:PORT"))?;
    let id = id.trim().parse().ok().filter(|id| *id > 0);
    let id = id.ok_or_else(|| format!("{entry:?}: the id is not a whole number from 1"))?;
    let (peer, client) = match address.trim().split_once('/') {
        Some((peer, client)) => (peer, Some(read_url(client)?)),
        None => (address.trim(), None),
    };
    Ok((id, MemberAddress { peer: read_host_port(peer)?, client }))
}

/// A host (name or address) and a port from 1.
pub(super) fn read_host_port(text: &str) -> Result<String, String> {
    let parts = text.rsplit_once(':').filter(|(host, _)| !host.is_empty() && !host.contains(['/', ' ']));
    let has_port = parts.is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0));
    if has_port {
        Ok(text.into())
    } else {
        Err(format!("{text:?} is not a host and a port, as db1.internal:4201 is"))
    }
}

/// A URL of http or https with host and port; without a scheme, http is meant.
pub(super) fn read_url(text: &str) -> Result<String, String> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    if !["http", "https"].contains(&scheme) {
        return Err(format!("{text:?} is not a URL of http or https"));
    }
    read_host_port(rest.trim_end_matches('/')).map(|address| format!("{scheme}://{address}"))
}
