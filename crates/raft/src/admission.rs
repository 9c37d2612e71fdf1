//! What a node asks before it knows who it is: the service that answers it, and the calls.
//!
//! These calls carry no metadata that could be checked: whoever calls may not know the cluster's id yet. A
//! token, or nothing but what is known of the caller, is all that they are about.

use std::sync::Arc;
use std::time::Duration;

use conclave_core::cluster::Introduction;
use conclave_proto::raft::v1 as proto;
use proto::admission_service_client::AdmissionServiceClient;
use proto::admission_service_server::AdmissionService;
use proto::join_response::Result as JoinResult;
use tokio::time::{Instant, timeout_at};
use tonic::{Code, Request, Response, Status};

use crate::local_node::LocalNode;
use crate::members::{JoinRequest, Joined, MembersError, Token};
use crate::network::{Network, PeerService};

/// How long a joining node is kept waiting before it is told to try again.
const JOIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Who a node takes itself for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Introduced {
    /// Id of its cluster.
    pub cluster_id: u64,
    /// Its id.
    pub node_id: u64,
    /// The number that it drew.
    pub instance: u64,
}

/// Why a node did not join.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// It is not let in.
    #[error("{0}")]
    Refused(String),
    /// Nobody could decide it now.
    #[error("{0}")]
    Undecided(String),
    /// The member cannot be reached, or does not know such calls.
    #[error("{0}")]
    Unreachable(String),
}

/// Asks the member at `address` of `network` to be let in.
///
/// # Errors
/// See [`JoinError`]; all but [`JoinError::Refused`] may be tried again.
pub async fn join(
    network: &dyn Network,
    address: &str,
    request: &JoinRequest,
    deadline: Instant,
) -> Result<Joined, JoinError> {
    let mut client = client(network, address)?;
    let asked = proto::JoinRequest {
        token: request.token.0.clone(),
        instance: request.instance,
        peer_address: request.peer_address.clone(),
        client_address: request.client_address.clone(),
        cluster_name: request.cluster_name.clone().unwrap_or_default(),
    };
    let answer = timeout_at(deadline, client.join(asked)).await;
    let answer = answer.map_err(|_| JoinError::Unreachable("it did not answer in time".to_owned()))?;
    match answer.map_err(|status| unreachable(&status))?.into_inner().result {
        Some(JoinResult::Joined(proto::Joined { cluster_id, cluster_name, node_id })) => {
            Ok(Joined { cluster_id, cluster_name, node_id })
        }
        Some(JoinResult::Refused(refused)) => Err(JoinError::Refused(refused.reason)),
        Some(JoinResult::Undecided(undecided)) => Err(JoinError::Undecided(undecided.reason)),
        None => Err(JoinError::Undecided("it gave no answer that is known here".to_owned())),
    }
}

/// Asks the member at `address` of `network` what is known of a node; none if it does not answer.
pub async fn introduce(
    network: &dyn Network,
    address: &str,
    who: Introduced,
    deadline: Instant,
) -> Option<Introduction> {
    let mut client = client(network, address).ok()?;
    let Introduced { cluster_id, node_id, instance } = who;
    let asking = client.introduce(proto::IntroduceRequest { cluster_id, node_id, instance });
    let answer = timeout_at(deadline, asking).await.ok()?.ok()?;
    Some(match answer.into_inner().introduction() {
        proto::Introduction::Unspecified => Introduction::Unknown,
        proto::Introduction::Known => Introduction::Known,
        proto::Introduction::OtherInstance => Introduction::OtherInstance,
        proto::Introduction::Removed => Introduction::Removed,
    })
}

fn client(network: &dyn Network, address: &str) -> Result<AdmissionServiceClient<PeerService>, JoinError> {
    let way = network.connect(0, address).map_err(|error| JoinError::Refused(error.to_string()))?;
    Ok(AdmissionServiceClient::new(way))
}

fn unreachable(status: &Status) -> JoinError {
    if status.code() == Code::Unimplemented {
        let told = "this is not a port for the nodes among themselves: name what the member has as peer_advertise, \
                    and not where clients reach it";
        return JoinError::Unreachable(told.to_owned());
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(status);
    let mut told = status.message().to_owned();
    while let Some(error) = cause {
        told = error.to_string();
        cause = error.source();
    }
    JoinError::Unreachable(told)
}

/// Answers those calls.
pub(crate) struct AdmissionDoor {
    pub(crate) local: Arc<dyn LocalNode>,
}

#[tonic::async_trait]
impl AdmissionService for AdmissionDoor {
    async fn join(
        &self,
        request: Request<proto::JoinRequest>,
    ) -> Result<Response<proto::JoinResponse>, Status> {
        let proto::JoinRequest { token, instance, peer_address, client_address, cluster_name } =
            request.into_inner();
        let cluster_name = Some(cluster_name).filter(|name| !name.is_empty());
        let request =
            JoinRequest { token: Token(token), instance, peer_address, client_address, cluster_name };
        let result = match self.local.join(request, JOIN_TIMEOUT).await {
            Ok(Joined { cluster_id, cluster_name, node_id }) => {
                JoinResult::Joined(proto::Joined { cluster_id, cluster_name, node_id })
            }
            Err(MembersError::Refused(refusal)) => {
                JoinResult::Refused(proto::JoinRefused { reason: refusal.to_string() })
            }
            Err(error) => JoinResult::Undecided(proto::JoinUndecided { reason: error.to_string() }),
        };
        Ok(Response::new(proto::JoinResponse { result: Some(result) }))
    }

    async fn introduce(
        &self,
        request: Request<proto::IntroduceRequest>,
    ) -> Result<Response<proto::IntroduceResponse>, Status> {
        let proto::IntroduceRequest { cluster_id, node_id, instance } = request.into_inner();
        let known = self.local.introduced(Introduced { cluster_id, node_id, instance }).await;
        let introduction = match known {
            Introduction::Unknown => proto::Introduction::Unspecified,
            Introduction::Known => proto::Introduction::Known,
            Introduction::OtherInstance => proto::Introduction::OtherInstance,
            Introduction::Removed => proto::Introduction::Removed,
        };
        Ok(Response::new(proto::IntroduceResponse { introduction: introduction.into() }))
    }
}
