//! Whether callers are asked who they are.

use conclave_mvcc::Transaction;

use super::command::Enable;
use super::record::{State, User};
use super::{AuthRejection, ROOT, refuse};
use crate::stop::Stop;

/// From now on callers are asked. That alone does not count as a change of users and roles, as with etcd.
pub(super) fn enable(
    transaction: &mut Transaction<'_>,
    state: &mut State,
    enable: &Enable,
) -> Result<(), Stop> {
    if state.is_enabled() {
        return Ok(());
    }
    let Some(root) = User::get(transaction.view(), ROOT)? else {
        return Err(refuse(AuthRejection::RootUserNotFound));
    };
    if !root.roles.iter().any(|role| role == ROOT) {
        return Err(refuse(AuthRejection::RootRoleNotGranted));
    }
    state.secret = Some(enable.secret.clone());
    state.write(transaction);
    Ok(())
}

/// From now on they are not. All tokens end.
pub(super) fn disable(transaction: &mut Transaction<'_>, state: &mut State) {
    if state.secret.take().is_some() {
        state.revision += 1;
        state.write(transaction);
    }
}
