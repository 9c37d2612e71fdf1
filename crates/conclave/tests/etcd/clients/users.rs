//! `user`, `role` and `auth`.

use super::etcdctl::Etcdctl;
use super::three;

#[tokio::test(flavor = "multi_thread")]
async fn users_may_do_what_their_roles_say() {
    let cluster = three().await;
    for ctl in Etcdctl::of_all_versions(&cluster) {
        set_up(&ctl).await;
        let (root, ada) = (ctl.by("root:secret"), ctl.by("ada:first"));
        ctl.done(&["auth", "enable"]).await;
        if ctl.version == "3.5.1" {
            assert!(root.done(&["auth", "status"]).await.contains("Authentication Status: true"));
        }
        assert_eq!(ada.done(&["put", "k/1", "v"]).await, "OK\n");
        assert!(ada.refused(&["put", "z", "v"]).await.contains("permission denied"));
        assert!(ctl.refused(&["get", "k/1"]).await.contains("user name is empty"));
        let wrong = ctl.by("ada:wrong").refused(&["get", "k/1"]).await;
        assert!(wrong.contains("authentication failed, invalid user ID or password"), "{wrong}");
        root.done_with(&["user", "passwd", "ada", "--interactive=false"], "second").await;
        assert_eq!(ctl.by("ada:second").done(&["get", "k/1"]).await, "k/1\nv\n");
        assert!(ctl.by("ada:second").refused(&["user", "list"]).await.contains("permission denied"));
        assert_eq!(root.done(&["user", "list"]).await, "ada\nroot\n");
        assert_eq!(root.done(&["role", "list"]).await, "reader\nroot\n");

        root.done(&["user", "revoke-role", "ada", "reader"]).await;
        assert!(ctl.by("ada:second").refused(&["get", "k/1"]).await.contains("permission denied"));
        root.done(&["role", "revoke-permission", "reader", "k/", "--prefix"]).await;
        assert_eq!(root.done(&["role", "get", "reader"]).await, "Role reader\nKV Read:\nKV Write:\n");
        root.done(&["user", "delete", "ada"]).await;
        root.done(&["role", "delete", "reader"]).await;
        root.done(&["auth", "disable"]).await;
        ctl.done(&["user", "delete", "root"]).await;
        ctl.done(&["role", "delete", "root"]).await;
    }
}

async fn set_up(ctl: &Etcdctl) {
    assert_eq!(ctl.done(&["user", "add", "root:secret"]).await, "User root created\n");
    ctl.done_with(&["user", "add", "ada", "--interactive=false"], "first\n").await;
    ctl.done(&["role", "add", "root"]).await;
    ctl.done(&["role", "add", "reader"]).await;
    ctl.done(&["role", "grant-permission", "reader", "readwrite", "k/", "--prefix"]).await;
    ctl.done(&["user", "grant-role", "root", "root"]).await;
    ctl.done(&["user", "grant-role", "ada", "reader"]).await;
    let told = ctl.done(&["user", "get", "ada", "--detail"]).await;
    assert!(told.contains("[k/, k0) (prefix k/)"), "{told}");
}
