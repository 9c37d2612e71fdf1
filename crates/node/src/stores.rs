//! Opens what the data directory holds. A state that is damaged or missing is made anew: from the log, if that has every
//! entry; else another node gives its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use conclave_raft::{Network, StateSources, fetch_state, lacks_entries};
use conclave_storage::{
    Claim, DataDir, Identity, LogStore, PeersNote, StateStore, StorageError, WorkKind, run,
};
use tokio::time::Instant;

use crate::node::StartError;
use crate::options::NodeOptions;

/// How long the other nodes are asked for a state.
const FETCH_TIMEOUT: Duration = Duration::from_secs(30);

/// What a node keeps.
pub(crate) struct Stores {
    pub(crate) log: LogStore,
    pub(crate) state: StateStore,
    /// Where the other members were reached last.
    pub(crate) peers: PeersNote,
}

/// Opens them.
pub(crate) async fn open(
    claim: Claim,
    identity: Identity,
    options: &NodeOptions,
) -> Result<Stores, StartError> {
    let threads = Arc::clone(claim.threads());
    let first = options.members.iter().map(|(id, address)| (*id, address.peer.clone())).collect();
    let opening = run(&*threads, WorkKind::Awaited, (), move || open_here(claim, identity, first));
    let (stores, missing) = opening.await.expect("opening the stores neither panics nor is cancelled")?;
    if let Some(addresses) = missing {
        let network: Arc<dyn Network> = Arc::clone(&options.machine.network);
        let sources = StateSources { network, cluster_id: identity.cluster_id, addresses };
        fetch_state(&stores.log, &stores.state, &sources, Instant::now() + FETCH_TIMEOUT).await?;
    }
    Ok(stores)
}

/// Opens them, and tells who may have the state if it is to be had elsewhere. Blocks.
fn open_here(
    claim: Claim,
    identity: Identity,
    first_members: BTreeMap<u64, String>,
) -> Result<(Stores, Option<BTreeMap<u64, String>>), StartError> {
    let dir = claim.open(identity)?;
    let (log, peers) = (LogStore::open(&dir)?, dir.peers_note());
    let mut others = first_members;
    match peers.read() {
        Ok(noted) => others.extend(noted),
        Err(error) => tracing::warn!(%error, "where the other members were last is not known"),
    }
    others.remove(&identity.node_id);
    let state = open_state(&dir, &log, !others.is_empty())?;
    let is_missing = !others.is_empty() && lacks_entries(&log, &state)?;
    Ok((Stores { log, state, peers }, is_missing.then_some(others)))
}

fn open_state(dir: &DataDir, log: &LogStore, has_others: bool) -> Result<StateStore, StorageError> {
    match StateStore::open(dir) {
        Err(error @ StorageError::StateDamaged { .. }) if log.purged().is_none() => {
            tracing::warn!(%error, "the state is made anew from the log");
            StateStore::recreate(dir)
        }
        Err(StorageError::StateDamaged { path, reason }) if has_others => {
            tracing::warn!(path = %path.display(), reason, "the state is damaged: it is had from another node");
            StateStore::set_aside(dir)
        }
        opened => opened,
    }
}
