//! Users and roles on the wire.

use conclave_core::auth::{
    self, AddRole, AddUser, AuthCommand, ChangePassword, DeleteRole, DeleteUser, Enable, GrantPermission,
    Permission, PermissionKind, RevokePermission, SALT_BYTES, TokenSecret, UserRole,
};
use conclave_proto::etcd::authpb;
use conclave_proto::etcd::etcdserverpb as wire;
use wire::ResponseHeader;

use crate::refusal::{Refusal, Rule};

/// A request that changes users or roles.
pub(crate) trait Change: Send + 'static {
    /// The answer.
    type Told;

    /// The command. May take as long as a password takes to be hashed.
    fn command(self) -> Result<AuthCommand, Refusal>;

    /// The answer, which is a header.
    fn told(header: Option<ResponseHeader>) -> Self::Told;
}

macro_rules! changes {
    ($($request:ident => $told:ident: |$it:ident| $command:expr;)*) => {$(
        impl Change for wire::$request {
            type Told = wire::$told;

            fn command(self) -> Result<AuthCommand, Refusal> {
                let $it = self;
                $command
            }

            fn told(header: Option<ResponseHeader>) -> Self::Told {
                wire::$told { header }
            }
        }
    )*};
}

changes! {
    AuthEnableRequest => AuthEnableResponse: |_request|
        Ok(AuthCommand::Enable(Enable { secret: TokenSecret::new(rand::random()) }));
    AuthDisableRequest => AuthDisableResponse: |_request| Ok(AuthCommand::Disable);
    AuthUserAddRequest => AuthUserAddResponse: |request| add_user(request);
    AuthUserDeleteRequest => AuthUserDeleteResponse: |request|
        Ok(AuthCommand::DeleteUser(DeleteUser { name: request.name }));
    AuthUserChangePasswordRequest => AuthUserChangePasswordResponse: |request| {
        let password = hash(&request.password, &request.hashed_password)?;
        Ok(AuthCommand::ChangePassword(ChangePassword { name: request.name, password }))
    };
    AuthUserGrantRoleRequest => AuthUserGrantRoleResponse: |request|
        Ok(AuthCommand::GrantRole(UserRole { user: request.user, role: request.role }));
    AuthUserRevokeRoleRequest => AuthUserRevokeRoleResponse: |request|
        Ok(AuthCommand::RevokeRole(UserRole { user: request.name, role: request.role }));
    AuthRoleAddRequest => AuthRoleAddResponse: |request|
        Ok(AuthCommand::AddRole(AddRole { name: request.name }));
    AuthRoleDeleteRequest => AuthRoleDeleteResponse: |request|
        Ok(AuthCommand::DeleteRole(DeleteRole { name: request.role }));
    AuthRoleGrantPermissionRequest => AuthRoleGrantPermissionResponse: |request| {
        let permission = permission(request.perm.ok_or(Rule::PermissionMissing)?);
        Ok(AuthCommand::GrantPermission(GrantPermission { role: request.name, permission }))
    };
    AuthRoleRevokePermissionRequest => AuthRoleRevokePermissionResponse: |request| {
        let wire::AuthRoleRevokePermissionRequest { role, key, range_end } = request;
        Ok(AuthCommand::RevokePermission(RevokePermission { role, key, range_end }))
    };
}

fn add_user(request: wire::AuthUserAddRequest) -> Result<AuthCommand, Refusal> {
    let no_password = request.options.is_some_and(|options| options.no_password);
    let password = if no_password { None } else { Some(hash(&request.password, &request.hashed_password)?) };
    Ok(AuthCommand::AddUser(AddUser { name: request.name, password }))
}

/// The password as it is kept. One that was hashed elsewhere is not taken: by what, is not told.
fn hash(password: &str, hashed: &str) -> Result<auth::PasswordHash, Rule> {
    if !hashed.is_empty() {
        return Err(Rule::PasswordHashed);
    }
    // Nobody can log in with an empty one.
    let unknown: [u8; 32] = rand::random();
    let password = if password.is_empty() { &unknown } else { password.as_bytes() };
    Ok(auth::hash_password(password, rand::random::<[u8; SALT_BYTES]>()))
}

fn permission(permission: authpb::Permission) -> Permission {
    let kind = match permission.perm_type() {
        authpb::permission::Type::Read => PermissionKind::Read,
        authpb::permission::Type::Write => PermissionKind::Write,
        authpb::permission::Type::Readwrite => PermissionKind::ReadWrite,
    };
    Permission { key: permission.key, range_end: permission.range_end, kind }
}

/// What a role permits.
pub(crate) fn told_permission(permission: Permission) -> authpb::Permission {
    let kind = match permission.kind {
        PermissionKind::Read => authpb::permission::Type::Read,
        PermissionKind::Write => authpb::permission::Type::Write,
        PermissionKind::ReadWrite => authpb::permission::Type::Readwrite,
    };
    authpb::Permission { perm_type: kind.into(), key: permission.key, range_end: permission.range_end }
}
