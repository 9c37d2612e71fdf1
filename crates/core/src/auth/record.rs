//! How users and roles are kept: as rows of side tables, without history, so that the store's revision never moves for
//! them and no watcher sees them.
//!
//! | table | row key | row value |
//! |---|---|---|
//! | [`AUTH`] | – | whether callers are asked, the auth revision, what tokens are signed with |
//! | [`USERS`] | name | password, roles, since when its tokens count |
//! | [`ROLES`] | name | permissions |

use conclave_mvcc::{MapError, ReadMap, TableId, Transaction};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::permission::Permission;
use super::secret::{PasswordHash, TokenSecret};
use crate::encoding::{decode, encode, is_count};
use crate::tables::{AUTH, ROLES, USERS};

const FORMAT: u8 = 1;

/// What holds for the whole store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// One more for each change of users, roles and permissions.
    pub(super) revision: u64,
    /// What tokens are signed with; none: callers are not asked who they are.
    pub(super) secret: Option<TokenSecret>,
}

impl Default for State {
    fn default() -> Self {
        Self { revision: 1, secret: None }
    }
}

impl State {
    pub(super) fn is_enabled(&self) -> bool {
        self.secret.is_some()
    }

    pub(super) fn read(view: &dyn ReadMap) -> Result<Self, MapError> {
        let state: Self = get(view, AUTH, "")?.unwrap_or_default();
        if is_count(state.revision) {
            Ok(state)
        } else {
            Err(MapError::damaged("no count", &AUTH.row_key(b"")))
        }
    }

    pub(super) fn write(&self, transaction: &mut Transaction<'_>) {
        transaction.side_put(AUTH, b"", encode(FORMAT, self));
    }
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct User {
    /// None: it cannot log in.
    pub(super) password: Option<PasswordHash>,
    /// In order.
    pub(super) roles: Vec<String>,
    /// The auth revision from which on tokens are its: an earlier one was for another password, or for another user of
    /// this name.
    pub(super) tokens_since: u64,
}

impl User {
    pub(super) fn get(view: &dyn ReadMap, name: &str) -> Result<Option<Self>, MapError> {
        get(view, USERS, name)
    }

    pub(super) fn put(&self, transaction: &mut Transaction<'_>, name: &str) {
        transaction.side_put(USERS, name.as_bytes(), encode(FORMAT, self));
    }
}

/// A role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Role {
    /// In order of the first key; of one first key as they were granted.
    pub(super) permissions: Vec<Permission>,
}

impl Role {
    pub(super) fn get(view: &dyn ReadMap, name: &str) -> Result<Option<Self>, MapError> {
        get(view, ROLES, name)
    }

    pub(super) fn put(&self, transaction: &mut Transaction<'_>, name: &str) {
        transaction.side_put(ROLES, name.as_bytes(), encode(FORMAT, self));
    }
}

/// The names in a table, in order.
pub(super) fn names(view: &dyn ReadMap, table: TableId) -> Result<Vec<String>, MapError> {
    let prefix = table.row_key(b"");
    let mut rows = view.cursor();
    rows.seek(&prefix)?;
    let mut names = Vec::new();
    while let Some(name) = rows.key().and_then(|key| key.strip_prefix(prefix.as_ref())) {
        let name = str::from_utf8(name).map_err(|_| MapError::damaged("a name that is no text", name))?;
        names.push(name.to_owned());
        rows.advance()?;
    }
    Ok(names)
}

fn get<T: DeserializeOwned>(view: &dyn ReadMap, table: TableId, name: &str) -> Result<Option<T>, MapError> {
    let Some(row) = table.get(view, name.as_bytes())? else { return Ok(None) };
    let decoded = decode(FORMAT, &row);
    decoded.map(Some).map_err(|error| MapError::new(format_args!("users and roles, {name:?}: {error}")))
}
