//! Users and roles.

use etcd_client::{Client, Error, Permission};

use crate::keys::value;
use crate::stage;

pub(crate) async fn may_do_what_their_roles_say(client: &mut Client) -> Result<(), Error> {
    client.user_add("root", "secret", None).await?;
    client.user_grant_role("root", "root").await?;
    client.role_add("reader").await?;
    client.role_grant_permission("reader", Permission::read("public/").with_prefix()).await?;
    client.user_add("ada", "first", None).await?;
    client.user_grant_role("ada", "reader").await?;
    client.auth_enable().await?;
    let mut root = stage::client(Some(("root", "secret"))).await?;
    let mut ada = stage::client(Some(("ada", "first"))).await?;
    root.put("public/1", "all", None).await?;
    assert_eq!(value(&mut ada, "public/1").await?.as_deref(), Some("all"));
    let refused = ada.put("public/1", "mine", None).await.expect_err("it may only read").to_string();
    assert!(refused.contains("permission denied"), "{refused}");
    let refused = client.get("public/1", None).await.expect_err("nobody says who asks").to_string();
    assert!(refused.contains("user name is empty"), "{refused}");
    root.auth_disable().await?;
    for user in ["root", "ada"] {
        client.user_delete(user).await?;
    }
    client.role_delete("reader").await?;
    Ok(())
}
