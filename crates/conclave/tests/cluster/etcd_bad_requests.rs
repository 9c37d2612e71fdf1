//! Bad input at etcd's API where no etcd is there to compare with: what breaks a rule of ours, bytes that are no request at
//! every service, and streams without end. Each is refused, clearly, and nothing is changed by it.

use std::time::Duration;

use conclave_proto::etcd::authpb::Permission;
use conclave_proto::etcd::etcdserverpb as pb;
use conclave_testkit::{Cluster, ClusterOptions, raw_call, wait};
use pb::alarm_request::AlarmAction;
use pb::auth_client::AuthClient;
use pb::cluster_client::ClusterClient;
use pb::kv_client::KvClient;
use pb::lease_client::LeaseClient;
use pb::maintenance_client::MaintenanceClient;
use pb::watch_client::WatchClient;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status};

use crate::etcd_watch::resident_bytes;
use crate::stage::{BINARY, one};

/// A client whose next message is not taken for so long is held up.
const HELD_UP_AFTER: Duration = Duration::from_secs(2);

fn told<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    let status = answer.expect_err("it is refused");
    (status.code(), status.message().to_owned())
}

/// One request of a stream that goes on until what is given with it is dropped.
fn once<T>(request: T) -> (mpsc::Sender<T>, ReceiverStream<T>) {
    let (requests, sent) = mpsc::channel(1);
    requests.try_send(request).expect("there is room for one");
    (requests, ReceiverStream::new(sent))
}

fn put(key: &str) -> pb::PutRequest {
    pb::PutRequest { key: key.to_owned().into(), value: "v".into(), ..pb::PutRequest::default() }
}

fn allows(perm: Option<Permission>) -> pb::AuthRoleGrantPermissionRequest {
    pb::AuthRoleGrantPermissionRequest { name: "r".into(), perm }
}

/// The etcd that is compared ends at some of these, or takes them.
#[tokio::test]
async fn what_newer_etcds_refuse() {
    let cluster = one().await;
    let mut kv = KvClient::new(cluster.channel(1));
    let unknown = pb::RangeRequest { key: "a".into(), sort_order: 9, ..pb::RangeRequest::default() };
    let sorts = (Code::InvalidArgument, "etcdserver: invalid sort option".to_owned());
    assert_eq!(told(kv.range(unknown.clone()).await), sorts);
    assert_eq!(told(kv.range(pb::RangeRequest { sort_order: 0, sort_target: 9, ..unknown }).await), sorts);

    let mut auth = AuthClient::new(cluster.channel(1));
    auth.role_add(pb::AuthRoleAddRequest { name: "r".into() }).await.expect("it is added");
    let missing = (Code::InvalidArgument, "etcdserver: permission not given".to_owned());
    assert_eq!(told(auth.role_grant_permission(allows(None)).await), missing);
    let backwards = Permission { perm_type: 0, key: "b".into(), range_end: "a".into() };
    let invalid = (Code::InvalidArgument, "etcdserver: invalid auth management".to_owned());
    assert_eq!(told(auth.role_grant_permission(allows(Some(backwards))).await), invalid);

    let alarm = pb::AlarmRequest { action: 9, ..pb::AlarmRequest::default() };
    let unknown = (Code::Unknown, "etcdserver: unknown method".to_owned());
    assert_eq!(told(MaintenanceClient::new(cluster.channel(1)).alarm(alarm).await), unknown);
}

#[tokio::test]
async fn what_only_conclave_refuses() {
    let cluster = one().await;
    let mut auth = AuthClient::new(cluster.channel(1));
    let user = |name: &str, hashed: &str| pb::AuthUserAddRequest {
        name: name.into(),
        password: "secret".into(),
        hashed_password: hashed.into(),
        ..pb::AuthUserAddRequest::default()
    };
    let hashed = "a password is hashed here, with argon2id: give it as it is".to_owned();
    assert_eq!(told(auth.user_add(user("ann", "$2a$10$x")).await), (Code::InvalidArgument, hashed));
    let (code, text) = told(auth.user_add(user(&"n".repeat(10_000), "")).await);
    assert_eq!(code, Code::ResourceExhausted);
    assert!(text.starts_with("there may be at most ") && text.ends_with(" bytes in a name"), "{text}");

    let mut maintenance = MaintenanceClient::new(cluster.channel(1));
    let corrupt = pb::AlarmRequest {
        action: AlarmAction::Activate.into(),
        member_id: 1,
        alarm: pb::AlarmType::Corrupt.into(),
    };
    let by_hand =
        "a node finds out by itself that its data is wrong: only the alarm NOSPACE is raised by hand";
    assert_eq!(told(maintenance.alarm(corrupt).await), (Code::FailedPrecondition, by_hand.to_owned()));

    let peer_ur_ls = vec!["http://127.0.0.1:1".to_owned(), "http://127.0.0.1:2".to_owned()];
    let several = pb::MemberAddRequest { peer_ur_ls, is_learner: true };
    let one_url = "a node has one address for its peers: give one peer URL".to_owned();
    let refused = told(ClusterClient::new(cluster.channel(1)).member_add(several).await);
    assert_eq!(refused, (Code::InvalidArgument, one_url));

    let mut hasty = Request::new(put("a"));
    hasty.metadata_mut().insert("grpc-timeout", "soon".parse().expect("it is ASCII"));
    let unit = "grpc-timeout is not 1 to 8 digits and a unit (H, M, S, m, u or n)".to_owned();
    assert_eq!(told(KvClient::new(cluster.channel(1)).put(hasty).await), (Code::InvalidArgument, unit));
}

