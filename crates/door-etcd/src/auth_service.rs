//! The Auth service: users, roles and permissions, and whoever says that he is a user.

use std::time::Duration;

use conclave_core::auth::{self, Caller};
use conclave_core::{Command, Outcome, Rejection};
use conclave_mvcc::{MapError, ReadMap};
use conclave_node::{Consistency, NodeHandle, RequestError};
use conclave_proto::etcd::etcdserverpb as wire;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tonic::{Request, Response};

use crate::auth_wire::{Change, told_permission};
use crate::caller::{by, caller};
use crate::calls::{Answer, deadline, made_request_id, other_answer};
use crate::header::header;
use crate::refusal::Refusal;
use crate::servers::etcdserverpb::auth_server::Auth;

/// How long a token is good. A client that gets to hear that it no longer is logs in anew by itself.
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// Most passwords that are hashed at once; more wait.
const HASHING_MAX: usize = 2;

/// Answers `etcdserverpb.Auth`.
pub(crate) struct AuthDoor {
    node: NodeHandle,
    /// Each password that is hashed keeps a core busy.
    hashing: Semaphore,
}

impl AuthDoor {
    pub(crate) fn new(node: NodeHandle) -> Self {
        Self { node, hashing: Semaphore::new(HASHING_MAX) }
    }

    /// Has users or roles changed, if the caller may.
    async fn change<C: Change>(&self, request: Request<C>) -> Answer<C::Told> {
        let deadline = deadline(&request)?;
        let caller = caller(&self.node, request.metadata(), deadline).await?;
        let request = request.into_inner();
        let command = self.blocking(move || request.command()).await??;
        let id = made_request_id();
        let command = by(caller, Command::Auth(command));
        match self.node.propose(id, command, deadline).await.map_err(Refusal::from)?.map_err(Refusal::from)? {
            Outcome::Auth(_) => Ok(Response::new(C::told(header(&self.node, self.node.revision())))),
            _ => Err(other_answer().into()),
        }
    }

    /// Reads something of users or roles, if the caller may.
    async fn read<Q, T, F>(&self, request: Request<Q>, read: F) -> Result<T, Refusal>
    where
        Q: Clone + Send + 'static,
        T: Send + 'static,
        F: Fn(&dyn ReadMap, Option<&Caller>, Q) -> Result<Result<T, Rejection>, MapError> + Send + 'static,
    {
        let deadline = deadline(&request)?;
        let caller = caller(&self.node, request.metadata(), deadline).await?;
        let request = request.into_inner();
        let read = move |view: &dyn ReadMap| read(view, caller.as_ref(), request.clone());
        Ok(self.node.read(Consistency::Linearizable, deadline, read).await??)
    }

    async fn login(&self, request: wire::AuthenticateRequest, deadline: Instant) -> Result<String, Refusal> {
        let wire::AuthenticateRequest { name, password } = request;
        let read = move |view: &dyn ReadMap| auth::login(view, &name);
        let login = self.node.read(Consistency::Linearizable, deadline, read).await??;
        let expires_ms = self.node.now_ms() + i64::try_from(TOKEN_LIFE.as_millis()).unwrap_or(i64::MAX);
        let token = self.blocking(move || login.token(password.as_bytes(), expires_ms)).await?;
        token.map_err(|rejection| Rejection::from(rejection).into())
    }

    /// Runs what takes long on a thread that may block.
    #[expect(clippy::disallowed_methods, reason = "it takes the processor and touches no disk")]
    async fn blocking<T: Send + 'static>(
        &self,
        run: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let _turn = self.hashing.acquire().await.expect("it is never closed");
        let ran = tokio::task::spawn_blocking(run).await;
        ran.map_err(|error| RequestError::NodeFailed { cause: error.to_string() }.into())
    }

    fn header(&self) -> Option<wire::ResponseHeader> {
        header(&self.node, self.node.revision())
    }
}

/// All of something, if the caller may administer.
fn for_root<T>(
    view: &dyn ReadMap,
    caller: Option<&Caller>,
    read: impl FnOnce(&dyn ReadMap) -> Result<T, MapError>,
) -> Result<Result<T, Rejection>, MapError> {
    match auth::may_administer(view, caller)? {
        Ok(()) => read(view).map(Ok),
        Err(rejection) => Ok(Err(rejection)),
    }
}

#[tonic::async_trait]
impl Auth for AuthDoor {
    async fn auth_enable(
        &self,
        request: Request<wire::AuthEnableRequest>,
    ) -> Answer<wire::AuthEnableResponse> {
        self.change(request).await
    }

