//! Changes of users. All but a role granted once more count as a change.

use conclave_mvcc::{MapError, Transaction};

use super::command::{AddUser, ChangePassword, DeleteUser, UserRole};
use super::record::{Role, State, User, names};
use super::{AuthLimit, AuthRejection, ROOT, refuse, require_name, require_room};
use crate::stop::Stop;
use crate::tables::USERS;
use crate::totals;

/// Most users that there may be.
pub const USERS_MAX: u64 = 10_000;
/// Most roles that a user may have: all that they permit is put together for each of its requests.
pub const ROLES_OF_USER_MAX: u64 = 256;

pub(super) fn add(transaction: &mut Transaction<'_>, state: &mut State, add: &AddUser) -> Result<(), Stop> {
    let AddUser { name, password } = add;
    require_name(name, AuthRejection::UserNameEmpty)?;
    if User::get(transaction.view(), name)?.is_some() {
        return Err(refuse(AuthRejection::UserExists { user: name.clone() }));
    }
    require_room(totals::USERS.of(transaction)?, AuthLimit::Users, USERS_MAX)?;
    totals::USERS.raise(transaction)?;
    state.changed(transaction);
    let tokens_since = state.revision;
    User { password: password.clone(), roles: Vec::new(), tokens_since }.put(transaction, name);
    Ok(())
}

pub(super) fn delete(
    transaction: &mut Transaction<'_>,
    state: &mut State,
    delete: &DeleteUser,
) -> Result<(), Stop> {
    if state.is_enabled() && delete.name == ROOT {
        return Err(refuse(AuthRejection::RootProtected));
    }
    find(transaction, &delete.name)?;
    transaction.side_delete(USERS, delete.name.as_bytes());
    totals::USERS.lower(transaction)?;
    state.changed(transaction);
    Ok(())
}

pub(super) fn change_password(
    transaction: &mut Transaction<'_>,
    state: &mut State,
    change: &ChangePassword,
) -> Result<(), Stop> {
    let mut user = find(transaction, &change.name)?;
    state.changed(transaction);
    user.password = user.password.map(|_| change.password.clone());
    user.tokens_since = state.revision;
    user.put(transaction, &change.name);
    Ok(())
}

/// The role of root is one whether it was made or not.
pub(super) fn grant_role(
    transaction: &mut Transaction<'_>,
    state: &mut State,
    grant: &UserRole,
) -> Result<(), Stop> {
    let mut user = find(transaction, &grant.user)?;
    if grant.role != ROOT && Role::get(transaction.view(), &grant.role)?.is_none() {
        return Err(refuse(AuthRejection::RoleNotFound { role: grant.role.clone() }));
    }
    let Err(place) = user.roles.binary_search(&grant.role) else { return Ok(()) };
    require_room(user.roles.len() as u64, AuthLimit::RolesOfUser, ROLES_OF_USER_MAX)?;
    user.roles.insert(place, grant.role.clone());
    user.put(transaction, &grant.user);
    state.changed(transaction);
    Ok(())
}

pub(super) fn revoke_role(
    transaction: &mut Transaction<'_>,
    state: &mut State,
    revoke: &UserRole,
) -> Result<(), Stop> {
    if state.is_enabled() && revoke.user == ROOT && revoke.role == ROOT {
        return Err(refuse(AuthRejection::RootProtected));
    }
    let UserRole { user: name, role } = revoke.clone();
    let mut user = find(transaction, &name)?;
    let Ok(place) = user.roles.binary_search(&role) else {
        return Err(refuse(AuthRejection::RoleNotGranted { user: name, role }));
    };
    user.roles.remove(place);
    user.put(transaction, &name);
    state.changed(transaction);
    Ok(())
}

/// Takes a role from all users that have it.
pub(super) fn take_role(transaction: &mut Transaction<'_>, role: &str) -> Result<(), MapError> {
    for name in names(transaction.view(), USERS)? {
        let Some(mut user) = User::get(transaction.view(), &name)? else { continue };
        let before = user.roles.len();
        user.roles.retain(|of_user| of_user != role);
        if user.roles.len() < before {
            user.put(transaction, &name);
        }
    }
    Ok(())
}

fn find(transaction: &Transaction<'_>, name: &str) -> Result<User, Stop> {
    let user = User::get(transaction.view(), name)?;
    user.ok_or_else(|| refuse(AuthRejection::UserNotFound { user: name.to_owned() }))
}
