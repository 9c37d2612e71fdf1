//! Whole answers from pages: follows page tokens to the end, or to a limit.
//!
//! All pages of items, differences, namespaces and a search are of one revision, which the first page fixes.
//! Versions, and the changes of an item, only grow at their newest end, where the first page began. Tags and
//! snapshots are told page by page as they are: one that comes or goes meanwhile is told or not.

use conclave_proto::config::v1::{
    DiffRequest, HistoryRequest, Item, ItemChange, ItemHistoryRequest, ItemRevision, ListNamespacesRequest,
    ListRequest, ListSnapshotNamespacesRequest, ListSnapshotsRequest, ListTagsRequest, Match, Namespace,
    SearchRequest, Snapshot, SnapshotNamespace, Tag, Version,
};
use futures::{Stream, StreamExt, TryStreamExt, stream};

use crate::client::Client;
use crate::error::ClientError;

/// All items of a namespace at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// Items in order of key.
    pub items: Vec<Item>,
    /// Version of the namespace that was read.
    pub version: u64,
    /// Revision of the store that was read. A watch from this revision plus 1 misses nothing.
    pub store_revision: u64,
}

/// All that differs between two versions.
#[derive(Debug, Clone, PartialEq)]
pub struct Differences {
    /// Differences in order of key.
    pub changes: Vec<ItemChange>,
    /// The older side.
    pub from_version: u64,
    /// The newer side.
    pub to_version: u64,
}

impl Client {
    /// Lists all items that `request` asks for.
    pub async fn list_all(&self, mut request: ListRequest) -> Result<Listing, ClientError> {
        let mut items = Vec::new();
        loop {
            let page = self.list(request.clone()).await?;
            items.extend(page.items);
            if page.next_page_token.is_empty() {
                return Ok(Listing { items, version: page.version, store_revision: page.store_revision });
            }
            request.page_token = page.next_page_token;
        }
    }

    /// Tells all that differs between two versions.
    pub async fn diff_all(&self, mut request: DiffRequest) -> Result<Differences, ClientError> {
        let mut changes = Vec::new();
        loop {
            let page = self.diff(request.clone()).await?;
            changes.extend(page.changes);
            if page.next_page_token.is_empty() {
                let (from_version, to_version) = (page.from_version, page.to_version);
                return Ok(Differences { changes, from_version, to_version });
            }
            request.page_token = page.next_page_token;
        }
    }

    /// Lists all namespaces that `request` asks for.
    pub async fn list_all_namespaces(
        &self,
        mut request: ListNamespacesRequest,
    ) -> Result<Vec<Namespace>, ClientError> {
        let mut namespaces = Vec::new();
        loop {
            let page = self.list_namespaces(request.clone()).await?;
            namespaces.extend(page.namespaces);
            if page.next_page_token.is_empty() {
                return Ok(namespaces);
            }
            request.page_token = page.next_page_token;
        }
    }

    /// Streams the versions of a namespace, the newest first; pages are asked for as they are needed.
    pub fn history_stream(
        &self,
        request: HistoryRequest,
    ) -> impl Stream<Item = Result<Version, ClientError>> {
        let ask = move |request| async move {
            let page = self.history(request).await?;
            Ok((page.versions, page.next_page_token))
        };
        entries(request, ask, |request, token| request.page_token = token)
    }

    /// Streams the changes of an item, the newest first; pages are asked for as they are needed.
    pub fn item_history_stream(
        &self,
        request: ItemHistoryRequest,
    ) -> impl Stream<Item = Result<ItemRevision, ClientError>> {
        let ask = move |request| async move {
            let page = self.item_history(request).await?;
            Ok((page.revisions, page.next_page_token))
        };
        entries(request, ask, |request, token| request.page_token = token)
    }

    /// Streams the items that contain a text, in order of namespace and key, all as they were at one
    /// revision; pages are asked for as they are needed.
    pub fn search_stream(&self, request: SearchRequest) -> impl Stream<Item = Result<Match, ClientError>> {
        let ask = move |request| async move {
            let page = self.search(request).await?;
            Ok((page.matches, page.next_page_token))
        };
        entries(request, ask, |request, token| request.page_token = token)
    }

    /// Lists all tags of a namespace.
    pub async fn list_all_tags(&self, request: ListTagsRequest) -> Result<Vec<Tag>, ClientError> {
        let ask = move |request| async move {
            let page = self.list_tags(request).await?;
            Ok((page.tags, page.next_page_token))
        };
        entries(request, ask, |request, token| request.page_token = token).try_collect().await
    }

    /// Lists all snapshots.
    pub async fn list_all_snapshots(
        &self,
        request: ListSnapshotsRequest,
    ) -> Result<Vec<Snapshot>, ClientError> {
        let ask = move |request| async move {
            let page = self.list_snapshots(request).await?;
            Ok((page.snapshots, page.next_page_token))
        };
        entries(request, ask, |request, token| request.page_token = token).try_collect().await
    }

    /// Lists all namespaces of a snapshot.
    pub async fn list_all_snapshot_namespaces(
        &self,
        request: ListSnapshotNamespacesRequest,
    ) -> Result<Vec<SnapshotNamespace>, ClientError> {
        let ask = move |request| async move {
            let page = self.list_snapshot_namespaces(request).await?;
            Ok((page.namespaces, page.next_page_token))
        };
        entries(request, ask, |request, token| request.page_token = token).try_collect().await
    }

    /// Lists the newest versions of a namespace, `count_max` at most.
    pub async fn history_newest(
        &self,
        mut request: HistoryRequest,
        count_max: usize,
    ) -> Result<Vec<Version>, ClientError> {
        request.page_size =
            u32::try_from(count_max).map_or(VERSIONS_PAGE_MAX, |count| count.min(VERSIONS_PAGE_MAX));
        self.history_stream(request).take(count_max).try_collect().await
    }
}

/// The most versions that a node sends in one page.
const VERSIONS_PAGE_MAX: u32 = 1_000;

/// What all pages hold. `ask` gets one page with the token of the next one; `follow` sets that token.
pub(crate) fn entries<Q, T, F>(
    request: Q,
    ask: impl Fn(Q) -> F,
    follow: fn(&mut Q, String),
) -> impl Stream<Item = Result<T, ClientError>>
where
    Q: Clone,
    F: Future<Output = Result<(Vec<T>, String), ClientError>>,
{
    let pages = stream::try_unfold((ask, Some(request)), move |(ask, next)| async move {
        let Some(mut request) = next else { return Ok(None) };
        let (page, token) = ask(request.clone()).await?;
        let more = !token.is_empty();
        follow(&mut request, token);
        let page = stream::iter(page.into_iter().map(Ok::<_, ClientError>));
        Ok::<_, ClientError>(Some((page, (ask, more.then_some(request)))))
    });
    pages.try_flatten()
}
