//! Changes of roles.

use conclave_mvcc::Transaction;

use super::command::{AddRole, DeleteRole, GrantPermission, RevokePermission};
use super::record::{Role, State};
use super::users::take_role;
use super::{AuthLimit, AuthRejection, ROOT, refuse, require_name, require_room};
use crate::stop::Stop;
use crate::tables::ROLES;
use crate::totals;

/// Most roles that there may be.
pub const ROLES_MAX: u64 = 10_000;
/// Most permissions that a role may have.
pub const PERMISSIONS_OF_ROLE_MAX: u64 = 1_000;

pub(super) fn add(transaction: &mut Transaction<'_>, state: &mut State, add: &AddRole) -> Result<(), Stop> {
    require_name(&add.name, AuthRejection::RoleNameEmpty)?;
    if Role::get(transaction.view(), &add.name)?.is_some() {
        return Err(refuse(AuthRejection::RoleExists { role: add.name.clone() }));
    }
    require_room(totals::ROLES.of(transaction)?, AuthLimit::Roles, ROLES_MAX)?;
    totals::ROLES.raise(transaction)?;
    Role::default().put(transaction, &add.name);
    state.changed(transaction);
    Ok(())
}

pub(super) fn delete(
    transaction: &mut Transaction<'_>,
    state: &mut State,
    delete: &DeleteRole,
) -> Result<(), Stop> {
    if state.is_enabled() && delete.name == ROOT {
        return Err(refuse(AuthRejection::RootProtected));
    }
    find(transaction, &delete.name)?;
    transaction.side_delete(ROLES, delete.name.as_bytes());
    totals::ROLES.lower(transaction)?;
    take_role(transaction, &delete.name)?;
    state.changed(transaction);
    Ok(())
}

pub(super) fn grant_permission(
    transaction: &mut Transaction<'_>,
    state: &mut State,
    grant: &GrantPermission,
) -> Result<(), Stop> {
    let permission = grant.permission.clone();
    if !permission.is_valid() {
        return Err(refuse(AuthRejection::RangeInvalid));
    }
    let mut role = find(transaction, &grant.role)?;
    let permissions = &mut role.permissions;
    let same = permissions.iter_mut().find(|known| known.is_for(&permission.key, &permission.range_end));
    if let Some(known) = same {
        known.kind = permission.kind;
    } else {
        require_room(permissions.len() as u64, AuthLimit::PermissionsOfRole, PERMISSIONS_OF_ROLE_MAX)?;
        let place = permissions.partition_point(|known| known.key <= permission.key);
        permissions.insert(place, permission);
    }
    role.put(transaction, &grant.role);
    state.changed(transaction);
    Ok(())
}

pub(super) fn revoke_permission(
    transaction: &mut Transaction<'_>,
    state: &mut State,
    revoke: &RevokePermission,
) -> Result<(), Stop> {
    let RevokePermission { role: name, key, range_end } = revoke;
    let mut role = find(transaction, name)?;
    let before = role.permissions.len();
    role.permissions.retain(|known| !known.is_for(key, range_end));
    if role.permissions.len() == before {
        return Err(refuse(AuthRejection::PermissionNotGranted { role: name.clone() }));
    }
    role.put(transaction, name);
    state.changed(transaction);
    Ok(())
}

fn find(transaction: &Transaction<'_>, name: &str) -> Result<Role, Stop> {
    let role = Role::get(transaction.view(), name)?;
    role.ok_or_else(|| refuse(AuthRejection::RoleNotFound { role: name.to_owned() }))
}
