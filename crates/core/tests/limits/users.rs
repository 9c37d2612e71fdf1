//! Bounds of users and roles.

use bytes::Bytes;
use conclave_core::auth::{
    AddRole, AddUser, AuthCommand, AuthLimit, AuthRejection, DeleteRole, DeleteUser, GrantPermission,
    NAME_BYTES_MAX, PERMISSIONS_OF_ROLE_MAX, Permission, PermissionKind, ROLES_MAX, ROLES_OF_USER_MAX,
    USERS_MAX, UserRole,
};
use conclave_core::{Answer, Command};
use conclave_mvcc::WriteSet;

use crate::Store;

fn full(limit: AuthLimit, allowed: u64) -> Answer {
    Err(AuthRejection::LimitReached { limit, allowed }.into())
}

impl Store {
    fn auth(&mut self, command: AuthCommand) -> Answer {
        self.tell(Command::Auth(command))
    }

    fn add_user(&mut self, name: &str) -> Answer {
        self.auth(AuthCommand::AddUser(AddUser { name: name.into(), password: None }))
    }

    fn add_role(&mut self, name: &str) -> Answer {
        self.auth(AuthCommand::AddRole(AddRole { name: name.into() }))
    }

    /// As if there were so many already.
    fn count(&mut self, total: &str, number: u64) {
        let mut writes = WriteSet::default();
        writes.put(format!("\x14{total}").into(), Bytes::copy_from_slice(&number.to_be_bytes()));
        self.map.write(&writes);
    }
}

#[test]
fn there_are_so_many_users_and_roles() {
    let mut store = Store::default();
    store.add_user("ann").unwrap();
    store.add_role("r").unwrap();
    store.count("users", USERS_MAX);
    store.count("roles", ROLES_MAX);
    assert_eq!(store.add_user("bob"), full(AuthLimit::Users, USERS_MAX));
    assert_eq!(store.add_role("s"), full(AuthLimit::Roles, ROLES_MAX));
    store.auth(AuthCommand::DeleteUser(DeleteUser { name: "ann".into() })).unwrap();
    store.auth(AuthCommand::DeleteRole(DeleteRole { name: "r".into() })).unwrap();
    store.add_user("bob").unwrap();
    store.add_role("s").unwrap();
    assert_eq!(store.add_user("cid"), full(AuthLimit::Users, USERS_MAX));
    assert_eq!(store.add_role("t"), full(AuthLimit::Roles, ROLES_MAX));
}

#[test]
fn names_are_so_long() {
    let mut store = Store::default();
    let longest = "n".repeat(usize::try_from(NAME_BYTES_MAX).unwrap());
    store.add_user(&longest).unwrap();
    store.add_role(&longest).unwrap();
    assert_eq!(store.add_user(&(longest.clone() + "n")), full(AuthLimit::NameBytes, NAME_BYTES_MAX));
    assert_eq!(store.add_role(&(longest + "n")), full(AuthLimit::NameBytes, NAME_BYTES_MAX));
}

#[test]
fn a_user_has_so_many_roles() {
    let mut store = Store::default();
    store.add_user("ann").unwrap();
    let grant = |role: String| AuthCommand::GrantRole(UserRole { user: "ann".into(), role });
    for number in 0..=ROLES_OF_USER_MAX {
        store.add_role(&format!("r{number}")).unwrap();
    }
    for number in 0..ROLES_OF_USER_MAX {
        store.auth(grant(format!("r{number}"))).unwrap();
    }
    let one_more = store.auth(grant(format!("r{ROLES_OF_USER_MAX}")));
    assert_eq!(one_more, full(AuthLimit::RolesOfUser, ROLES_OF_USER_MAX));
    store.auth(grant("r0".into())).unwrap();
}

#[test]
fn a_role_has_so_many_permissions() {
    let mut store = Store::default();
    store.add_role("r").unwrap();
    let grant = |number: u64, kind| {
        let permission = Permission { key: format!("k{number}").into(), range_end: Bytes::new(), kind };
        AuthCommand::GrantPermission(GrantPermission { role: "r".into(), permission })
    };
    for number in 0..PERMISSIONS_OF_ROLE_MAX {
        store.auth(grant(number, PermissionKind::Read)).unwrap();
    }
    let one_more = store.auth(grant(PERMISSIONS_OF_ROLE_MAX, PermissionKind::Read));
    assert_eq!(one_more, full(AuthLimit::PermissionsOfRole, PERMISSIONS_OF_ROLE_MAX));
    store.auth(grant(0, PermissionKind::Write)).unwrap();
}
