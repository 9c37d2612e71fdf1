//! Nodes of which a test decides what comes of a change of leadership, and which note how often they were asked.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use conclave_client::cluster;
use conclave_proto::cluster::v1::cluster_service_server::{ClusterService, ClusterServiceServer};
use futures::Stream;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use crate::fake_node::{Reply, replied, unexpected};

type Transfers = VecDeque<Reply<cluster::TransferLeaderResponse>>;

#[derive(Default)]
struct Script {
    transfers: Transfers,
    asked: usize,
}

/// A node; it ends with its owner.
pub(crate) struct FakeCluster {
    address: String,
    script: Arc<Mutex<Script>>,
    _server: JoinSet<()>,
}

impl FakeCluster {
    /// A node that answers so, in this order, whoever asks it to hand leadership over.
    pub(crate) async fn start<const N: usize>(replies: [Reply<cluster::TransferLeaderResponse>; N]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let script = Arc::new(Mutex::new(Script { transfers: replies.into(), asked: 0 }));
        let serving = tonic::transport::Server::builder()
            .add_service(ClusterServiceServer::new(Served(Arc::clone(&script))))
            .serve_with_incoming(TcpListenerStream::new(listener));
        let mut server = JoinSet::new();
        server.spawn(async { serving.await.expect("the server serves") });
        Self { address, script, _server: server }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.script.lock().expect("no test panics in here").asked
    }
}

struct Served(Arc<Mutex<Script>>);

macro_rules! unexpected {
    ($($call:ident($request:ident) $response:ident;)*) => {
        #[tonic::async_trait]
        impl ClusterService for Served {
            $(
                async fn $call(
                    &self,
                    _: Request<cluster::$request>,
                ) -> Result<Response<cluster::$response>, Status> {
                    Err(unexpected())
                }
            )*

            async fn transfer_leader(
                &self,
                _: Request<cluster::TransferLeaderRequest>,
            ) -> Result<Response<cluster::TransferLeaderResponse>, Status> {
                let reply = {
                    let mut script = self.0.lock().expect("no test panics in here");
                    script.asked += 1;
                    script.transfers.pop_front()
                };
                replied(reply).await
            }

            type CreateBackupStream =
                Pin<Box<dyn Stream<Item = Result<cluster::CreateBackupResponse, Status>> + Send>>;

            async fn create_backup(
                &self,
                _: Request<cluster::CreateBackupRequest>,
            ) -> Result<Response<Self::CreateBackupStream>, Status> {
                Err(unexpected())
            }
        }
    };
}

unexpected! {
    get_status(GetStatusRequest) GetStatusResponse;
    add_member(AddMemberRequest) AddMemberResponse;
    promote_member(PromoteMemberRequest) PromoteMemberResponse;
    demote_member(DemoteMemberRequest) DemoteMemberResponse;
    remove_member(RemoveMemberRequest) RemoveMemberResponse;
    replace_member(ReplaceMemberRequest) ReplaceMemberResponse;
    get_log_level(GetLogLevelRequest) GetLogLevelResponse;
    set_log_level(SetLogLevelRequest) SetLogLevelResponse;
}
