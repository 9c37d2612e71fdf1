//! Fills a cluster: many items, and many versions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use conclave_client::config::{Authorship, CommitRequest, Edit, NamespaceEdits};
use conclave_client::{Client, edits};
use tokio::task::JoinSet;

/// Items of one namespace: as many as one commit may have.
const ITEMS_A_NAMESPACE: u64 = 1_000;
/// Clients that write at once.
const WRITERS: u64 = 64;

/// How much a cluster is to hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amount {
    pub(crate) items: u64,
    pub(crate) value_size_bytes: usize,
    pub(crate) versions: u64,
}

/// Writes all items, a namespace a commit.
pub(crate) async fn fill(client: &Client, amount: Amount) -> anyhow::Result<()> {
    let namespaces = amount.items.div_ceil(ITEMS_A_NAMESPACE);
    for namespace in 0..namespaces {
        let items = ITEMS_A_NAMESPACE.min(amount.items - namespace * ITEMS_A_NAMESPACE);
        let edits =
            (0..items).map(|item| edits::put(key(item), value(amount.value_size_bytes, item))).collect();
        commit(client, namespace, edits).await?;
    }
    Ok(())
}

/// Makes versions of one edit each, over all namespaces.
pub(crate) async fn change(client: &Client, amount: Amount) -> anyhow::Result<()> {
    let namespaces = amount.items.div_ceil(ITEMS_A_NAMESPACE);
    let (next, mut writers) = (Arc::new(AtomicU64::new(0)), JoinSet::new());
    for _ in 0..WRITERS {
        let (client, next) = (client.clone(), Arc::clone(&next));
        writers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= amount.versions {
                    return anyhow::Ok(());
                }
                let edit =
                    edits::put(key(number % 100), value(amount.value_size_bytes, amount.items + number));
                commit(&client, number % namespaces, vec![edit]).await?;
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.context("a writer was cut short")??;
    }
    Ok(())
}

async fn commit(client: &Client, namespace: u64, edits: Vec<Edit>) -> anyhow::Result<()> {
    let namespaces = vec![NamespaceEdits {
        namespace: format!("bench/n{namespace}"),
        edits,
        create_if_missing: true,
        ..Default::default()
    }];
    let authorship = Authorship { author: "bench".into(), message: "load".into(), ..Default::default() };
    let request = CommitRequest { namespaces, authorship: Some(authorship), dry_run: false };
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
}
