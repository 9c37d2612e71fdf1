//! How a node comes into its cluster: as one of the first members, by a token, or as who it was before.
//!
//! What the data directory says of a node wins over what the settings say: a node that has joined needs them no
//! more, and one that was restored is of another cluster than its members would make.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use conclave_core::cluster::Introduction;
use conclave_raft::{
    Introduced, JoinError, JoinRequest, Joined, Network, PeerAddress, Token, introduce, join,
};
use conclave_storage::{Claim, Identity, MemberNote, StorageError, Threads, WorkKind, run};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::guard::MEMBER_TIMEOUT;
use crate::cluster_id::cluster_id;
use crate::machine::Machine;
use crate::node::StartError;
use crate::options::NodeOptions;

/// How long a new node tries to join.
const JOIN_TIMEOUT: Duration = Duration::from_secs(60);
/// How long one member may take to let it in.
const JOIN_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(12);
/// How long it waits before it asks all of them again.
const JOIN_PAUSE: Duration = Duration::from_millis(500);

/// How a new node joins a cluster that is there.
#[derive(Debug, Clone)]
pub struct JoinOptions {
    /// Where members are reached by their peers: `host:port`, at least one.
    pub addresses: Vec<String>,
    /// What `conclave cluster add` told.
    pub token: Token,
    /// Where the others reach this node: as it was admitted.
    pub peer_advertise: String,
    /// Where clients reach it, as a URL.
    pub client_advertise: String,
}

/// Why a new node did not come into the cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotJoined {
    /// The cluster does not let it in.
    #[error("the cluster does not let this node in: {0}")]
    Refused(String),
    /// Nobody let it in.
    #[error("no member could let this node in within {} s; the last said: {told}", JOIN_TIMEOUT.as_secs())]
    Undecided {
        /// What the last one said.
        told: String,
    },
    /// It comes under the id of another one.
    #[error(
        "this node's data was lost: node {member} knows node {id} as another one. A node whose data was lost must not \
         vote again under its id, it comes back as a new one: `conclave cluster add`, start it with --join and \
         --token and an empty data directory, then `conclave cluster replace {id} NEW-ID`"
    )]
    DataLost {
        /// Its id.
        id: u64,
        /// Who knows it.
        member: u64,
    },
    /// Its id was taken out of the cluster.
    #[error(
        "node {id} was removed from the cluster: its id is not used again, admit a new node (`conclave cluster add`)"
    )]
    Removed {
        /// Its id.
        id: u64,
    },
}

/// Who this node is.
pub(crate) struct Found {
    pub(crate) claim: Claim,
    pub(crate) identity: Identity,
    pub(crate) cluster_name: String,
    pub(crate) instance: u64,
    /// The members that it forms a cluster with; none if it never does.
    pub(crate) members: BTreeMap<u64, PeerAddress>,
}

/// Finds out who this node is, by its data directory or by asking others.
pub(crate) async fn find(options: &NodeOptions) -> Result<Found, StartError> {
    let path = options.data_dir.clone();
    let Machine { disk, threads, .. } = options.machine.clone();
    let claim = blocking(&*options.machine.threads, move || Claim::take_on(&path, disk, threads)).await?;
    match claim.identity()? {
        Some(identity) => come_back(options, claim, identity),
        None => come(options, claim).await,
    }
}

/// A node that was here before.
fn come_back(options: &NodeOptions, claim: Claim, identity: Identity) -> Result<Found, StartError> {
    let Identity { node_id, cluster_id } = identity;
    let path = options.data_dir.clone();
    if options.node_id_given && options.node_id != node_id {
        let expected = Identity { node_id: options.node_id, cluster_id };
        return Err(StorageError::OtherNode { path, found: identity, expected }.into());
    }
    let note = match claim.note()? {
        Some(note) => note,
        None => {
            let cluster_name = options.cluster_name.clone();
            let note = MemberNote { instance: new_instance(), joined: false, cluster_name };
            claim.write_note(&note)?;
            note
        }
    };
    let MemberNote { instance, joined, cluster_name } = note;
    if options.cluster_name_given && options.cluster_name != cluster_name {
        let expected = options.cluster_name.clone();
        return Err(StartError::OtherCluster { path, found: cluster_name, expected });
    }
    let members = if joined || options.join.is_some() { BTreeMap::new() } else { options.members.clone() };
    Ok(Found { claim, identity, cluster_name, instance, members })
}

