//! Spans of requests reach a collector by OTLP.

use std::sync::{Arc, Mutex};

use conclave_testkit::{Cluster, ClusterOptions, wait};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::stage::{BINARY, create};

/// A collector that keeps what it gets, as text.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<String>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().expect("no test panics with it").push_str(&format!("{:?}", request.into_inner()));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tokio::test]
async fn a_collector_is_told_of_requests_and_never_of_their_content() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let (collector, mut serving) = (Collector::default(), JoinSet::new());
    let service = TraceServiceServer::new(collector.clone());
    serving.spawn(Server::builder().add_service(service).serve_with_incoming(TcpIncoming::from(listener)));

    let options = ClusterOptions::new(BINARY, 1).set("otlp_endpoint", format!("http://{address}"));
    let cluster = Cluster::start(options).await;
    create(&cluster.client(), "spans/secret-name").await;

    let told = wait::until("a span of the request arrives", async || {
        let told = collector.0.lock().expect("no test panics with it").clone();
        told.contains("ConfigService/CreateNamespace").then_some(told)
    })
    .await;
    assert!(told.contains("service.instance.id") && told.contains("elapsed_us"), "{told}");
    assert!(!told.contains("secret-name"), "{told}");
}
