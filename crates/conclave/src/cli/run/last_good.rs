//! Where the last good copy of a namespace lies: by the id of its cluster, which only the cluster tells.
//!
//! ```text
//! <namespace>@<cluster id>.last-good   the copy; of a node that stands alone, <cluster id>-<host:port>
//! nodes/<host:port>                    the cluster that a node was last known to be of
//! ```
//!
//! So a copy is found through any node that was ever seen, in whatever order they are named, and one name in two
//! clusters means two copies. While the cluster is away, what is known of the nodes decides; where that is two
//! clusters, none of their copies is used.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use conclave_client::Code;
use conclave_client::cluster::GetStatusResponse;

use crate::cli::errors::Failure;
use crate::cli::exit::Exit;
use crate::cli::session::Session;

/// How an id is written: hexadecimal digits.
const ID_CHARS: usize = 16;

/// Where a copy is kept, and whether the cluster answered.
pub(super) struct LastGood {
    /// None: it is not known of which cluster it would be.
    pub(super) file: Option<PathBuf>,
    pub(super) is_away: bool,
}

/// Asks the cluster who it is; while it is away, looks up what is known of its nodes.
pub(super) async fn find(folder: &Path, namespace: &str, session: &mut Session) -> Result<LastGood, Failure> {
    let endpoints = session.client.options().endpoints.clone();
    let file = |id: &str| folder.join(format!("{}@{id}.last-good", namespace.replace('/', "%2F")));
    let nodes = folder.join("nodes");
    match session.client.cluster_status().await {
        Ok(status) => {
            let which = which(&status, &endpoints);
            if let Err(error) = remember(&nodes, &which, &status, &endpoints) {
                let told = format!("warning: {}: cannot be written: {error}", nodes.display());
                session.output.note(&told);
            }
            Ok(LastGood { file: Some(file(&which)), is_away: false })
        }
        Err(error) => {
            let known = of_which(&nodes, &endpoints);
            if known.len() > 1 {
                let clusters = known.into_iter().collect::<Vec<_>>().join(", ");
                let told = format!("these nodes were last known to be of several clusters: {clusters}");
                let hint = "name the nodes of one cluster, or the copy with --cache";
                return Err(Failure::new(Exit::Unavailable, told).with_hint(hint));
            }
            let is_away = matches!(error.code(), Code::Unavailable | Code::DeadlineExceeded);
            Ok(LastGood { file: known.first().map(|id| file(id)), is_away })
        }
    }
}

/// What tells the cluster from others. The ids of nodes that stand alone are alike where their names are: such a one
/// is told by where it is asked.
fn which(status: &GetStatusResponse, endpoints: &[String]) -> String {
    let id = &status.cluster_id;
    match endpoints.iter().min() {
        Some(node) if status.members.len() < 2 => format!("{id}-{}", name(node)),
        _ => id.clone(),
    }
}

/// Notes of which cluster the nodes are: those that were named, and those that the cluster tells.
fn remember(nodes: &Path, which: &str, status: &GetStatusResponse, endpoints: &[String]) -> io::Result<()> {
    // A node that stands alone may tell an address that only its own machine understands.
    let members = status.members.iter().filter(|_| status.members.len() > 1);
    let told = members.map(|member| &member.client_address).filter(|it| !it.is_empty());
    let names: BTreeSet<String> = told.chain(endpoints).map(|node| name(node)).collect();
    for name in names {
        let path = nodes.join(name);
        if read(&path).as_deref() != Some(which) {
            replace(nodes, &path, which)?;
        }
    }
    Ok(())
}

/// The clusters that the nodes were last known to be of.
fn of_which(nodes: &Path, endpoints: &[String]) -> BTreeSet<String> {
    endpoints.iter().filter_map(|node| read(&nodes.join(name(node)))).collect()
}

/// A node as the name of a file.
fn name(node: &str) -> String {
    node.trim_start_matches("http://").trim_end_matches('/').replace('/', "%2F")
}

fn read(path: &Path) -> Option<String> {
    let id = std::fs::read_to_string(path).ok()?;
    is_id(&id).then_some(id)
}

/// Whether it is an id, perhaps with the node that stands alone.
fn is_id(text: &str) -> bool {
    let (id, node) = text.split_once('-').unwrap_or((text, ""));
    id.len() == ID_CHARS && id.bytes().all(|byte| byte.is_ascii_hexdigit()) && !node.contains('/')
}

fn replace(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut beside = tempfile::NamedTempFile::new_in(folder)?;
    beside.write_all(text.as_bytes())?;
    beside.as_file().sync_all()?;
    beside.persist(path).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use conclave_client::cluster::Member;

    use super::*;

    fn status(cluster_id: &str, clients: &[&str]) -> GetStatusResponse {
        let member = |client: &&str| Member { client_address: (*client).into(), ..Default::default() };
        GetStatusResponse {
            cluster_id: cluster_id.into(),
            members: clients.iter().map(member).collect(),
            ..Default::default()
        }
    }

    #[test]
    fn a_cluster_is_known_by_any_of_its_nodes() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let nodes = folder.path().join("nodes");
        let known = |endpoints: &[&str]| {
            let endpoints: Vec<String> = endpoints.iter().map(|it| (*it).to_owned()).collect();
            of_which(&nodes, &endpoints).into_iter().collect::<Vec<_>>()
        };
        assert!(known(&["a:1"]).is_empty());
        let (one, two) = ("00000000000000aa", "00000000000000bb");
        let saw = |id: &str, clients: &[&str], named: &[&str]| {
            let (status, named) = (status(id, clients), named.iter().map(|it| (*it).to_owned()));
            let named: Vec<String> = named.collect();
            remember(&nodes, &which(&status, &named), &status, &named).expect("the folder is ours");
        };
        saw(one, &["http://b:1", "http://c:1"], &["http://a:1/"]);
        assert_eq!(known(&["c:1", "x:1"]), [one]);
        assert_eq!(known(&["http://a:1"]), [one]);
        saw(two, &["http://d:1", "http://e:1"], &[]);
        assert_eq!(known(&["d:1", "a:1"]), [one, two]);
        saw(two, &["http://a:1", "http://d:1"], &[]);
        assert_eq!(known(&["d:1", "a:1"]), [two]);
        // Nodes that stand alone, with one name and one address of their own.
        saw(one, &["http://127.0.0.1:1"], &["f:1"]);
        saw(one, &["http://127.0.0.1:1"], &["g:1"]);
        assert_eq!(known(&["f:1", "g:1", "127.0.0.1:1"]), [format!("{one}-f:1"), format!("{one}-g:1")]);
        std::fs::write(nodes.join("e:1"), "../../etc").expect("the folder is ours");
        assert!(known(&["e:1"]).is_empty(), "what is no id is not believed");
    }
}