/// Every call of etcd's API that has one request.
const CALLS: [&str; 43] = [
    "/etcdserverpb.KV/Range",
    "/etcdserverpb.KV/RangeStream",
    "/etcdserverpb.KV/Put",
    "/etcdserverpb.KV/DeleteRange",
    "/etcdserverpb.KV/Txn",
    "/etcdserverpb.KV/Compact",
    "/etcdserverpb.Lease/LeaseGrant",
    "/etcdserverpb.Lease/LeaseRevoke",
    "/etcdserverpb.Lease/LeaseTimeToLive",
    "/etcdserverpb.Lease/LeaseLeases",
    "/etcdserverpb.Cluster/MemberAdd",
    "/etcdserverpb.Cluster/MemberRemove",
    "/etcdserverpb.Cluster/MemberUpdate",
    "/etcdserverpb.Cluster/MemberList",
    "/etcdserverpb.Cluster/MemberPromote",
    "/etcdserverpb.Maintenance/Alarm",
    "/etcdserverpb.Maintenance/Status",
    "/etcdserverpb.Maintenance/Defragment",
    "/etcdserverpb.Maintenance/Hash",
    "/etcdserverpb.Maintenance/HashKV",
    "/etcdserverpb.Maintenance/Snapshot",
    "/etcdserverpb.Maintenance/MoveLeader",
    "/etcdserverpb.Maintenance/Downgrade",
    "/etcdserverpb.Auth/AuthEnable",
    "/etcdserverpb.Auth/AuthDisable",
    "/etcdserverpb.Auth/AuthStatus",
    "/etcdserverpb.Auth/Authenticate",
    "/etcdserverpb.Auth/UserAdd",
    "/etcdserverpb.Auth/UserGet",
    "/etcdserverpb.Auth/UserList",
    "/etcdserverpb.Auth/UserDelete",
    "/etcdserverpb.Auth/UserChangePassword",
    "/etcdserverpb.Auth/UserGrantRole",
    "/etcdserverpb.Auth/UserRevokeRole",
    "/etcdserverpb.Auth/RoleAdd",
    "/etcdserverpb.Auth/RoleGet",
    "/etcdserverpb.Auth/RoleList",
    "/v3lockpb.Lock/Lock",
    "/v3lockpb.Lock/Unlock",
    "/v3electionpb.Election/Campaign",
    "/v3electionpb.Election/Proclaim",
    "/v3electionpb.Election/Leader",
    "/v3electionpb.Election/Observe",
];

/// A tag that is none; a length beyond the end; a number without end; a message that ends in the middle.
const NO_REQUESTS: [&[u8]; 4] = [b"\xff\xff", b"\x0a\x7fabc", &[0xff; 11], b"\x0a"];

