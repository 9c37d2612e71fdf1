//! Users, roles and permissions, as clients of etcd know them: who may do what with plain keys.
//!
//! Whoever has the role [`ROOT`] may do everything; others may read and write the keys that their roles permit. As long
//! as authentication is not enabled nobody is asked who he is.
//!
//! What a caller may is looked up here ([`may_read`] and its like); which keys a command or a transaction touches, and
//! that it is refused in the same step in which it would be done, is told in `access.rs`.
//!
//! Each change of users, roles and permissions takes an **auth revision**, a clock of its own: the store's revision does
//! not move.

mod caller;
mod command;
#[cfg(test)]
mod golden;
mod login;
mod outcome;
mod password;
mod permission;
mod permitted;
mod record;
mod rejection;
mod roles;
mod secret;
mod switch;
mod token;
mod users;

use conclave_mvcc::{MapError, ReadMap, Transaction};

pub use caller::{Caller, may_administer, may_know_role, may_know_user, may_read};
pub(crate) use caller::{Reach, require_root};
pub use command::{
    AddRole, AddUser, AuthCommand, ChangePassword, DeleteRole, DeleteUser, Enable, GrantPermission,
    RevokePermission, UserRole,
};
pub use login::{Login, identify, login};
pub use outcome::{AuthOutcome, AuthStatus, RoleInfo, UserInfo};
pub use password::{SALT_BYTES, hash_password, verify_password};
pub use permission::{Permission, PermissionKind};
pub use rejection::{AuthLimit, AuthRejection};
pub use roles::{PERMISSIONS_OF_ROLE_MAX, ROLES_MAX};
pub use secret::{PasswordHash, TokenSecret};
pub use token::Token;
pub use users::{ROLES_OF_USER_MAX, USERS_MAX};

use record::{Role, State, User, names};

use crate::rejection::Rejection;
use crate::stop::Stop;
use crate::tables::{ROLES, USERS};

/// The user without whom authentication cannot be enabled, and the role that permits everything.
pub const ROOT: &str = "root";
/// Most bytes of the name of a user or a role.
pub const NAME_BYTES_MAX: u64 = 1_024;

/// Does a command.
pub(crate) fn apply(transaction: &mut Transaction<'_>, command: &AuthCommand) -> Result<AuthOutcome, Stop> {
    let mut state = State::read(transaction.view())?;
    let changed = &mut state;
    match command {
        AuthCommand::Enable(enable) => switch::enable(transaction, changed, enable)?,
        AuthCommand::Disable => switch::disable(transaction, changed),
        AuthCommand::AddUser(add) => users::add(transaction, changed, add)?,
        AuthCommand::DeleteUser(delete) => users::delete(transaction, changed, delete)?,
        AuthCommand::ChangePassword(change) => users::change_password(transaction, changed, change)?,
        AuthCommand::GrantRole(grant) => users::grant_role(transaction, changed, grant)?,
        AuthCommand::RevokeRole(revoke) => users::revoke_role(transaction, changed, revoke)?,
        AuthCommand::AddRole(add) => roles::add(transaction, changed, add)?,
        AuthCommand::DeleteRole(delete) => roles::delete(transaction, changed, delete)?,
        AuthCommand::GrantPermission(grant) => roles::grant_permission(transaction, changed, grant)?,
        AuthCommand::RevokePermission(revoke) => roles::revoke_permission(transaction, changed, revoke)?,
    }
    Ok(AuthOutcome::Done { auth_revision: state.revision })
}

/// Whether callers are asked who they are.
///
/// # Errors
/// The map cannot be read.
pub fn status(view: &dyn ReadMap) -> Result<AuthStatus, MapError> {
    let state = State::read(view)?;
    Ok(AuthStatus { is_enabled: state.is_enabled(), auth_revision: state.revision })
}

/// What is told of a user.
///
/// # Errors
/// The map cannot be read.
pub fn user(view: &dyn ReadMap, name: &str) -> Result<Result<UserInfo, Rejection>, MapError> {
    let info = User::get(view, name)?.map(|user| UserInfo {
        name: name.to_owned(),
        has_password: user.password.is_some(),
        roles: user.roles,
    });
    Ok(info.ok_or_else(|| AuthRejection::UserNotFound { user: name.to_owned() }.into()))
}

/// The names of all users, in order.
///
/// # Errors
/// The map cannot be read.
pub fn users(view: &dyn ReadMap) -> Result<Vec<String>, MapError> {
    names(view, USERS)
}

/// What is told of a role.
///
/// # Errors
/// The map cannot be read.
pub fn role(view: &dyn ReadMap, name: &str) -> Result<Result<RoleInfo, Rejection>, MapError> {
    let info = Role::get(view, name)?;
    let info = info.map(|role| RoleInfo { name: name.to_owned(), permissions: role.permissions });
    Ok(info.ok_or_else(|| AuthRejection::RoleNotFound { role: name.to_owned() }.into()))
}

/// The names of all roles, in order. That of root is among them only if it was made.
///
/// # Errors
/// The map cannot be read.
pub fn roles(view: &dyn ReadMap) -> Result<Vec<String>, MapError> {
    names(view, ROLES)
}

impl State {
    /// Counts a change of users, roles or permissions.
    fn changed(&mut self, transaction: &mut Transaction<'_>) {
        self.revision += 1;
        self.write(transaction);
    }
}

fn require_name(name: &str, empty: AuthRejection) -> Result<(), Stop> {
    if name.is_empty() {
        return Err(refuse(empty));
    }
    if name.len() as u64 > NAME_BYTES_MAX {
        return Err(full(AuthLimit::NameBytes, NAME_BYTES_MAX));
    }
    Ok(())
}

/// Refuses if there can be none more of something.
fn require_room(there_are: u64, limit: AuthLimit, allowed: u64) -> Result<(), Stop> {
    if there_are < allowed { Ok(()) } else { Err(full(limit, allowed)) }
}

fn full(limit: AuthLimit, allowed: u64) -> Stop {
    refuse(AuthRejection::LimitReached { limit, allowed })
}

fn refuse(rejection: AuthRejection) -> Stop {
    Stop::Rejected(rejection.into())
}
