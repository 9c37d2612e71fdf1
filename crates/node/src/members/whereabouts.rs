//! Notes where the members are, whenever that changes: a node that loses its state asks them for theirs, and without the
//! state it would not know them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use conclave_storage::{PeersNote, WorkKind, run};
use tokio_util::sync::CancellationToken;

use crate::handle::Shared;

/// How long until it is tried again, should the disk refuse.
const AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Notes it until the node stops.
pub(crate) async fn note_whereabouts(shared: Arc<Shared>, note: PeersNote, stop: CancellationToken) {
    let noting = async {
        let mut noted = BTreeMap::new();
        while let Some(members) = shared.consensus.other_members_than(&noted).await {
            let (note, addresses) = (note.clone(), members.clone());
            let writing = move || {
                let addresses = addresses.into_iter().map(|(id, member)| (id, member.peer)).collect();
                note.write(&addresses)
            };
            match run(shared.state.threads(), WorkKind::Background, (), writing).await {
                Ok(Ok(())) => noted = members,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "where the members are cannot be noted");
                    tokio::time::sleep(AGAIN_AFTER).await;
                }
                Err(error) => return tracing::warn!(%error, "where the members are is not noted any more"),
            }
        }
    };
    stop.run_until_cancelled(noting).await;
}
