//! Whoever waits for nodes to answer: asks at fixed beats, whatever became of the questions before. One that nodes keep
//! for long does not hide that others are answered meanwhile.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use conclave_proto::etcd::etcdserverpb::kv_client::KvClient;
use conclave_proto::etcd::etcdserverpb::maintenance_client::MaintenanceClient;
use conclave_proto::etcd::etcdserverpb::{PutRequest, RangeRequest, StatusRequest};
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};

use super::clients::is_as_it_should;
use super::clients::material::Material;

/// How often is asked: as exact is what is found.
const EVERY: Duration = Duration::from_millis(10);
/// Questions that may be open at once.
const OPEN_MAX: usize = 500;
/// How long a node may keep one.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// How long nodes may take to answer at last.
const PATIENCE: Duration = Duration::from_secs(300);
/// How often is looked who leads.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A node, by etcd's API, which both sides serve. Clones share a connection, which is made anew when it is lost.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    node: Channel,
}

impl Probe {
    pub(crate) fn of(address: &str) -> anyhow::Result<Self> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?.timeout(ANSWER_MAX);
        Ok(Self { node: endpoint.connect_lazy() })
    }

    /// Reads the first key, linearizably.
    pub(crate) async fn read(self) -> anyhow::Result<()> {
        let request = RangeRequest { key: Material::key(0).into(), ..RangeRequest::default() };
        let told = KvClient::new(self.node).range(request).await?;
        is_as_it_should(told.get_ref().kvs.len() == 1)
    }

    /// Writes it.
    pub(crate) async fn write(self) -> anyhow::Result<()> {
        let (key, value) = (Material::key(0).into(), "probe".into());
        KvClient::new(self.node).put(PutRequest { key, value, ..PutRequest::default() }).await?;
        Ok(())
    }

    /// Its own id, and that of whom it holds to be the leader: 0 if nobody.
    async fn leader(self) -> anyhow::Result<(u64, u64)> {
        let told = MaintenanceClient::new(self.node).status(StatusRequest {}).await?.into_inner();
        Ok((told.header.context("an answer has a header")?.member_id, told.leader))
    }
}

/// Asks until it is answered; tells when that was.
pub(crate) async fn first_answer<F>(ask: impl Fn() -> F) -> anyhow::Result<Instant>
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let deadline = Instant::now() + PATIENCE;
    let (mut open, mut beats) = (JoinSet::new(), tokio::time::interval(EVERY));
    let mut last = None;
    loop {
        tokio::select! {
            _ = beats.tick() => {
                if open.len() < OPEN_MAX {
                    let asked = ask();
                    open.spawn(async move { asked.await.map(|()| Instant::now()) });
                }
            }
            Some(told) = open.join_next(), if !open.is_empty() => match told.context("a question was cut short")? {
                Ok(moment) => return Ok(moment),
                Err(error) => last = Some(error),
            },
        }
        ensure!(Instant::now() < deadline, "nobody answers for {PATIENCE:?}: {last:?}");
    }
}

/// Waits until all nodes follow one of them; tells its number.
pub(crate) async fn leader_of(nodes: &[Probe]) -> anyhow::Result<usize> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let mut told = Vec::new();
        for node in nodes {
            told.extend(node.clone().leader().await.ok());
        }
        if let Some(number) = leader_among(&told).filter(|_| told.len() == nodes.len()) {
            return Ok(number);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    anyhow::bail!("nobody leads for {PATIENCE:?}")
}

/// Which of them all hold to be the leader: each tells its id and the leader's.
fn leader_among(told: &[(u64, u64)]) -> Option<usize> {
    let (_, leader) = *told.first()?;
    let all_agree = leader != 0 && told.iter().all(|(_, other)| *other == leader);
    told.iter().position(|(id, _)| *id == leader).filter(|_| all_agree)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_question_that_is_kept_does_not_hide_answers() {
        let asked = Arc::new(AtomicUsize::new(0));
        let ask = || {
            let number = asked.fetch_add(1, Ordering::Relaxed);
            async move {
                match number {
                    0 => std::future::pending().await,
                    1 => anyhow::bail!("not yet"),
                    _ => Ok(()),
                }
            }
        };
        let began = Instant::now();
        let took = first_answer(ask).await.unwrap() - began;
        assert!(took >= EVERY && took < PATIENCE / 2, "{took:?}");
    }

    #[test]
    fn a_leader_is_one_that_all_follow() {
        assert_eq!(leader_among(&[(7, 9), (9, 9), (8, 9)]), Some(1));
        assert_eq!(leader_among(&[(7, 9), (9, 9), (8, 7)]), None);
        assert_eq!(leader_among(&[(7, 0), (0, 0)]), None);
        assert_eq!(leader_among(&[(7, 9), (8, 9)]), None);
    }
}
