//! Users, roles, and what they may do.

use conclave_proto::etcd::authpb::Permission;
use conclave_proto::etcd::authpb::permission::Type;
use conclave_proto::etcd::etcdserverpb as pb;
use pb::auth_client::AuthClient;
use pb::kv_client::KvClient;
use pb::lease_client::LeaseClient;
use tonic::Request;

use crate::pair::{Pair, Side};
use crate::requests::{Operation as _, delete, get, is_absent, lease, put, txn};

/// A user with a password.
pub(crate) fn user(name: &str, password: &str) -> pb::AuthUserAddRequest {
    pb::AuthUserAddRequest {
        name: name.into(),
        password: password.into(),
        ..pb::AuthUserAddRequest::default()
    }
}

/// Gives a user a role.
pub(crate) fn gives(user: &str, role: &str) -> pb::AuthUserGrantRoleRequest {
    pb::AuthUserGrantRoleRequest { user: user.into(), role: role.into() }
}

fn allows(
    role: &str,
    kind: Type,
    key: &'static str,
    end: &'static str,
) -> pb::AuthRoleGrantPermissionRequest {
    let perm = Permission { perm_type: kind.into(), key: key.into(), range_end: end.into() };
    pb::AuthRoleGrantPermissionRequest { name: role.into(), perm: Some(perm) }
}

fn role(name: &str) -> pb::AuthRoleGetRequest {
    pb::AuthRoleGetRequest { role: name.into() }
}

#[tokio::test]
async fn users_come_and_go() {
    let mut pair = Pair::start().await;
    pair.granted(user("ann", "secret")).await;
    pair.refused(user("ann", "other")).await;
    pair.refused(user("", "x")).await;
    pair.granted(user("bob", "secret")).await;
    pair.granted(pb::AuthUserListRequest {}).await;
    pair.granted(pb::AuthUserGetRequest { name: "ann".into() }).await;
    pair.refused(pb::AuthUserGetRequest { name: "eve".into() }).await;
    pair.granted(pb::AuthUserDeleteRequest { name: "ann".into() }).await;
    pair.refused(pb::AuthUserDeleteRequest { name: "ann".into() }).await;
    pair.granted(pb::AuthUserListRequest {}).await;
}

#[tokio::test]
async fn roles_come_and_go_and_are_given_to_users() {
    let mut pair = Pair::start().await;
    pair.granted(user("ann", "secret")).await;
    for name in ["writers", "readers"] {
        pair.granted(pb::AuthRoleAddRequest { name: name.into() }).await;
    }
    pair.refused(pb::AuthRoleAddRequest { name: "readers".into() }).await;
    pair.refused(pb::AuthRoleAddRequest { name: String::new() }).await;
    pair.granted(pb::AuthRoleListRequest {}).await;
    pair.granted(gives("ann", "writers")).await;
    pair.granted(gives("ann", "readers")).await;
    pair.ask(gives("ann", "readers")).await.ok();
    pair.refused(gives("ann", "nobody")).await;
    pair.refused(gives("eve", "readers")).await;
    pair.granted(pb::AuthUserGetRequest { name: "ann".into() }).await;
    let takes = |role: &str| pb::AuthUserRevokeRoleRequest { name: "ann".into(), role: role.into() };
    pair.granted(takes("writers")).await;
    pair.refused(takes("writers")).await;
    pair.granted(pb::AuthRoleDeleteRequest { role: "readers".into() }).await;
    pair.refused(pb::AuthRoleDeleteRequest { role: "readers".into() }).await;
    pair.granted(pb::AuthUserGetRequest { name: "ann".into() }).await;
    pair.granted(pb::AuthRoleListRequest {}).await;
}

#[tokio::test]
async fn roles_are_allowed_ranges() {
    let mut pair = Pair::start().await;
    pair.granted(pb::AuthRoleAddRequest { name: "r".into() }).await;
    pair.granted(allows("r", Type::Read, "a", "")).await;
    pair.granted(allows("r", Type::Write, "b", "c")).await;
    pair.granted(allows("r", Type::Readwrite, "a", "")).await;
    pair.granted(allows("r", Type::Readwrite, "d", "\0")).await;
    pair.granted(role("r")).await;
    pair.refused(role("nobody")).await;
    pair.refused(allows("nobody", Type::Read, "a", "")).await;
    let takes = |key: &'static str, range_end: &'static str| pb::AuthRoleRevokePermissionRequest {
        role: "r".into(),
        key: key.into(),
        range_end: range_end.into(),
    };
    pair.granted(takes("a", "")).await;
    pair.refused(takes("a", "")).await;
    pair.refused(takes("b", "")).await;
    pair.granted(takes("b", "c")).await;
    pair.granted(role("r")).await;
}

