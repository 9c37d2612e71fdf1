//! Which path is which call.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, post};
use prost_reflect::DescriptorPool;

use crate::call::Gateway;
use crate::method::Method;

/// What the paths begin with. The second is that of etcd 3.3, which 3.5 still serves.
const PREFIXES: [&str; 2] = ["/v3", "/v3beta"];

/// The paths, and their calls.
pub(crate) const PATHS: [(&str, &str); 51] = [
    ("/kv/range", "etcdserverpb.KV/Range"),
    ("/kv/put", "etcdserverpb.KV/Put"),
    ("/kv/deleterange", "etcdserverpb.KV/DeleteRange"),
    ("/kv/txn", "etcdserverpb.KV/Txn"),
    ("/kv/compaction", "etcdserverpb.KV/Compact"),
    ("/watch", "etcdserverpb.Watch/Watch"),
    ("/lease/grant", "etcdserverpb.Lease/LeaseGrant"),
    ("/lease/revoke", "etcdserverpb.Lease/LeaseRevoke"),
    ("/lease/keepalive", "etcdserverpb.Lease/LeaseKeepAlive"),
    ("/lease/timetolive", "etcdserverpb.Lease/LeaseTimeToLive"),
    ("/lease/leases", "etcdserverpb.Lease/LeaseLeases"),
    ("/kv/lease/revoke", "etcdserverpb.Lease/LeaseRevoke"),
    ("/kv/lease/timetolive", "etcdserverpb.Lease/LeaseTimeToLive"),
    ("/kv/lease/leases", "etcdserverpb.Lease/LeaseLeases"),
    ("/cluster/member/add", "etcdserverpb.Cluster/MemberAdd"),
    ("/cluster/member/remove", "etcdserverpb.Cluster/MemberRemove"),
    ("/cluster/member/update", "etcdserverpb.Cluster/MemberUpdate"),
    ("/cluster/member/list", "etcdserverpb.Cluster/MemberList"),
    ("/cluster/member/promote", "etcdserverpb.Cluster/MemberPromote"),
    ("/maintenance/alarm", "etcdserverpb.Maintenance/Alarm"),
    ("/maintenance/status", "etcdserverpb.Maintenance/Status"),
    ("/maintenance/defragment", "etcdserverpb.Maintenance/Defragment"),
    ("/maintenance/hash", "etcdserverpb.Maintenance/Hash"),
    // Since etcd 3.6.
    ("/maintenance/hashkv", "etcdserverpb.Maintenance/HashKV"),
    ("/maintenance/snapshot", "etcdserverpb.Maintenance/Snapshot"),
    ("/maintenance/transfer-leadership", "etcdserverpb.Maintenance/MoveLeader"),
    ("/maintenance/downgrade", "etcdserverpb.Maintenance/Downgrade"),
    ("/auth/enable", "etcdserverpb.Auth/AuthEnable"),
    ("/auth/disable", "etcdserverpb.Auth/AuthDisable"),
    ("/auth/status", "etcdserverpb.Auth/AuthStatus"),
    ("/auth/authenticate", "etcdserverpb.Auth/Authenticate"),
    ("/auth/user/add", "etcdserverpb.Auth/UserAdd"),
    ("/auth/user/get", "etcdserverpb.Auth/UserGet"),
    ("/auth/user/list", "etcdserverpb.Auth/UserList"),
    ("/auth/user/delete", "etcdserverpb.Auth/UserDelete"),
    ("/auth/user/changepw", "etcdserverpb.Auth/UserChangePassword"),
    ("/auth/user/grant", "etcdserverpb.Auth/UserGrantRole"),
    ("/auth/user/revoke", "etcdserverpb.Auth/UserRevokeRole"),
    ("/auth/role/add", "etcdserverpb.Auth/RoleAdd"),
    ("/auth/role/get", "etcdserverpb.Auth/RoleGet"),
    ("/auth/role/list", "etcdserverpb.Auth/RoleList"),
    ("/auth/role/delete", "etcdserverpb.Auth/RoleDelete"),
    ("/auth/role/grant", "etcdserverpb.Auth/RoleGrantPermission"),
    ("/auth/role/revoke", "etcdserverpb.Auth/RoleRevokePermission"),
    ("/lock/lock", "v3lockpb.Lock/Lock"),
    ("/lock/unlock", "v3lockpb.Lock/Unlock"),
    ("/election/campaign", "v3electionpb.Election/Campaign"),
    ("/election/proclaim", "v3electionpb.Election/Proclaim"),
    ("/election/leader", "v3electionpb.Election/Leader"),
    ("/election/observe", "v3electionpb.Election/Observe"),
    ("/election/resign", "v3electionpb.Election/Resign"),
];

/// The routes of all calls. Whatever else begins like them is not found.
pub(crate) fn routes(inner: Router, message_size_bytes_max: usize) -> Router {
    let gateway = Arc::new(Gateway { inner, message_size_bytes_max });
    let pool = descriptors();
    let mut router = Router::new();
    for prefix in PREFIXES {
        for (path, call) in PATHS {
            let method = Method::find(&pool, call).expect("the table names calls that are defined");
            router = router.route(&format!("{prefix}{path}"), of_call(&gateway, Arc::new(method)));
        }
        router = router.route(&format!("{prefix}/{{*rest}}"), any(not_found));
    }
    router
}

/// The definitions of etcd's packages.
pub(crate) fn descriptors() -> DescriptorPool {
    DescriptorPool::decode(conclave_proto::ETCD_FILE_DESCRIPTOR_SET)
        .expect("they are compiled into the program")
}

fn of_call(gateway: &Arc<Gateway>, method: Arc<Method>) -> axum::routing::MethodRouter {
    let gateway = Arc::clone(gateway);
    let call = move |request: Request| async move { gateway.answer(method, request).await };
    post(call).fallback(not_allowed)
}

/// To whom asks with another HTTP method than the path has.
pub(crate) async fn not_allowed() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n").into_response()
}

async fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "Not Found\n").into_response()
}