    async fn auth_disable(
        &self,
        request: Request<wire::AuthDisableRequest>,
    ) -> Answer<wire::AuthDisableResponse> {
        self.change(request).await
    }

    async fn auth_status(
        &self,
        request: Request<wire::AuthStatusRequest>,
    ) -> Answer<wire::AuthStatusResponse> {
        let status = self.read(request, |view, caller, _| for_root(view, caller, auth::status)).await?;
        Ok(Response::new(wire::AuthStatusResponse {
            header: self.header(),
            enabled: status.is_enabled,
            auth_revision: status.auth_revision,
        }))
    }

    async fn authenticate(
        &self,
        request: Request<wire::AuthenticateRequest>,
    ) -> Answer<wire::AuthenticateResponse> {
        let deadline = deadline(&request)?;
        let token = self.login(request.into_inner(), deadline).await?;
        Ok(Response::new(wire::AuthenticateResponse { header: self.header(), token }))
    }

    async fn user_add(
        &self,
        request: Request<wire::AuthUserAddRequest>,
    ) -> Answer<wire::AuthUserAddResponse> {
        self.change(request).await
    }

    async fn user_get(
        &self,
        request: Request<wire::AuthUserGetRequest>,
    ) -> Answer<wire::AuthUserGetResponse> {
        let user = self.read(request, |view, caller, asked: wire::AuthUserGetRequest| {
            match auth::may_know_user(view, caller, &asked.name)? {
                Ok(()) => auth::user(view, &asked.name),
                Err(rejection) => Ok(Err(rejection)),
            }
        });
        let roles = user.await?.roles;
        Ok(Response::new(wire::AuthUserGetResponse { header: self.header(), roles }))
    }

    async fn user_list(
        &self,
        request: Request<wire::AuthUserListRequest>,
    ) -> Answer<wire::AuthUserListResponse> {
        let users = self.read(request, |view, caller, _| for_root(view, caller, auth::users)).await?;
        Ok(Response::new(wire::AuthUserListResponse { header: self.header(), users }))
    }

    async fn user_delete(
        &self,
        request: Request<wire::AuthUserDeleteRequest>,
    ) -> Answer<wire::AuthUserDeleteResponse> {
        self.change(request).await
    }

    async fn user_change_password(
        &self,
        request: Request<wire::AuthUserChangePasswordRequest>,
    ) -> Answer<wire::AuthUserChangePasswordResponse> {
        self.change(request).await
    }

    async fn user_grant_role(
        &self,
        request: Request<wire::AuthUserGrantRoleRequest>,
    ) -> Answer<wire::AuthUserGrantRoleResponse> {
        self.change(request).await
    }

    async fn user_revoke_role(
        &self,
        request: Request<wire::AuthUserRevokeRoleRequest>,
    ) -> Answer<wire::AuthUserRevokeRoleResponse> {
        self.change(request).await
    }

    async fn role_add(
        &self,
        request: Request<wire::AuthRoleAddRequest>,
    ) -> Answer<wire::AuthRoleAddResponse> {
        self.change(request).await
    }

    async fn role_get(
        &self,
        request: Request<wire::AuthRoleGetRequest>,
    ) -> Answer<wire::AuthRoleGetResponse> {
        let role = self.read(request, |view, caller, asked: wire::AuthRoleGetRequest| {
            match auth::may_know_role(view, caller, &asked.role)? {
                Ok(()) => auth::role(view, &asked.role),
                Err(rejection) => Ok(Err(rejection)),
            }
        });
        let perm = role.await?.permissions.into_iter().map(told_permission).collect();
        Ok(Response::new(wire::AuthRoleGetResponse { header: self.header(), perm }))
    }

    async fn role_list(
        &self,
        request: Request<wire::AuthRoleListRequest>,
    ) -> Answer<wire::AuthRoleListResponse> {
        let roles = self.read(request, |view, caller, _| for_root(view, caller, auth::roles)).await?;
        Ok(Response::new(wire::AuthRoleListResponse { header: self.header(), roles }))
    }

    async fn role_delete(
        &self,
        request: Request<wire::AuthRoleDeleteRequest>,
    ) -> Answer<wire::AuthRoleDeleteResponse> {
        self.change(request).await
    }

    async fn role_grant_permission(
        &self,
        request: Request<wire::AuthRoleGrantPermissionRequest>,
    ) -> Answer<wire::AuthRoleGrantPermissionResponse> {
        self.change(request).await
    }

    async fn role_revoke_permission(
        &self,
        request: Request<wire::AuthRoleRevokePermissionRequest>,
    ) -> Answer<wire::AuthRoleRevokePermissionResponse> {
        self.change(request).await
    }
}
