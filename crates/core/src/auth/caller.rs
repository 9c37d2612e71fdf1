//! Who asks, and what he may.

use conclave_mvcc::{KeyRange, MapError, ReadMap};
use serde::{Deserialize, Serialize};

use super::permitted::Permitted;
use super::record::{Role, State, User};
use super::{AuthRejection, ROOT, refuse};
use crate::rejection::Rejection;
use crate::stop::{Stop, part};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// Name of the user.
    pub user: String,
    /// The auth revision at which that was found out. What concerns keys is refused if users or roles have changed since:
    /// the user of this name may be another one by now.
    pub auth_revision: u64,
}

/// The keys that a caller may touch.
pub(crate) enum Reach {
    Everything,
    Permitted(Permitted),
}

impl Reach {
    /// That of a caller; all if nobody is asked who he is.
    pub(crate) fn of(view: &dyn ReadMap, caller: Option<&Caller>) -> Result<Self, Stop> {
        let state = State::read(view)?;
        let Some(caller) = asked(&state, caller)? else { return Ok(Self::Everything) };
        if caller.auth_revision < state.revision {
            return Err(refuse(AuthRejection::Outdated { of: caller.auth_revision, now: state.revision }));
        }
        let user = User::get(view, &caller.user)?.ok_or_else(denied)?;
        if user.is_root() {
            return Ok(Self::Everything);
        }
        let mut permissions = Vec::new();
        for role in &user.roles {
            permissions.extend(Role::get(view, role)?.unwrap_or_default().permissions);
        }
        Ok(Self::Permitted(Permitted::by(&permissions)))
    }

    pub(crate) fn require_read(&self, range: &KeyRange) -> Result<(), Stop> {
        match self {
            Self::Permitted(permitted) if !permitted.to_read(range) => Err(denied()),
            _ => Ok(()),
        }
    }

    pub(crate) fn require_write(&self, range: &KeyRange) -> Result<(), Stop> {
        match self {
            Self::Permitted(permitted) if !permitted.to_write(range) => Err(denied()),
            _ => Ok(()),
        }
    }
}

/// Refuses whoever has not the role of root now. That users or roles have changed meanwhile matters only if they made
/// another one of this caller: who administers does so all the time.
pub(crate) fn require_root(view: &dyn ReadMap, caller: Option<&Caller>) -> Result<(), Stop> {
    let Some(user) = known(view, caller)? else { return Ok(()) };
    if user.is_root() { Ok(()) } else { Err(denied()) }
}

/// Whether the caller may read these keys, or watch them.
///
/// # Errors
/// The map cannot be read.
pub fn may_read(
    view: &dyn ReadMap,
    caller: Option<&Caller>,
    range: &KeyRange,
) -> Result<Result<(), Rejection>, MapError> {
    part(Reach::of(view, caller).and_then(|reach| reach.require_read(range)))
}

/// Whether the caller may do what only root may: change users and roles, list them, care for the cluster.
///
/// # Errors
/// The map cannot be read.
pub fn may_administer(
    view: &dyn ReadMap,
    caller: Option<&Caller>,
) -> Result<Result<(), Rejection>, MapError> {
    part(require_root(view, caller))
}

/// Whether the caller may be told of a user: of himself, or of all if he is root.
///
/// # Errors
/// The map cannot be read.
pub fn may_know_user(
    view: &dyn ReadMap,
    caller: Option<&Caller>,
    name: &str,
) -> Result<Result<(), Rejection>, MapError> {
    part(known(view, caller).and_then(|user| {
        let may = user.is_none_or(|user| user.is_root()) || caller.is_some_and(|caller| caller.user == name);
        if may { Ok(()) } else { Err(denied()) }
    }))
}

/// Whether the caller may be told of a role: of those that he has, or of all if he is root.
///
/// # Errors
/// The map cannot be read.
pub fn may_know_role(
    view: &dyn ReadMap,
    caller: Option<&Caller>,
    name: &str,
) -> Result<Result<(), Rejection>, MapError> {
    part(known(view, caller).and_then(|user| {
        let may = user.is_none_or(|user| user.is_root() || user.has_role(name));
        if may { Ok(()) } else { Err(denied()) }
    }))
}

/// The caller as he is now; none if nobody is asked.
fn known(view: &dyn ReadMap, caller: Option<&Caller>) -> Result<Option<User>, Stop> {
    let Some(caller) = asked(&State::read(view)?, caller)? else { return Ok(None) };
    let user = User::get(view, &caller.user)?.ok_or_else(denied)?;
    if caller.auth_revision < user.tokens_since {
        return Err(refuse(AuthRejection::TokenInvalid));
    }
    Ok(Some(user))
}

/// Who was asked and has answered; none if nobody is asked.
fn asked<'a>(state: &State, caller: Option<&'a Caller>) -> Result<Option<&'a Caller>, Stop> {
    match caller {
        _ if !state.is_enabled() => Ok(None),
        Some(caller) => Ok(Some(caller)),
        None => Err(refuse(AuthRejection::NotAuthenticated)),
    }
}

