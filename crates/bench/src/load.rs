//! Fills a cluster: many items, and many versions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use conclave_client::config::{Authorship, CommitRequest, Edit, NamespaceEdits};
use conclave_client::{Client, edits};
use tokio::task::JoinSet;

/// Items of one namespace: as many as one commit may have.
const ITEMS_A_NAMESPACE: u64 = 1_000;

/// The items of one cluster, and how often one was changed. Clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    items: u64,
    value_size_bytes: usize,
    changes: Arc<AtomicU64>,
}

impl Load {
    /// Of one item at least.
    pub(crate) fn new(items: u64, value_size_bytes: usize) -> Self {
        Self { items, value_size_bytes, changes: Arc::default() }
    }

    /// Writes all items, a namespace a commit.
    pub(crate) async fn fill(&self, client: &Client) -> anyhow::Result<()> {
        for namespace in 0..self.namespaces() {
            let items = ITEMS_A_NAMESPACE.min(self.items - namespace * ITEMS_A_NAMESPACE);
            let edits = (0..items).map(|item| edits::put(key(item), self.value(item))).collect();
            commit(client, namespace, edits).await?;
        }
        Ok(())
    }

    /// Makes so many versions of one edit each, over all namespaces: so many writers, spread over the clients.
    pub(crate) async fn change(
        &self,
        clients: &[Client],
        writers: usize,
        versions: u64,
    ) -> anyhow::Result<()> {
        let (left, mut writing) = (Arc::new(AtomicU64::new(versions)), JoinSet::new());
        for client in clients.iter().cycle().take(writers) {
            let (load, client, left) = (self.clone(), client.clone(), Arc::clone(&left));
            writing.spawn(async move {
                while take_one(&left) {
                    load.change_one(&client).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(ended) = writing.join_next().await {
            ended.context("a writer was cut short")??;
        }
        Ok(())
    }

    /// Gives one item a value that it never had.
    pub(crate) async fn change_one(&self, client: &Client) -> anyhow::Result<()> {
        let number = self.changes.fetch_add(1, Ordering::Relaxed);
        let (namespace, item) = self.place(number);
        commit(client, namespace, vec![edits::put(key(item), self.value(self.items + number))]).await
    }

    /// Where a change goes: every namespace in turn, and in each every item in turn.
    fn place(&self, number: u64) -> (u64, u64) {
        let namespaces = self.namespaces();
        (number % namespaces, number / namespaces % self.items.min(ITEMS_A_NAMESPACE))
    }

    fn namespaces(&self) -> u64 {
        self.items.div_ceil(ITEMS_A_NAMESPACE)
    }

    fn value(&self, seed: u64) -> String {
        value(self.value_size_bytes, seed)
    }
}

fn take_one(left: &AtomicU64) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

async fn commit(client: &Client, namespace: u64, edits: Vec<Edit>) -> anyhow::Result<()> {
    let namespaces = vec![NamespaceEdits {
        namespace: format!("bench/n{namespace}"),
        edits,
        create_if_missing: true,
        ..Default::default()
    }];
    let authorship = Authorship { author: "bench".into(), message: "load".into(), ..Default::default() };
    let request = CommitRequest { namespaces, authorship: Some(authorship), ..CommitRequest::default() };
    client.commit(request).await.context("a commit failed")?;
    Ok(())
}

fn key(item: u64) -> String {
    format!("service.settings.item-{item:04}")
}

/// Different for each seed, and hardly to be compressed.
fn value(size_bytes: usize, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = String::with_capacity(size_bytes + 16);
    while text.len() < size_bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.push_str(&format!("{state:016x}"));
    }
    text.truncate(size_bytes);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_their_size_and_differ() {
        assert_eq!(value(256, 1).len(), 256);
        assert_ne!(value(256, 1), value(256, 2));
    }

    #[test]
    fn changes_go_over_all_namespaces_and_items() {
        let load = Load::new(3_000, 16);
        assert_eq!(
            [0, 1, 2, 3, 3_000].map(|number| load.place(number)),
            [(0, 0), (1, 0), (2, 0), (0, 1), (0, 0)]
        );
        assert_eq!(Load::new(10, 16).place(12), (0, 2));
    }

    #[test]
    fn no_more_is_taken_than_there_is() {
        let left = AtomicU64::new(2);
        assert_eq!([take_one(&left), take_one(&left), take_one(&left)], [true, true, false]);
    }
}
