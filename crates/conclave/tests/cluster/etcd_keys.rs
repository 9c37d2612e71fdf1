//! Clients of etcd beside the configuration: what they may see of it, who they are, and their gateway.

use conclave_proto::etcd::etcdserverpb as pb;
use conclave_testkit::{Cluster, wait};
use pb::auth_client::AuthClient;
use pb::kv_client::KvClient;
use pb::maintenance_client::MaintenanceClient;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::{Code, Request};

use crate::stage::three;

const ITEM: &str = "conclave/config/shop//db.url";

fn put(key: &str) -> pb::PutRequest {
    pb::PutRequest { key: key.to_owned().into(), value: "1".into(), ..pb::PutRequest::default() }
}

fn get(key: &str) -> pb::RangeRequest {
    pb::RangeRequest { key: key.to_owned().into(), ..pb::RangeRequest::default() }
}

/// What a node answers over HTTP/1.1: the first line, and what follows the head.
async fn http(cluster: &mut Cluster, request: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(cluster.node(2).client_address()).await.expect("it listens");
    let length = body.len();
    let text = format!(
        "{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(text.as_bytes()).await.expect("it reads");
    let mut told = String::new();
    stream.read_to_string(&mut told).await.expect("it answers text");
    let (head, body) = told.split_once("\r\n\r\n").expect("there is a head");
    (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
}

#[tokio::test]
async fn items_are_read_as_keys_and_never_written() {
    let cluster = three().await;
    let cli = cluster.command_line();
    cli.run(&["config", "create", "shop"]).await.done();
    cli.run(&["config", "put", "shop", "db.url=postgres"]).await.done();
    let mut kv = KvClient::new(cluster.channel(3));
    let told = kv.range(get(ITEM)).await.expect("it answers").into_inner();
    assert_eq!(told.kvs[0].value, "postgres");
    for key in [ITEM, "conclave/namespace/shop", "conclave/"] {
        let refused = kv.put(put(key)).await.expect_err("it is refused");
        assert_eq!(refused.code(), Code::PermissionDenied);
        assert!(refused.message().contains("conclave.config.v1"), "{refused}");
    }
    let hidden = kv.range(get("conclave/namespace/shop")).await.expect("it answers").into_inner();
    assert_eq!(hidden.kvs, []);
    // What is compacted for clients of etcd is still a version.
    let newest = kv.put(put("a")).await.expect("it is put").into_inner().header.expect("it has one").revision;
    cli.run(&["config", "put", "shop", "db.url=other"]).await.done();
    let compact = pb::CompactionRequest { revision: newest, physical: true };
    kv.compact(compact).await.expect("it is compacted");
    let old = cli.run(&["config", "get", "shop", "db.url", "--version", "1"]).await.done();
    assert!(old.contains("postgres"), "{old}");
}

#[tokio::test]
async fn a_token_is_good_at_every_node_and_outlives_the_leader() {
    let mut cluster = three().await;
    let mut auth = AuthClient::new(cluster.channel(1));
    let root =
        pb::AuthUserAddRequest { name: "root".into(), password: "secret".into(), ..Default::default() };
    auth.user_add(root).await.expect("it is added");
    let gives = pb::AuthUserGrantRoleRequest { user: "root".into(), role: "root".into() };
    auth.user_grant_role(gives).await.expect("it is given");
    auth.auth_enable(pb::AuthEnableRequest {}).await.expect("it is enabled");
    let login = pb::AuthenticateRequest { name: "root".into(), password: "secret".into() };
    let token = auth.authenticate(login).await.expect("it may log in").into_inner().token;
    let leader = cluster.all_serve().await;
    cluster.node(leader).kill();
    for id in cluster.ids().into_iter().filter(|id| *id != leader) {
        let mut kv = KvClient::new(cluster.channel(id));
        let refused = kv.range(get("a")).await.expect_err("nobody says who asks");
        assert_eq!(refused.message(), "etcdserver: user name is empty");
        let mut request = Request::new(put("a"));
        request.metadata_mut().insert("token", token.parse().expect("it is ASCII"));
        kv.put(request).await.expect("the token is good here");
    }
}

#[tokio::test]
async fn the_gateway_and_its_probes_are_on_the_same_port() {
    let mut cluster = three().await;
    let (status, _) = http(&mut cluster, "POST /v3/kv/put", r#"{"key":"YQ==","value":"MQ=="}"#).await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    let (_, told) = http(&mut cluster, "POST /v3/kv/range", r#"{"key":"YQ=="}"#).await;
    assert!(told.contains(r#""key":"YQ==""#) && told.contains(r#""value":"MQ==""#), "{told}");
    let (status, told) = http(&mut cluster, "GET /health", "").await;
    assert_eq!(
        (status.as_str(), told.contains(r#"{"health":"true","reason":""}"#)),
        ("HTTP/1.1 200 OK", true)
    );
    let (_, told) = http(&mut cluster, "GET /version", "").await;
    assert!(told.contains(r#""etcdcluster":"3.5.0""#), "{told}");
    let (status, told) = http(&mut cluster, "POST /v3/kv/put", r#"{"key":"Y29uY2xhdmUveA=="}"#).await;
    assert!(status.contains("403") && told.contains("conclave.config.v1"), "{status} {told}");
}

#[tokio::test]
async fn an_alarm_that_is_raised_by_hand_is_told_by_the_probe() {
    let mut cluster = three().await;
    let alarm = |action: pb::alarm_request::AlarmAction| pb::AlarmRequest {
        action: action.into(),
        member_id: 1,
        alarm: pb::AlarmType::Nospace.into(),
    };
    let mut maintenance = MaintenanceClient::new(cluster.channel(1));
    maintenance.alarm(alarm(pb::alarm_request::AlarmAction::Activate)).await.expect("it is raised");
    // The probe asks its own node, which may be a moment behind.
    let ill = async || {
        let (status, told) = http(&mut cluster, "GET /health", "").await;
        (status == "HTTP/1.1 503 Service Unavailable").then_some(told)
    };
    let told = wait::until("the alarm is told", ill).await;
    assert!(told.contains(r#"{"health":"false","reason":"ALARM NOSPACE"}"#), "{told}");
    let (status, _) = http(&mut cluster, "GET /health?serializable=true", "").await;
    assert_eq!(status, "HTTP/1.1 503 Service Unavailable");
    let (status, told) = http(&mut cluster, "GET /health?exclude=NOSPACE", "").await;
    assert_eq!(status, "HTTP/1.1 200 OK", "{told}");
    maintenance.alarm(alarm(pb::alarm_request::AlarmAction::Deactivate)).await.expect("it is taken back");
    let well = async || {
        let (status, _) = http(&mut cluster, "GET /health", "").await;
        (status == "HTTP/1.1 200 OK").then_some(())
    };
    wait::until("it is well again", well).await;
}
