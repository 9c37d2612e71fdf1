//! The Lock service.

use bytes::Bytes;
use conclave_core::kv::{Operation, Txn};
use conclave_proto::etcd::v3lockpb as wire;
use tonic::{Request, Response, Status};

use super::line::{Lines, delete, one, required};
use crate::calls::Answer;
use crate::header::header;
use crate::refusal::{Refusal, Rule};
use crate::servers::v3lockpb::lock_server::Lock;
use crate::status::of_recipe;

/// Answers `v3lockpb.Lock`.
pub(crate) struct LockDoor {
    lines: Lines,
}

impl LockDoor {
    pub(crate) fn new(lines: Lines) -> Self {
        Self { lines }
    }

    async fn acquire(&self, request: Request<wire::LockRequest>) -> Result<wire::LockResponse, Refusal> {
        let asker = self.lines.asker(&request).await?;
        let wire::LockRequest { name, lease } = request.into_inner();
        let place = self.lines.join(&asker, &name, lease, Bytes::new()).await?;
        self.lines.come_to_head(&asker, &place).await?;
        // Its lease may have ended while it waited.
        let found = self.lines.find(&asker, one(place.key.clone())).await?;
        if found.pairs.first().is_none_or(|pair| pair.create_revision != place.created) {
            return Err(Rule::SessionExpired.into());
        }
        Ok(wire::LockResponse { header: header(&self.lines.node, found.revision), key: place.key })
    }

    async fn release(&self, request: Request<wire::UnlockRequest>) -> Result<wire::UnlockResponse, Refusal> {
        let asker = self.lines.asker(&request).await?;
        let key = required(request.into_inner().key)?;
        let txn = Txn { success: vec![Operation::DeleteRange(delete(key))], ..Txn::default() };
        let (revision, _) = self.lines.change(&asker, txn).await?;
        Ok(wire::UnlockResponse { header: header(&self.lines.node, revision) })
    }
}

#[tonic::async_trait]
impl Lock for LockDoor {
    async fn lock(&self, request: Request<wire::LockRequest>) -> Answer<wire::LockResponse> {
        self.acquire(request).await.map(Response::new).map_err(|refusal| of_recipe(&refusal.into()))
    }

    async fn unlock(&self, request: Request<wire::UnlockRequest>) -> Answer<wire::UnlockResponse> {
        let released: Result<_, Status> = self.release(request).await.map_err(|it| of_recipe(&it.into()));
        released.map(Response::new)
    }
}
