//! Why somebody is not let in, and what root cannot undo.

use conclave_proto::etcd::etcdserverpb as pb;
use pb::auth_client::AuthClient;
use tonic::Code;

use crate::auth::{enabled, from, gives, user};
use crate::pair::{Pair, Side};

fn login(name: &str, password: &str) -> pb::AuthenticateRequest {
    pb::AuthenticateRequest { name: name.into(), password: password.into() }
}

#[tokio::test]
async fn root_needs_its_role() {
    let mut pair = Pair::start().await;
    pair.granted(user("root", "secret")).await;
    let refused = pair.refused(pb::AuthEnableRequest {}).await;
    let expected = "etcdserver: root user does not have root role";
    assert_eq!(refused, (Code::FailedPrecondition, expected.to_owned()));
}

#[tokio::test]
async fn who_cannot_log_in_is_told_why() {
    let mut pair = Pair::start().await;
    let options = Some(conclave_proto::etcd::authpb::UserAddOptions { no_password: true });
    pair.granted(pb::AuthUserAddRequest { options, ..user("bob", "") }).await;
    pair.granted(user("root", "secret")).await;
    pair.granted(pb::AuthRoleAddRequest { name: "root".into() }).await;
    pair.granted(gives("root", "root")).await;
    pair.granted(pb::AuthEnableRequest {}).await;
    let failed = "etcdserver: authentication failed, invalid user ID or password";
    for (name, password) in [("root", "other"), ("root", ""), ("nobody", "secret"), ("", "")] {
        let refused = pair.refused(login(name, password)).await;
        assert_eq!(refused, (Code::InvalidArgument, failed.to_owned()), "{name:?}");
    }
    pair.refused(login("bob", "secret")).await;
    pair.granted(login("root", "secret")).await;
}

#[tokio::test]
async fn root_stays_while_callers_are_asked() {
    let mut pair = enabled().await;
    let deletes = async |side: Side| {
        let request = from(&side, "root", pb::AuthUserDeleteRequest { name: "root".into() }).await;
        AuthClient::new(side.channel.clone()).user_delete(request).await
    };
    pair.both("deletes the user root", deletes).await.expect_err("it is refused");
    let takes = async |side: Side| {
        let request = pb::AuthUserRevokeRoleRequest { name: "root".into(), role: "root".into() };
        AuthClient::new(side.channel.clone()).user_revoke_role(from(&side, "root", request).await).await
    };
    pair.both("takes the role root from the user root", takes).await.expect_err("it is refused");
    let drops = async |side: Side| {
        let request = from(&side, "root", pb::AuthRoleDeleteRequest { role: "root".into() }).await;
        AuthClient::new(side.channel.clone()).role_delete(request).await
    };
    pair.both("deletes the role root", drops).await.expect_err("it is refused");
}
