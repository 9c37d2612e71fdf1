//! The configuration service: each call is read, answered by the node, and put on the wire again.

use std::sync::Arc;

use conclave_core::config::{ConfigOutcome, Read};
use conclave_core::{Outcome, RequestId};
use conclave_door::{Limits, Places, Refusal};
use conclave_mvcc::{ReadMap, Revision, newest_revision};
use conclave_node::{Consistency, NodeHandle};
use conclave_proto::config::v1 as wire;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response};

use crate::calls::{Answer, deadline};
use crate::config_wire::{
    self, Differences, ItemChanges, Items, Namespaces, OneItem, OneNamespace, OneSnapshot, Page, Search,
    SnapshotNamespaces, Snapshots, Tags, TheDefaults, Versions, Write,
};
use crate::servers::config::config_service_server::ConfigService;
use crate::watch::{WatchDoor, WatchStream};

/// Answers `conclave.config.v1.ConfigService`.
pub(crate) struct ConfigDoor {
    node: NodeHandle,
    limits: Arc<Limits>,
    watches: WatchDoor,
}

impl ConfigDoor {
    pub(crate) fn new(
        node: NodeHandle,
        limits: Arc<Limits>,
        watches: Places,
        stop: CancellationToken,
    ) -> Self {
        let watches = WatchDoor::new(node.clone(), Arc::clone(&limits), watches, stop);
        Self { node, limits, watches }
    }

    /// Has a write applied, or tries it. Tells what came of it, and under which id.
    async fn write(&self, write: Write, deadline: Instant) -> Result<(ConfigOutcome, RequestId), Refusal> {
        let Write { request_id, command, dry_run } = write;
        let answer = if dry_run {
            self.node.preview(command, deadline).await?
        } else {
            self.node.propose(request_id.clone(), command, deadline).await?
        };
        match answer? {
            Outcome::Config(outcome) => Ok((outcome, request_id)),
            _ => Err(config_wire::strange_outcome()),
        }
    }

    async fn read<T, F>(&self, consistency: Consistency, deadline: Instant, read: F) -> Result<T, Refusal>
    where
        F: Fn(&dyn ReadMap) -> Read<T> + Send + 'static,
        T: Send + 'static,
    {
        Ok(self.node.read(consistency, deadline, read).await??)
    }

    /// Reads a page. A later page may come to another node than the first, which the caller does not see:
    /// one that has not come so far yet must not say that there is no such revision.
    async fn page<Q, T, F>(&self, page: Page<Q>, deadline: Instant, answer: F) -> Result<T, Refusal>
    where
        F: Fn(&Page<Q>, &dyn ReadMap) -> Read<T> + Send + 'static,
        Q: Send + 'static,
        T: Send + 'static,
    {
        let mut consistency = page.consistency;
        let revision_min = page.revision_min();
        if consistency == Consistency::Local && revision_min > Revision::ZERO {
            let newest = self.node.read(Consistency::Local, deadline, newest_revision).await?;
            if newest < revision_min {
                consistency = Consistency::Linearizable;
            }
        }
        self.read(consistency, deadline, move |view| answer(&page, view)).await
    }
}

#[tonic::async_trait]
impl ConfigService for ConfigDoor {
    async fn create_namespace(
        &self,
        request: Request<wire::CreateNamespaceRequest>,
    ) -> Answer<wire::CreateNamespaceResponse> {
        let deadline = deadline(&request)?;
        let write = config_wire::create_namespace(request.into_inner(), &self.limits)?;
        let (outcome, _) = self.write(write, deadline).await?;
        Ok(Response::new(config_wire::create_response(outcome)?))
    }

    async fn get_namespace(
        &self,
        request: Request<wire::GetNamespaceRequest>,
    ) -> Answer<wire::GetNamespaceResponse> {
        let deadline = deadline(&request)?;
        let (query, consistency) = OneNamespace::parse(request.into_inner(), &self.limits)?;
        let answer = self.read(consistency, deadline, move |view| query.answer(view)).await?;
        Ok(Response::new(answer))
    }

    async fn list_namespaces(
        &self,
        request: Request<wire::ListNamespacesRequest>,
    ) -> Answer<wire::ListNamespacesResponse> {
        let deadline = deadline(&request)?;
        let page = Namespaces::parse(request.into_inner(), &self.limits)?;
        Ok(Response::new(self.page(page, deadline, |page, view| page.answer(view)).await?))
    }