/// A node that is new here.
async fn come(options: &NodeOptions, claim: Claim) -> Result<Found, StartError> {
    // A first start that was cut off is begun again as the same node.
    let instance = claim.note()?.map_or_else(new_instance, |note| note.instance);
    let note = |joined, cluster_name| MemberNote { instance, joined, cluster_name };
    if let Some(join) = &options.join {
        claim.write_note(&note(true, options.cluster_name.clone()))?;
        let meant = options.cluster_name_given.then(|| options.cluster_name.clone());
        let Joined { cluster_id, cluster_name, node_id } =
            ask_in(&*options.machine.network, join, instance, meant).await?;
        claim.write_note(&note(true, cluster_name.clone()))?;
        tracing::info!(node_id, cluster = cluster_name, "joined the cluster");
        let identity = Identity { node_id, cluster_id };
        return Ok(Found { claim, identity, cluster_name, instance, members: BTreeMap::new() });
    }
    let cluster_id = cluster_id(&options.cluster_name, &options.members);
    let identity = Identity { node_id: options.node_id, cluster_id };
    require_new(options, identity, instance).await?;
    claim.write_note(&note(false, options.cluster_name.clone()))?;
    let (cluster_name, members) = (options.cluster_name.clone(), options.members.clone());
    Ok(Found { claim, identity, cluster_name, instance, members })
}

/// Asks the members, one after the other and again, to be let in.
async fn ask_in(
    network: &dyn Network,
    options: &JoinOptions,
    instance: u64,
    cluster_name: Option<String>,
) -> Result<Joined, NotJoined> {
    let request = JoinRequest {
        token: options.token.clone(),
        instance,
        peer_address: options.peer_advertise.clone(),
        client_address: options.client_advertise.clone(),
        cluster_name,
    };
    let until = Instant::now() + JOIN_TIMEOUT;
    loop {
        let mut last = String::new();
        for address in &options.addresses {
            let deadline = until.min(Instant::now() + JOIN_ATTEMPT_TIMEOUT);
            match join(network, address, &request, deadline).await {
                Ok(joined) => return Ok(joined),
                Err(JoinError::Refused(reason)) => return Err(NotJoined::Refused(reason)),
                Err(error) => {
                    tracing::info!(address, %error, "not let in yet");
                    last = format!("{address}: {error}");
                }
            }
        }
        if Instant::now() + JOIN_PAUSE >= until {
            return Err(NotJoined::Undecided { told: last });
        }
        tokio::time::sleep(JOIN_PAUSE).await;
    }
}

/// A first member with an empty data directory is new, or it has lost what it promised: those of the others that
/// answer know which.
async fn require_new(options: &NodeOptions, who: Identity, instance: u64) -> Result<(), NotJoined> {
    let Identity { node_id: id, cluster_id } = who;
    let who = Introduced { cluster_id, node_id: id, instance };
    let deadline = Instant::now() + MEMBER_TIMEOUT;
    let mut asked = JoinSet::new();
    for (member, address) in options.members.clone().into_iter().filter(|(member, _)| *member != id) {
        let network = Arc::clone(&options.machine.network);
        asked.spawn(async move { (member, introduce(&*network, &address.peer, who, deadline).await) });
    }
    while let Some(told) = asked.join_next().await {
        match told {
            Ok((member, Some(Introduction::OtherInstance))) => {
                return Err(NotJoined::DataLost { id, member });
            }
            Ok((_, Some(Introduction::Removed))) => return Err(NotJoined::Removed { id }),
            _ => {}
        }
    }
    Ok(())
}

/// A number that no other node draws. 0 means none.
fn new_instance() -> u64 {
    rand::random_range(1..=u64::MAX)
}

async fn blocking<T: Send + 'static>(
    threads: &dyn Threads,
    work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    run(threads, WorkKind::Awaited, (), work)
        .await
        .expect("opening a directory neither panics nor is cancelled")
}
