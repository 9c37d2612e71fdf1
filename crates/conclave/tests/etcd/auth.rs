//! Users, roles, and what they may do.

use conclave_proto::etcd::authpb::Permission;
use conclave_proto::etcd::authpb::permission::Type;
use conclave_proto::etcd::etcdserverpb as pb;

use crate::pair::Pair;

fn user(name: &str, password: &str) -> pb::AuthUserAddRequest {
    pb::AuthUserAddRequest {
        name: name.into(),
        password: password.into(),
        ..pb::AuthUserAddRequest::default()
    }
}

fn gives(user: &str, role: &str) -> pb::AuthUserGrantRoleRequest {
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