#[tokio::test]
async fn authentication_needs_a_user_root_and_is_off_before() {
    let mut pair = Pair::start().await;
    pair.refused(pb::AuthEnableRequest {}).await;
    pair.refused(pb::AuthenticateRequest { name: "ann".into(), password: "secret".into() }).await;
}

/// The request of somebody who has logged in; of nobody if there is no name.
pub(crate) async fn from<T>(side: &Side, name: &str, request: T) -> Request<T> {
    let mut request = Request::new(request);
    if !name.is_empty() {
        let login = pb::AuthenticateRequest { name: name.into(), password: "secret".into() };
        let told = AuthClient::new(side.channel.clone()).authenticate(login).await.expect("it may log in");
        let token = told.into_inner().token.parse().expect("a token is ASCII");
        request.metadata_mut().insert("token", token);
    }
    request
}

/// Both, with users of whom ann may read and write `[a, b)`, and root all.
pub(crate) async fn enabled() -> Pair {
    let mut pair = Pair::start().await;
    pair.granted(lease(7)).await;
    pair.granted(pb::PutRequest { lease: 7, ..put("z", "1") }).await;
    for name in ["root", "ann"] {
        pair.granted(user(name, "secret")).await;
    }
    pair.granted(pb::AuthRoleAddRequest { name: "some".into() }).await;
    pair.granted(allows("some", Type::Readwrite, "a", "b")).await;
    pair.granted(gives("ann", "some")).await;
    pair.granted(pb::AuthRoleAddRequest { name: "root".into() }).await;
    pair.granted(gives("root", "root")).await;
    pair.granted(pb::AuthEnableRequest {}).await;
    pair
}

#[tokio::test]
async fn callers_are_asked_who_they_are_once_it_is_enabled() {
    let mut pair = enabled().await;
    for name in ["", "ann", "root"] {
        for key in ["ab", "z"] {
            let what = |what: &str| format!("{what} {key} as {name:?}");
            let puts = async |side: Side| {
                KvClient::new(side.channel.clone()).put(from(&side, name, put(key, "2")).await).await
            };
            let may = pair.both(&what("puts"), puts).await.is_ok();
            assert_eq!(may, name == "root" || (name == "ann" && key == "ab"), "{name} {key}");
            let reads = async |side: Side| {
                KvClient::new(side.channel.clone()).range(from(&side, name, get(key)).await).await
            };
            assert_eq!(pair.both(&what("reads"), reads).await.is_ok(), may, "{name} {key}");
            let compares = async |side: Side| {
                let request = txn(vec![is_absent(key)], Vec::new(), vec![put("ab", "3").op()]);
                KvClient::new(side.channel.clone()).txn(from(&side, name, request).await).await
            };
            assert_eq!(pair.both(&what("compares"), compares).await.is_ok(), may, "{name} {key}");
            let may_delete = async |side: Side| {
                let request = txn(vec![is_absent("ab")], vec![delete(key, "").op()], Vec::new());
                KvClient::new(side.channel.clone()).txn(from(&side, name, request).await).await
            };
            assert_eq!(pair.both(&what("may delete"), may_delete).await.is_ok(), may, "{name} {key}");
        }
    }
}

#[tokio::test]
async fn only_root_administers_and_whoever_ends_a_lease_needs_its_keys() {
    let mut pair = enabled().await;
    for name in ["", "ann", "root"] {
        let adds = async |side: Side| {
            let request = pb::AuthRoleAddRequest { name: "more".into() };
            AuthClient::new(side.channel.clone()).role_add(from(&side, name, request).await).await
        };
        assert_eq!(pair.both(&format!("adds a role as {name:?}"), adds).await.is_ok(), name == "root");
        let ends = async |side: Side| {
            let request = from(&side, name, pb::LeaseRevokeRequest { id: 7 }).await;
            LeaseClient::new(side.channel.clone()).lease_revoke(request).await
        };
        assert_eq!(pair.both(&format!("ends a lease as {name:?}"), ends).await.is_ok(), name == "root");
    }
    let strange = async |side: Side| {
        let mut request = Request::new(get("ab"));
        request.metadata_mut().insert("token", "none".parse().expect("it is ASCII"));
        KvClient::new(side.channel).range(request).await
    };
    pair.both("brings a token that is none", strange).await.expect_err("it is refused");
}
