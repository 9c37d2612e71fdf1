//! What commands about users and roles lead to, and what is told of both.

use serde::{Deserialize, Serialize};

use super::permission::Permission;

/// What a command about users and roles led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthOutcome {
    /// It is so now.
    Done {
        /// How often users, roles and permissions have changed, from 1 on.
        auth_revision: u64,
    },
}

/// Whether callers are asked who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthStatus {
    /// Whether they are.
    pub is_enabled: bool,
    /// How often users, roles and permissions have changed, from 1 on.
    pub auth_revision: u64,
}

/// What is told of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserInfo {
    /// Its name.
    pub name: String,
    /// Whether it can log in.
    pub has_password: bool,
    /// Names of its roles, in order. That of root need not exist.
    pub roles: Vec<String>,
}

/// What is told of a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleInfo {
    /// Its name.
    pub name: String,
    /// What it permits, in order of the first key.
    pub permissions: Vec<Permission>,
}