async fn keys(cluster: &Cluster) -> i64 {
    let all = pb::RangeRequest { key: "\0".into(), range_end: "\0".into(), ..pb::RangeRequest::default() };
    KvClient::new(cluster.channel(1)).range(all).await.expect("it answers").into_inner().count
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_request_change_nothing() {
    let mut cluster = one().await;
    KvClient::new(cluster.channel(1)).put(put("a")).await.expect("it is put");
    let before = cluster.agree().await;
    for path in CALLS {
        for body in NO_REQUESTS {
            let (code, text) = told(raw_call::call(cluster.channel(1), path, body).await);
            assert_eq!(code, Code::Internal, "{path}: {text}");
            assert!(text.starts_with("grpc: error unmarshalling request: "), "{path}: {text}");
        }
        let large = vec![0; (2 << 20) + 1];
        let refused = told(raw_call::call(cluster.channel(1), path, &large).await);
        let text = "grpc: received message larger than max (2097152)".to_owned();
        assert_eq!(refused, (Code::ResourceExhausted, text), "{path}");
    }
    // 2 MiB that would be much more than that in memory.
    let many = [0x12, 0x00].repeat(1 << 20);
    let refused = told(raw_call::call(cluster.channel(1), "/etcdserverpb.KV/Txn", &many[2..]).await);
    let text =
        "grpc: error unmarshalling request: the request cannot be read: it has too many fields: split it";
    assert_eq!(refused, (Code::Internal, text.to_owned()));
    for path in ["/etcdserverpb.Watch/Watch", "/etcdserverpb.Lease/LeaseKeepAlive"] {
        // A stream is opened before it is read: what is no request ends it.
        let (code, text) = told(raw_call::call(cluster.channel(1), path, b"\xff\xff").await);
        assert!(matches!(code, Code::Internal | Code::Unknown), "{path}: {code:?} {text}");
    }
    assert_eq!(cluster.agree().await, before, "not even the log has an entry more");
    assert_eq!(keys(&cluster).await, 1);
}

/// What a page that is open in a browser could send.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_say_that_it_is_grpc_is_not_taken() {
    let mut cluster = one().await;
    let address = cluster.node(1).client_address();
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "application/json", "application/grpc-web"]
    {
        for path in [
            "/etcdserverpb.KV/Put",
            "/v3lockpb.Lock/Lock",
            "/etcdserverpb.Auth/UserAdd",
            "/conclave.config.v1.ConfigService/CreateNamespace",
            "/grpc.health.v1.Health/Check",
        ] {
            let mut stream = TcpStream::connect(address).await.expect("it listens");
            // One frame: a message of five bytes, in which field 1 is "abc".
            let head =
                format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {kind}\r\n");
            let head = format!("{head}Content-Length: 10\r\n\r\n");
            stream.write_all(head.as_bytes()).await.expect("it reads");
            stream.write_all(b"\0\0\0\0\x05\x0a\x03abc").await.expect("it reads");
            let mut told = String::new();
            stream.read_to_string(&mut told).await.expect("it answers text");
            assert!(told.starts_with("HTTP/1.1 415 "), "{kind}: {told}");
        }
    }
    assert_eq!(keys(&cluster).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_counted() {
    let options = ClusterOptions::new(BINARY, 1)
        .set("limits.watch_streams_max", 2)
        .set("limits.keep_alive_streams_max", 2);
    let cluster = Cluster::start(options).await;
    let lease = LeaseClient::new(cluster.channel(1))
        .lease_grant(pb::LeaseGrantRequest { ttl: 600, id: 0 })
        .await
        .expect("it is granted")
        .into_inner()
        .id;
    // A stream is open for as long as its requests may go on.
    let watch = async || {
        let create = pb::WatchCreateRequest { key: "a".into(), ..pb::WatchCreateRequest::default() };
        let union = pb::watch_request::RequestUnion::CreateRequest(create);
        let (goes_on, requests) = once(pb::WatchRequest { request_union: Some(union) });
        WatchClient::new(cluster.channel(1)).watch(requests).await.map(|told| (told, goes_on))
    };
    let renew = async || {
        let (goes_on, requests) = once(pb::LeaseKeepAliveRequest { id: lease });
        LeaseClient::new(cluster.channel(1)).lease_keep_alive(requests).await.map(|told| (told, goes_on))
    };
    let text = |what: &str| format!("this node serves 2 {what} already, the most it may: ask another one");
    let watches = [watch().await.expect("one"), watch().await.expect("two")];
    assert_eq!(told(watch().await), (Code::ResourceExhausted, text("streams of watches")));
    let mut renewals = [renew().await.expect("one"), renew().await.expect("two")];
    assert_eq!(told(renew().await), (Code::ResourceExhausted, text("streams of renewals")));
    for (renewal, _) in &mut renewals {
        let answer = renewal.get_mut().message().await.expect("it goes on").expect("it is renewed");
        assert_eq!((answer.id, answer.ttl), (lease, 600));
    }
    // Whoever goes makes room.
    drop((watches, renewals));
    wait::until("there is room for a watch", async || watch().await.ok()).await;
    wait::until("there is room for renewals", async || renew().await.ok()).await;
}

/// How much a node may grow by what one client asks and does not read, in bytes.
const GROWTH_BYTES_MAX: u64 = 20 << 20;

/// The node takes in no more than it can tell the answers of: either nothing more is taken from the client, or, as its
/// messages are so small, it is let go.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_reads_its_renewals_is_stopped() {
    let mut cluster = one().await;
    let mut leases = LeaseClient::new(cluster.channel(1));
    let granted = leases.lease_grant(pb::LeaseGrantRequest { ttl: 600, id: 0 }).await.expect("it is granted");
    let request = pb::LeaseKeepAliveRequest { id: granted.into_inner().id };
    let before = resident_bytes(cluster.node(1).process());
    let (requests, sent) = mpsc::channel(1);
    let _unread = leases.lease_keep_alive(ReceiverStream::new(sent)).await.expect("it opens");
    let mut taken = 0_u32;
    while matches!(tokio::time::timeout(HELD_UP_AFTER, requests.send(request)).await, Ok(Ok(()))) {
        taken += 1;
    }
    let grown = resident_bytes(cluster.node(1).process()).saturating_sub(before);
    println!("{taken} renewals were taken in, the node has grown by {} KB", grown / 1_000);
    assert!(grown < GROWTH_BYTES_MAX, "{taken} renewals take {grown} bytes");
    let (_goes_on, requests) = once(request);
    let mut other = LeaseClient::new(cluster.channel(1)).lease_keep_alive(requests).await.expect("it opens");
    let answer = other.get_mut().message().await.expect("it goes on").expect("others are answered");
    assert_eq!((answer.id, answer.ttl), (request.id, 600));
}