    async fn delete_namespace(
        &self,
        request: Request<wire::DeleteNamespaceRequest>,
    ) -> Answer<wire::DeleteNamespaceResponse> {
        let deadline = deadline(&request)?;
        let write = config_wire::delete_namespace(request.into_inner(), &self.limits)?;
        let (outcome, request_id) = self.write(write, deadline).await?;
        Ok(Response::new(config_wire::delete_response(outcome, &request_id)?))
    }

    async fn get(&self, request: Request<wire::GetRequest>) -> Answer<wire::GetResponse> {
        let deadline = deadline(&request)?;
        let (query, consistency) = OneItem::parse(request.into_inner(), &self.limits)?;
        let answer = self.read(consistency, deadline, move |view| query.answer(view)).await?;
        Ok(Response::new(answer))
    }

    async fn list(&self, request: Request<wire::ListRequest>) -> Answer<wire::ListResponse> {
        let deadline = deadline(&request)?;
        let page = Items::parse(request.into_inner(), &self.limits)?;
        Ok(Response::new(self.page(page, deadline, |page, view| page.answer(view)).await?))
    }

    async fn commit(&self, request: Request<wire::CommitRequest>) -> Answer<wire::CommitResponse> {
        let deadline = deadline(&request)?;
        let write = config_wire::commit(request.into_inner(), &self.limits)?;
        let (outcome, request_id) = self.write(write, deadline).await?;
        Ok(Response::new(config_wire::commit_response(outcome, &request_id)?))
    }

    async fn history(&self, request: Request<wire::HistoryRequest>) -> Answer<wire::HistoryResponse> {
        let deadline = deadline(&request)?;
        let page = Versions::parse(request.into_inner(), &self.limits)?;
        Ok(Response::new(self.page(page, deadline, |page, view| page.answer(view)).await?))
    }

    async fn diff(&self, request: Request<wire::DiffRequest>) -> Answer<wire::DiffResponse> {
        let deadline = deadline(&request)?;
        let page = Differences::parse(request.into_inner(), &self.limits)?;
        Ok(Response::new(self.page(page, deadline, |page, view| page.answer(view)).await?))
    }

    async fn rollback(&self, request: Request<wire::RollbackRequest>) -> Answer<wire::RollbackResponse> {
        let deadline = deadline(&request)?;
        let write = config_wire::rollback(request.into_inner(), &self.limits)?;
        let (outcome, request_id) = self.write(write, deadline).await?;
        Ok(Response::new(config_wire::rollback_response(outcome, &request_id)?))
    }

    async fn update_namespace(
        &self,
        request: Request<wire::UpdateNamespaceRequest>,
    ) -> Answer<wire::UpdateNamespaceResponse> {
        let deadline = deadline(&request)?;
        let write = config_wire::update_namespace(request.into_inner(), &self.limits)?;
        let (outcome, _) = self.write(write, deadline).await?;
        Ok(Response::new(config_wire::update_response(outcome)?))
    }

    async fn get_defaults(
        &self,
        request: Request<wire::GetDefaultsRequest>,
    ) -> Answer<wire::GetDefaultsResponse> {
        let deadline = deadline(&request)?;
        let (_, consistency) = TheDefaults::parse(&request.into_inner(), &self.limits)?;
        Ok(Response::new(self.read(consistency, deadline, TheDefaults::answer).await?))
    }

    async fn update_defaults(
        &self,
        request: Request<wire::UpdateDefaultsRequest>,
    ) -> Answer<wire::UpdateDefaultsResponse> {
        let deadline = deadline(&request)?;
        let write = config_wire::update_defaults(request.into_inner(), &self.limits)?;
        let (outcome, _) = self.write(write, deadline).await?;
        Ok(Response::new(config_wire::defaults_response(outcome)?))
    }

    async fn item_history(
        &self,
        request: Request<wire::ItemHistoryRequest>,
    ) -> Answer<wire::ItemHistoryResponse> {
        let deadline = deadline(&request)?;
        let page = ItemChanges::parse(request.into_inner(), &self.limits)?;
        Ok(Response::new(self.page(page, deadline, |page, view| page.answer(view)).await?))
    }

