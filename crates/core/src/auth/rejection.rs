//! Why something was refused for who asked, or a command about users and roles for what is there.

use serde::{Deserialize, Serialize};

/// Why something was refused for who asked, or a command about users and roles for what is there. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum AuthRejection {
    /// Nobody can log in.
    #[error("authentication is not enabled: nobody needs to log in")]
    NotEnabled,
    /// There is no user to administer with.
    #[error("there is no user \"root\": add it before authentication is enabled")]
    RootUserNotFound,
    /// The user to administer with could not.
    #[error("the user \"root\" does not have the role \"root\": grant it before authentication is enabled")]
    RootRoleNotGranted,
    /// A user without a name.
    #[error("the name of the user is empty")]
    UserNameEmpty,
    /// There is one already.
    #[error("user {user:?} exists already")]
    UserExists {
        /// Its name.
        user: String,
    },
    /// There is none.
    #[error("there is no user {user:?}")]
    UserNotFound {
        /// The name asked for.
        user: String,
    },
    /// A role without a name.
    #[error("the name of the role is empty")]
    RoleNameEmpty,
    /// There is one already.
    #[error("role {role:?} exists already")]
    RoleExists {
        /// Its name.
        role: String,
    },
    /// There is none.
    #[error("there is no role {role:?}")]
    RoleNotFound {
        /// The name asked for.
        role: String,
    },
    /// The user does not have it.
    #[error("user {user:?} does not have the role {role:?}")]
    RoleNotGranted {
        /// Name of the user.
        user: String,
        /// Name of the role.
        role: String,
    },
    /// The role has no permission for exactly these keys.
    #[error("role {role:?} has no permission for exactly these keys")]
    PermissionNotGranted {
        /// Name of the role.
        role: String,
    },
    /// The range has no first key, or ends before it begins.
    #[error("a permission is for one key that is not empty, or for a range that begins before it ends")]
    RangeInvalid,
    /// While callers are asked who they are, somebody must be able to administer.
    #[error("while authentication is enabled, \"root\" stays as it is: disable authentication first")]
    RootProtected,
    /// More of something than may be.
    #[error("there may be at most {allowed} {}", limit.what())]
    LimitReached {
        /// Of what.
        limit: AuthLimit,
        /// How many there may be.
        allowed: u64,
    },
    /// Another password, or another name.
    #[error("name or password is wrong")]
    LoginFailed,
    /// The user was made so that it cannot log in.
    #[error("user {user:?} has no password: it cannot log in with one")]
    NoPassword {
        /// Its name.
        user: String,
    },
    /// Nobody said who asks.
    #[error("authentication is enabled: log in first")]
    NotAuthenticated,
    /// Not made here, or no longer good.
    #[error("the token is none, or no longer good: log in again")]
    TokenInvalid,
    /// Users, roles or permissions have changed since it was found out who asks.
    #[error("users or roles have changed meanwhile, from auth revision {of} to {now}: try again")]
    Outdated {
        /// The auth revision at which it was found out.
        of: u64,
        /// The one now.
        now: u64,
    },
    /// The caller may not.
    #[error("permission denied: ask for a role that permits it")]
    PermissionDenied,
}

/// What there may only be so many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthLimit {
    /// Users of the store.
    Users,
    /// Roles of the store.
    Roles,
    /// Roles of a user.
    RolesOfUser,
    /// Permissions of a role.
    PermissionsOfRole,
    /// Bytes of a name.
    NameBytes,
}

impl AuthLimit {
    fn what(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Roles => "roles",
            Self::RolesOfUser => "roles of a user",
            Self::PermissionsOfRole => "permissions of a role",
            Self::NameBytes => "bytes in a name",
        }
    }
}

impl AuthRejection {
    /// Whether whoever does as told may get another answer under the same request id.
    pub(crate) fn passes(&self) -> bool {
        matches!(self, Self::NotAuthenticated | Self::TokenInvalid | Self::Outdated { .. })
    }

    /// A stable code for programs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotEnabled => "auth-not-enabled",
            Self::RootUserNotFound => "root-user-not-found",
            Self::RootRoleNotGranted => "root-role-not-granted",
            Self::UserNameEmpty => "user-name-empty",
            Self::UserExists { .. } => "user-exists",
            Self::UserNotFound { .. } => "user-not-found",
            Self::RoleNameEmpty => "role-name-empty",
            Self::RoleExists { .. } => "role-exists",
            Self::RoleNotFound { .. } => "role-not-found",
            Self::RoleNotGranted { .. } => "role-not-granted",
            Self::PermissionNotGranted { .. } => "permission-not-granted",
            Self::RangeInvalid => "permission-range-invalid",
            Self::RootProtected => "root-protected",
            Self::LimitReached { .. } => "auth-limit-reached",
            Self::LoginFailed => "login-failed",
            Self::NoPassword { .. } => "no-password",
            Self::NotAuthenticated => "not-authenticated",
            Self::TokenInvalid => "token-invalid",
            Self::Outdated { .. } => "auth-outdated",
            Self::PermissionDenied => "permission-denied",
        }
    }
}
