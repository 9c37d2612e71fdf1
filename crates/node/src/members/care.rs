//! What the leader does about the members unasked: it ends a change that another leader began and could not
//! end, and learns of each member which instance it is.

use std::sync::Arc;
use std::time::Duration;

use conclave_core::cluster::{ClusterCommand, Register, Standing, standing};
use conclave_raft::{MemberChange, PeerAddress};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::guard::MEMBER_TIMEOUT;
use super::propose;
use crate::handle::Shared;

/// How often it looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How long one thing that it does may take.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// Looks after the members until the node stops.
pub(crate) async fn take_care(shared: Arc<Shared>, stop: CancellationToken) {
    let caring = async {
        loop {
            tokio::time::sleep(LOOK_INTERVAL).await;
            if shared.consensus.leader() == Some(shared.node_id) && shared.consensus.recovered() {
                end_change(&shared).await;
                learn_instances(&shared).await;
            }
        }
    };
    stop.run_until_cancelled(caring).await;
}

/// Ends a change of which nobody takes care any more.
async fn end_change(shared: &Shared) {
    if !shared.consensus.is_changing() {
        return;
    }
    let Ok(_turn) = shared.changing.try_lock() else { return };
    let ended = shared.consensus.change_members(MemberChange::Settle, Instant::now() + STEP_TIMEOUT).await;
    match ended {
        Ok(()) => tracing::info!("a change of the members that was cut off is ended"),
        Err(error) => tracing::debug!(%error, "a change of the members is not ended yet"),
    }
}

async fn learn_instances(shared: &Shared) {
    for (id, address) in shared.consensus.status().members {
        if is_known(shared, id) {
            continue;
        }
        let instance = if id == shared.node_id {
            Some(shared.instance)
        } else {
            let told = shared.consensus.peer_status(id, Instant::now() + MEMBER_TIMEOUT).await;
            told.ok().map(|told| told.instance).filter(|instance| *instance != 0)
        };
        if let Some(instance) = instance {
            register(shared, id, instance, address).await;
        }
    }
}

fn is_known(shared: &Shared, id: u64) -> bool {
    match shared.state.read(|view| standing(view, id)) {
        Ok(Some(Standing::Member { cluster_id, .. })) => cluster_id == shared.cluster_id,
        Ok(Some(Standing::Removed)) => true,
        Ok(Some(Standing::Admitted { .. }) | None) => false,
        Err(error) => {
            tracing::error!(%error, "what is known of the members cannot be read");
            true
        }
    }
}

async fn register(shared: &Shared, id: u64, instance: u64, address: PeerAddress) {
    let PeerAddress { peer, client, name } = address;
    let cluster_id = shared.cluster_id;
    let command = ClusterCommand::Register(Register {
        id,
        instance,
        cluster_id,
        name,
        peer_address: peer,
        client_address: client,
    });
    // The same on every leader that learns it: it is applied once.
    let request_id = format!("member-{cluster_id:016x}-{id:x}-{instance:016x}");
    if let Err(error) = propose(shared, request_id, command, Instant::now() + STEP_TIMEOUT).await {
        tracing::debug!(id, %error, "the instance of a member is not noted yet");
    }
}
