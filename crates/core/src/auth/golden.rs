//! The bytes of users and roles: they must be read for ever.

use super::record::{Role, State, User};
use super::*;
use crate::answer::{Outcome, decode_answer, encode_answer};
use crate::command::{By, Command, decode_command, encode_command};
use crate::encoding::encode;

#[track_caller]
fn assert_command(command: AuthCommand, golden: &[u8]) {
    let command = Command::Auth(command);
    let encoded = encode_command(&command);
    assert_eq!(encoded.escape_ascii().to_string(), [b"\x01\x06", golden].concat().escape_ascii().to_string());
    assert_eq!(decode_command(&encoded), Ok(command));
}

#[test]
fn commands_of_callers() {
    let inner = Command::Auth(AuthCommand::Disable);
    let caller = Some(Caller { user: "ann".into(), auth_revision: 300 });
    for (caller, golden) in
        [(caller, b"\x01\x07\x01\x03ann\xac\x02\x06\x01".as_slice()), (None, b"\x01\x07\x00\x06\x01")]
    {
        let command = Command::By(By { caller, command: Box::new(inner.clone()) });
        let encoded = encode_command(&command);
        assert_eq!(encoded.escape_ascii().to_string(), golden.escape_ascii().to_string());
        assert_eq!(decode_command(&encoded), Ok(command));
    }
}

#[test]
fn a_retry_is_known_whenever_its_caller_has_logged_in() {
    let by = |user: &str, auth_revision| {
        let caller = Some(Caller { user: user.into(), auth_revision });
        let command = Command::By(By { caller, command: Box::new(Command::Auth(AuthCommand::Disable)) });
        command.identity(b"bytes").into_owned()
    };
    assert_eq!(by("ann", 3), b"\x00\x01\x03ann\x06\x01");
    assert_eq!(by("ann", 4), by("ann", 3));
    assert_ne!(by("bob", 3), by("ann", 3));
    assert_eq!(Command::Auth(AuthCommand::Disable).identity(b"bytes").as_ref(), b"bytes");
}

fn permission(kind: PermissionKind) -> Permission {
    Permission { key: "k".into(), range_end: "m".into(), kind }
}

fn user_role() -> UserRole {
    UserRole { user: "ann".into(), role: "r".into() }
}

#[test]
fn commands() {
    let secret = TokenSecret::new([b's'; 32]);
    assert_command(AuthCommand::Enable(Enable { secret }), &[b"\x00".as_slice(), &[b's'; 32]].concat());
    assert_command(AuthCommand::Disable, b"\x01");
    let add = |password| AuthCommand::AddUser(AddUser { name: "ann".into(), password });
    assert_command(add(Some(PasswordHash::new("$p"))), b"\x02\x03ann\x01\x02$p");
    assert_command(add(None), b"\x02\x03ann\x00");
    assert_command(AuthCommand::DeleteUser(DeleteUser { name: "ann".into() }), b"\x03\x03ann");
    let change = ChangePassword { name: "ann".into(), password: PasswordHash::new("$p") };
    assert_command(AuthCommand::ChangePassword(change), b"\x04\x03ann\x02$p");
    assert_command(AuthCommand::GrantRole(user_role()), b"\x05\x03ann\x01r");
    assert_command(AuthCommand::RevokeRole(user_role()), b"\x06\x03ann\x01r");
    assert_command(AuthCommand::AddRole(AddRole { name: "r".into() }), b"\x07\x01r");
    assert_command(AuthCommand::DeleteRole(DeleteRole { name: "r".into() }), b"\x08\x01r");
    for (kind, number) in
        [(PermissionKind::Read, 0), (PermissionKind::Write, 1), (PermissionKind::ReadWrite, 2)]
    {
        let grant = GrantPermission { role: "r".into(), permission: permission(kind) };
        let golden = [b"\x09\x01r\x01k\x01m".as_slice(), &[number]].concat();
        assert_command(AuthCommand::GrantPermission(grant), &golden);
    }
    let revoke = RevokePermission { role: "r".into(), key: "k".into(), range_end: "m".into() };
    assert_command(AuthCommand::RevokePermission(revoke), b"\x0a\x01r\x01k\x01m");
}

