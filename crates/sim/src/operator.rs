//! What an operator does about a node that is gone: another one comes in its place.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use conclave_proto::cluster::v1 as wire;
use parking_lot::Mutex;
use tokio::time::{sleep, timeout};
use tonic::{Response, Status};
use wire::cluster_service_client::ClusterServiceClient;

use crate::machine::{addresses, client_address};
use crate::net::{Channel, HostNet};

/// How long an operator waits for an answer, and before the next attempt.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(8);
const PAUSE: Duration = Duration::from_millis(700);

/// What the operator has done to the machines.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    /// A new node is started, with this token.
    Start {
        /// Its id.
        id: u64,
        /// What lets it in.
        token: String,
        /// Where members are reached by their peers.
        join: Vec<String>,
    },
    /// A node is out of the cluster: it is turned off for good.
    Retire {
        /// Its id.
        id: u64,
    },
}

/// Orders that are not done yet. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Orders {
    given: Arc<Mutex<Vec<Order>>>,
}

impl Orders {
    pub(crate) fn take(&self) -> Vec<Order> {
        std::mem::take(&mut *self.given.lock())
    }

    fn give(&self, order: Order) {
        self.given.lock().push(order);
    }
}

/// Has a new node come in the place of `old`, which may be gone.
pub(crate) async fn replace(net: HostNet, members: Vec<u64>, old: u64, new: u64, orders: Orders) {
    let others: Vec<_> = members.into_iter().filter(|id| *id != old).collect();
    let ask = Ask { net, others };
    let address = addresses(new);
    let admit = wire::AddMemberRequest {
        name: address.name,
        peer_address: address.peer,
        client_address: address.client,
        request_id: format!("admit-{new}"),
    };
    let admitted = ask.until_done(|mut cluster| {
        let admit = admit.clone();
        async move { cluster.add_member(admit).await }
    });
    let admitted = admitted.await;
    let wire::AddMemberResponse { id, token, join_addresses: join } = admitted;
    orders.give(Order::Start { id, token, join });
    ask.until_done(|mut cluster| async move {
        // One whose vote was taken meanwhile is not replaced: it has to have it back.
        let promote = wire::PromoteMemberRequest { id: old };
        let _ = timeout(PAUSE, cluster.promote_member(promote)).await;
        let request = wire::ReplaceMemberRequest { old_id: old, new_id: id };
        let replaced = cluster.replace_member(request).await.map(|_| Response::new(()));
        // One that was given its vote by another hand: the old one is only in the way.
        let is_voter = |refused: &Status| refused.message() == format!("node {id} votes already");
        if !replaced.as_ref().is_err_and(is_voter) {
            return replaced;
        }
        let remove = wire::RemoveMemberRequest { id: old, force_quorum_loss: false };
        cluster.remove_member(remove).await.map(|_| Response::new(()))
    })
    .await;
    orders.give(Order::Retire { id: old });
}

struct Ask {
    net: HostNet,
    others: Vec<u64>,
}

impl Ask {
    /// Asks one member after the other until it is done.
    async fn until_done<T, F>(&self, call: impl Fn(ClusterServiceClient<Channel>) -> F) -> T
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        loop {
            for node in &self.others {
                let cluster = ClusterServiceClient::new(self.net.connect(&client_address(*node), &[]));
                if let Ok(Ok(done)) = timeout(ANSWER_TIMEOUT, call(cluster)).await {
                    return done.into_inner();
                }
                sleep(PAUSE).await;
            }
        }
    }
}
