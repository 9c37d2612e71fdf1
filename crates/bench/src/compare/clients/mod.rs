//! Clients of both protocols, as lean as they can be: the generated stubs over connections that all share.

pub(crate) mod connections;
pub(crate) mod etcd;
pub(crate) mod etcd_leases;
pub(crate) mod material;
pub(crate) mod native;
pub(crate) mod native_locks;

use anyhow::Context as _;
use tokio::task::JoinSet;

/// Has all of them fill the store, side by side.
pub(crate) async fn fill<F>(fillers: impl IntoIterator<Item = F>) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let mut filling = JoinSet::new();
    for filler in fillers {
        filling.spawn(filler);
    }
    while let Some(ended) = filling.join_next().await {
        ended.context("a filler was cut short")?.context("the store cannot be filled")?;
    }
    Ok(())
}

/// An answer that is not what was written fails the operation.
pub(crate) fn is_as_it_should(is: bool) -> anyhow::Result<()> {
    anyhow::ensure!(is, "the answer is not what was written");
    Ok(())
}