#[test]
fn the_outcome() {
    let answer = Ok(Outcome::Auth(AuthOutcome::Done { auth_revision: 300 }));
    let encoded = encode_answer(&answer);
    assert_eq!(encoded.escape_ascii().to_string(), b"\x01\x00\x05\x00\xac\x02".escape_ascii().to_string());
    assert_eq!(decode_answer(&encoded), Ok(answer));
}

#[test]
fn rows() {
    let secret = Some(TokenSecret::new([b's'; 32]));
    let golden = [b"\x01\xac\x02\x01".as_slice(), &[b's'; 32]].concat();
    assert_eq!(encode(1, &State { revision: 300, secret }), golden);
    assert_eq!(encode(1, &State::default()), b"\x01\x01\x00".as_slice());
    let roles = vec!["a".into(), "b".into()];
    let user = User { password: Some(PasswordHash::new("$p")), roles, tokens_since: 300 };
    assert_eq!(encode(1, &user), b"\x01\x01\x02$p\x02\x01a\x01b\xac\x02".as_slice());
    let role = Role { permissions: vec![permission(PermissionKind::ReadWrite)] };
    assert_eq!(encode(1, &role), b"\x01\x01\x01k\x01m\x02".as_slice());
}

#[test]
fn refusals() {
    let (user, role) = (|| "u".to_owned(), || "r".to_owned());
    let golden: [(AuthRejection, &[u8]); 20] = [
        (AuthRejection::NotEnabled, b"\x00"),
        (AuthRejection::RootUserNotFound, b"\x01"),
        (AuthRejection::RootRoleNotGranted, b"\x02"),
        (AuthRejection::UserNameEmpty, b"\x03"),
        (AuthRejection::UserExists { user: user() }, b"\x04\x01u"),
        (AuthRejection::UserNotFound { user: user() }, b"\x05\x01u"),
        (AuthRejection::RoleNameEmpty, b"\x06"),
        (AuthRejection::RoleExists { role: role() }, b"\x07\x01r"),
        (AuthRejection::RoleNotFound { role: role() }, b"\x08\x01r"),
        (AuthRejection::RoleNotGranted { user: user(), role: role() }, b"\x09\x01u\x01r"),
        (AuthRejection::PermissionNotGranted { role: role() }, b"\x0a\x01r"),
        (AuthRejection::RangeInvalid, b"\x0b"),
        (AuthRejection::RootProtected, b"\x0c"),
        (AuthRejection::LimitReached { limit: AuthLimit::NameBytes, allowed: 300 }, b"\x0d\x04\xac\x02"),
        (AuthRejection::LoginFailed, b"\x0e"),
        (AuthRejection::NoPassword { user: user() }, b"\x0f\x01u"),
        (AuthRejection::NotAuthenticated, b"\x10"),
        (AuthRejection::TokenInvalid, b"\x11"),
        (AuthRejection::Outdated { of: 3, now: 300 }, b"\x12\x03\xac\x02"),
        (AuthRejection::PermissionDenied, b"\x13"),
    ];
    for (rejection, golden) in golden {
        let answer = Err(rejection.into());
        let encoded = encode_answer(&answer);
        let golden = [b"\x01\x01\x16", golden].concat();
        assert_eq!(encoded.escape_ascii().to_string(), golden.escape_ascii().to_string());
        assert_eq!(decode_answer(&encoded), Ok(answer));
    }
}

#[test]
fn limits() {
    let all = [
        AuthLimit::Users,
        AuthLimit::Roles,
        AuthLimit::RolesOfUser,
        AuthLimit::PermissionsOfRole,
        AuthLimit::NameBytes,
    ];
    for (number, limit) in (0..).zip(all) {
        let answer = Err(AuthRejection::LimitReached { limit, allowed: 1 }.into());
        assert_eq!(encode_answer(&answer).as_ref(), [1, 1, 0x16, 0x0d, number, 1]);
    }
}
