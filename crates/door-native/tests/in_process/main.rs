//! The door without a port: its services are called in this process, by the generated clients.

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    use conclave_door::Limits;
    use conclave_door_native::{LogLevels, services};
    use conclave_node::{AlarmOptions, Machine, Node, NodeOptions, PeerAddress, Readiness, WatchOptions};
    use conclave_proto::config::v1 as wire;
    use tokio_util::sync::CancellationToken;
    use tonic::Code;
    use wire::config_service_client::ConfigServiceClient;

    /// Nothing is logged.
    struct Silent;

    impl LogLevels for Silent {
        fn level(&self) -> String {
            String::new()
        }

        fn set_level(&self, _: &str) -> Result<(), String> {
            Ok(())
        }
    }

    async fn start(data_dir: &Path) -> Node {
        let options = NodeOptions {
            node_id: 1,
            node_id_given: true,
            cluster_name: "alone".into(),
            cluster_name_given: true,
            join: None,
            data_dir: data_dir.to_owned(),
            peer_listen: "127.0.0.1:0".parse().unwrap(),
            members: [(1, PeerAddress { peer: "127.0.0.1:1".into(), ..PeerAddress::default() })].into(),
            heartbeat_ms: 100,
            election_ms_min: 300,
            election_ms_max: 600,
            snapshot_entries: 1_000,
            snapshot_log_bytes: 1 << 20,
            snapshot_rate_bytes_per_s: 0,
            alarms: AlarmOptions { space_reserve_bytes: 0, slow_fsync: Duration::from_secs(60) },
            version: "0",
            watch: WatchOptions::default(),
            proposals_max: 16,
            reads_max: 1,
            machine: Machine::real(),
        };
        let node = Node::start(options).await.unwrap();
        node.handle().readiness().wait_for(|readiness| *readiness == Readiness::Ready).await.unwrap();
        node
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn calls_and_streams_need_no_port() {
        let folder = tempfile::tempdir().unwrap();
        let node = start(folder.path()).await;
        let stop = CancellationToken::new();
        let services = services(node.handle(), Limits::default(), Arc::new(Silent), stop.clone());
        let mut client = ConfigServiceClient::new(services.routes());

        let authorship = Some(wire::Authorship { author: "test".into(), ..Default::default() });
        let create = wire::CreateNamespaceRequest { namespace: "a".into(), authorship, ..Default::default() };
        client.create_namespace(create.clone()).await.unwrap();
        assert_eq!(client.create_namespace(create).await.unwrap_err().code(), Code::AlreadyExists);

        let targets = vec![wire::WatchTarget { namespace: "a".into(), key_prefix: String::new() }];
        let watch = wire::WatchRequest { targets, ..Default::default() };
        let mut watch = client.watch(watch).await.unwrap().into_inner();
        let first = watch.message().await.unwrap().and_then(|message| message.event);
        assert!(matches!(first, Some(wire::watch_response::Event::Reset(_))), "{first:?}");
        stop.cancel();
        let end = loop {
            match watch.message().await {
                Ok(message) => assert!(message.is_some(), "a stream that the node ends tells why"),
                Err(end) => break end,
            }
        };
        assert_eq!(end.code(), Code::Unavailable);
        node.shutdown().await;
    }
}