    async fn search(&self, request: Request<wire::SearchRequest>) -> Answer<wire::SearchResponse> {
        let deadline = deadline(&request)?;
        let page = Search::parse(request.into_inner(), &self.limits)?;
        Ok(Response::new(self.page(page, deadline, |page, view| page.answer(view)).await?))
    }

    async fn set_tag(&self, request: Request<wire::SetTagRequest>) -> Answer<wire::SetTagResponse> {
        let deadline = deadline(&request)?;
        let write = config_wire::set_tag(request.into_inner(), &self.limits)?;
        let (outcome, _) = self.write(write, deadline).await?;
        Ok(Response::new(config_wire::set_tag_response(outcome)?))
    }

    async fn delete_tag(&self, request: Request<wire::DeleteTagRequest>) -> Answer<wire::DeleteTagResponse> {
        let deadline = deadline(&request)?;
        let write = config_wire::delete_tag(request.into_inner(), &self.limits)?;
        let (outcome, _) = self.write(write, deadline).await?;
        Ok(Response::new(config_wire::delete_tag_response(outcome)?))
    }

    async fn list_tags(&self, request: Request<wire::ListTagsRequest>) -> Answer<wire::ListTagsResponse> {
        let deadline = deadline(&request)?;
        let page = Tags::parse(request.into_inner(), &self.limits)?;
        Ok(Response::new(self.page(page, deadline, |page, view| page.answer(view)).await?))
    }

    async fn create_snapshot(
        &self,
        request: Request<wire::CreateSnapshotRequest>,
    ) -> Answer<wire::CreateSnapshotResponse> {
        let deadline = deadline(&request)?;
        let write = config_wire::create_snapshot(request.into_inner(), &self.limits)?;
        let (outcome, _) = self.write(write, deadline).await?;
        Ok(Response::new(config_wire::create_snapshot_response(outcome)?))
    }

    async fn get_snapshot(
        &self,
        request: Request<wire::GetSnapshotRequest>,
    ) -> Answer<wire::GetSnapshotResponse> {
        let deadline = deadline(&request)?;
        let (query, consistency) = OneSnapshot::parse(&request.into_inner(), &self.limits)?;
        let answer = self.read(consistency, deadline, move |view| query.answer(view)).await?;
        Ok(Response::new(answer))
    }

    async fn list_snapshots(
        &self,
        request: Request<wire::ListSnapshotsRequest>,
    ) -> Answer<wire::ListSnapshotsResponse> {
        let deadline = deadline(&request)?;
        let page = Snapshots::parse(&request.into_inner(), &self.limits)?;
        Ok(Response::new(self.page(page, deadline, |page, view| page.answer(view)).await?))
    }

    async fn list_snapshot_namespaces(
        &self,
        request: Request<wire::ListSnapshotNamespacesRequest>,
    ) -> Answer<wire::ListSnapshotNamespacesResponse> {
        let deadline = deadline(&request)?;
        let page = SnapshotNamespaces::parse(request.into_inner(), &self.limits)?;
        Ok(Response::new(self.page(page, deadline, |page, view| page.answer(view)).await?))
    }

    async fn delete_snapshot(
        &self,
        request: Request<wire::DeleteSnapshotRequest>,
    ) -> Answer<wire::DeleteSnapshotResponse> {
        let deadline = deadline(&request)?;
        let write = config_wire::delete_snapshot(request.into_inner(), &self.limits)?;
        let (outcome, _) = self.write(write, deadline).await?;
        Ok(Response::new(config_wire::delete_snapshot_response(outcome)?))
    }

    async fn rollback_snapshot(
        &self,
        request: Request<wire::RollbackSnapshotRequest>,
    ) -> Answer<wire::RollbackSnapshotResponse> {
        let deadline = deadline(&request)?;
        let write = config_wire::rollback_snapshot(request.into_inner(), &self.limits)?;
        let (outcome, request_id) = self.write(write, deadline).await?;
        Ok(Response::new(config_wire::rollback_snapshot_response(outcome, &request_id)?))
    }

    type WatchStream = WatchStream;

    async fn watch(&self, request: Request<wire::WatchRequest>) -> Answer<WatchStream> {
        let deadline = deadline(&request)?;
        Ok(Response::new(self.watches.open(request.into_inner(), deadline).await?))
    }
}