impl User {
    fn is_root(&self) -> bool {
        self.has_role(ROOT)
    }

    fn has_role(&self, name: &str) -> bool {
        self.roles.iter().any(|role| role == name)
    }
}

fn denied() -> Stop {
    refuse(AuthRejection::PermissionDenied)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use conclave_mvcc::{MemoryMap, Transaction};

    use super::*;
    use crate::auth::secret::TokenSecret;
    use crate::auth::{Permission, PermissionKind};

    /// Ann may read `k` and is no root, root is; both since auth revision 3, and it is at 5.
    fn store(is_enabled: bool) -> MemoryMap {
        let mut map = MemoryMap::default();
        let mut transaction = Transaction::begin(&map).unwrap();
        let secret = is_enabled.then(|| TokenSecret::new([7; 32]));
        State { revision: 5, secret }.write(&mut transaction);
        for (name, role) in [("ann", "reader"), (ROOT, ROOT)] {
            let user = User { password: None, roles: vec![role.into()], tokens_since: 3 };
            user.put(&mut transaction, name);
        }
        let permission = Permission { key: "k".into(), range_end: Bytes::new(), kind: PermissionKind::Read };
        Role { permissions: vec![permission] }.put(&mut transaction, "reader");
        let sealed = transaction.seal();
        map.write(&sealed.writes);
        map
    }

    fn caller(user: &str, auth_revision: u64) -> Caller {
        Caller { user: user.into(), auth_revision }
    }

    #[track_caller]
    fn assert_told(told: Result<Result<(), Rejection>, MapError>, expected: Result<(), AuthRejection>) {
        assert_eq!(told.unwrap(), expected.map_err(Rejection::from));
    }

    #[test]
    fn nobody_is_asked_if_authentication_is_not_enabled() {
        let map = store(false);
        assert_told(may_read(&map, None, &KeyRange::all()), Ok(()));
        assert_told(may_administer(&map, Some(&caller("nobody", 0))), Ok(()));
        assert_told(may_know_user(&map, None, "ann"), Ok(()));
        assert_told(may_know_role(&map, None, "reader"), Ok(()));
    }

    #[test]
    fn reads_need_a_caller_of_the_present() {
        let map = store(true);
        let may = |caller: Option<&Caller>, range| may_read(&map, caller, &range);
        assert_told(may(None, KeyRange::single("k")), Err(AuthRejection::NotAuthenticated));
        let old = Err(AuthRejection::Outdated { of: 4, now: 5 });
        assert_told(may(Some(&caller("ann", 4)), KeyRange::single("k")), old.clone());
        assert_told(may(Some(&caller(ROOT, 4)), KeyRange::single("k")), old);
        assert_told(may(Some(&caller("ann", 5)), KeyRange::single("k")), Ok(()));
        // A node that is behind others.
        assert_told(may(Some(&caller("ann", 6)), KeyRange::single("k")), Ok(()));
        assert_told(
            may(Some(&caller("ann", 5)), KeyRange::prefix("k")),
            Err(AuthRejection::PermissionDenied),
        );
        assert_told(
            may(Some(&caller("bob", 5)), KeyRange::single("k")),
            Err(AuthRejection::PermissionDenied),
        );
        assert_told(may(Some(&caller(ROOT, 5)), KeyRange::all()), Ok(()));
    }

    #[test]
    fn only_root_administers() {
        let map = store(true);
        let may = |caller: Option<Caller>| may_administer(&map, caller.as_ref());
        assert_told(may(None), Err(AuthRejection::NotAuthenticated));
        assert_told(may(Some(caller(ROOT, 3))), Ok(()));
        assert_told(may(Some(caller(ROOT, 2))), Err(AuthRejection::TokenInvalid));
        assert_told(may(Some(caller("ann", 5))), Err(AuthRejection::PermissionDenied));
        assert_told(may(Some(caller("bob", 5))), Err(AuthRejection::PermissionDenied));
    }

    #[test]
    fn others_know_themselves_and_their_roles() {
        let map = store(true);
        let (ann, root) = (caller("ann", 3), caller(ROOT, 3));
        let denied = || Err(AuthRejection::PermissionDenied);
        assert_told(may_know_user(&map, Some(&ann), "ann"), Ok(()));
        assert_told(may_know_user(&map, Some(&ann), ROOT), denied());
        assert_told(may_know_user(&map, Some(&root), "ann"), Ok(()));
        assert_told(may_know_user(&map, None, "ann"), Err(AuthRejection::NotAuthenticated));
        assert_told(may_know_role(&map, Some(&ann), "reader"), Ok(()));
        assert_told(may_know_role(&map, Some(&ann), "nothing"), denied());
        assert_told(may_know_role(&map, Some(&root), "nothing"), Ok(()));
        assert_told(may_know_role(&map, None, "reader"), Err(AuthRejection::NotAuthenticated));
        assert_told(may_know_user(&map, Some(&caller("ann", 2)), "ann"), Err(AuthRejection::TokenInvalid));
    }
}
