//! Commands about users and roles, from words; and reads of both.

use bytes::Bytes;
use conclave_core::auth::{
    self, AddRole, AddUser, AuthCommand, ChangePassword, DeleteRole, DeleteUser, Enable, GrantPermission,
    PasswordHash, Permission, PermissionKind, RevokePermission, TokenSecret, UserRole,
};
use conclave_mvcc::MemoryMap;

use crate::show::{line, refusal};
use crate::words::Words;

/// The command, if the words are one about users and roles.
pub(crate) fn parse(words: &Words) -> Option<AuthCommand> {
    let text = |place| words.word(place).replace("''", "");
    let does: Vec<_> = words.plain.iter().take(2).map(String::as_str).collect();
    Some(match does[..] {
        ["auth", "enable"] => AuthCommand::Enable(Enable { secret: TokenSecret::new([b's'; 32]) }),
        ["auth", "disable"] => AuthCommand::Disable,
        ["user", "add"] => AuthCommand::AddUser(AddUser {
            name: text(2),
            password: (!words.has("no-password")).then(|| PasswordHash::new("$first")),
        }),
        ["user", "delete"] => AuthCommand::DeleteUser(DeleteUser { name: text(2) }),
        ["user", "password"] => AuthCommand::ChangePassword(ChangePassword {
            name: text(2),
            password: PasswordHash::new("$next"),
        }),
        ["user", "grant"] => AuthCommand::GrantRole(UserRole { user: text(2), role: text(3) }),
        ["user", "revoke"] => AuthCommand::RevokeRole(UserRole { user: text(2), role: text(3) }),
        ["role", "add"] => AuthCommand::AddRole(AddRole { name: text(2) }),
        ["role", "delete"] => AuthCommand::DeleteRole(DeleteRole { name: text(2) }),
        ["role", "grant"] => AuthCommand::GrantPermission(GrantPermission {
            role: text(2),
            permission: Permission {
                key: key(words, 4),
                range_end: key(words, 5),
                kind: kind(words.word(3)),
            },
        }),
        ["role", "revoke"] => AuthCommand::RevokePermission(RevokePermission {
            role: text(2),
            key: key(words, 3),
            range_end: key(words, 4),
        }),
        _ => return None,
    })
}

/// What is read, if the words ask for users or roles.
pub(crate) fn read(map: &MemoryMap, words: &Words) -> Option<String> {
    let asked: Vec<_> = words.plain.iter().map(String::as_str).collect();
    Some(match asked[..] {
        ["auth"] => {
            let status = auth::status(map).unwrap();
            let is = if status.is_enabled { "enabled" } else { "disabled" };
            line("auth", &format!("{is}, auth revision {}", status.auth_revision))
        }
        ["users"] => line("users", &auth::users(map).unwrap().join(" ")),
        ["roles"] => line("roles", &auth::roles(map).unwrap().join(" ")),
        ["user", name] => match auth::user(map, name).unwrap() {
            Ok(user) => {
                let cannot = if user.has_password { "" } else { ", cannot log in" };
                line("user", &format!("{} {:?}{cannot}", user.name, user.roles))
            }
            Err(rejection) => refusal(&rejection),
        },
        ["role", name] => match auth::role(map, name).unwrap() {
            Ok(role) => {
                let permissions = role.permissions.iter().map(permission);
                line("role", &role.name) + &permissions.collect::<String>()
            }
            Err(rejection) => refusal(&rejection),
        },
        _ => return None,
    })
}

fn permission(permission: &Permission) -> String {
    let does = format!("{:?}", permission.kind).to_lowercase();
    line("permits", &format!("{does} {:?} {:?}", permission.key, permission.range_end))
}

fn kind(word: &str) -> PermissionKind {
    match word {
        "read" => PermissionKind::Read,
        "write" => PermissionKind::Write,
        "both" => PermissionKind::ReadWrite,
        other => panic!("no kind of permission: {other}"),
    }
}

/// The word at this place, if there is one; `..` stands for the byte 0.
fn key(words: &Words, place: usize) -> Bytes {
    let word = words.plain.get(place).cloned().unwrap_or_default();
    if word == ".." { "\0".into() } else { word.into() }
}
