//! Commands about users and roles.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::permission::Permission;
use super::secret::{PasswordHash, TokenSecret};

/// A change of who may do what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthCommand {
    /// From now on callers are asked who they are.
    Enable(Enable),
    /// From now on everybody may do everything.
    Disable,
    /// A new user.
    AddUser(AddUser),
    /// A user goes.
    DeleteUser(DeleteUser),
    /// A user has another password.
    ChangePassword(ChangePassword),
    /// A user has a role more.
    GrantRole(UserRole),
    /// A user has a role less.
    RevokeRole(UserRole),
    /// A new role, which permits nothing yet.
    AddRole(AddRole),
    /// A role goes, also from all users that have it.
    DeleteRole(DeleteRole),
    /// A role permits more, or the same keys in another way.
    GrantPermission(GrantPermission),
    /// A role permits less.
    RevokePermission(RevokePermission),
}

/// From now on callers are asked who they are. Nothing changes if they are already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enable {
    /// What tokens are signed with from now on: drawn by whoever proposes.
    pub secret: TokenSecret,
}

/// A new user, without roles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddUser {
    /// Its name.
    pub name: String,
    /// Its password; none: it cannot log in, now or later.
    pub password: Option<PasswordHash>,
}

/// A user goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteUser {
    /// Its name.
    pub name: String,
}

/// A user has another password: its tokens end. One that was made without a password stays so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangePassword {
    /// Its name.
    pub name: String,
    /// The new password.
    pub password: PasswordHash,
}

/// A role of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRole {
    /// Name of the user.
    pub user: String,
    /// Name of the role.
    pub role: String,
}

/// A new role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddRole {
    /// Its name.
    pub name: String,
}

/// A role goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteRole {
    /// Its name.
    pub name: String,
}

/// A role permits more. If it has a permission for exactly these keys, that one is replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantPermission {
    /// Name of the role.
    pub role: String,
    /// What it permits from now on.
    pub permission: Permission,
}

/// A role permits less: its permission for exactly these keys goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokePermission {
    /// Name of the role.
    pub role: String,
    /// As the permission has it.
    pub key: Bytes,
    /// As the permission has it.
    pub range_end: Bytes,
}
