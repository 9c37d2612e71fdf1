//! What stays true while a leader is killed: counting under a lock, and a watch that begins anew where it was.

use etcd_client::{Client, Compare, CompareOp, Error, LockOptions, Txn, TxnOp, WatchOptions};

use crate::keys::{events, value};
use crate::stage::{self, fault, patiently};

const WORKERS: u32 = 4;
const ROUNDS: u32 = 15;
const LEASE_S: i64 = 10;
/// How often one that is away may be asked; then the lease ends by itself.
const REVOKES_MAX: usize = 5;

pub(crate) async fn a_leader_is_killed_while_they_count_and_watch(client: &mut Client) -> Result<(), Error> {
    let begin = client.put("count/sum", "0", None).await?.header().expect("it has one").revision() + 1;
    let some = async || Ok((count(client).await? > 5).then_some(()));
    let killed = async {
        patiently("they count", some).await;
        fault("kill the leader").await;
    };
    let (a, b, c, d, ()) = tokio::join!(work(0), work(1), work(2), work(3), killed);
    a.and(b).and(c).and(d)?;
    let sum = patiently("all is counted", async || count(client).await.map(Some)).await;
    assert_eq!(sum, WORKERS * ROUNDS);
    let seen = patiently("the watch tells all", async || seen_from(client, begin, sum).await.map(Some)).await;
    assert_eq!(seen, (1..=sum).collect::<Vec<_>>(), "each change once, in order");
    fault("start it again").await;
    Ok(())
}

async fn count(client: &mut Client) -> Result<u32, Error> {
    Ok(value(client, "count/sum").await?.and_then(|text| text.parse().ok()).unwrap_or_default())
}

async fn work(worker: u32) -> Result<(), Error> {
    let mut client = stage::client(None).await?;
    for number in 0..ROUNDS {
        let note = format!("count/done/{worker}/{number}");
        patiently("it is counted", async || count_once(&mut client, &note).await).await;
    }
    Ok(())
}

/// Adds 1 under a lock and notes that it did, in one transaction; to do so again changes nothing.
async fn count_once(client: &mut Client, note: &str) -> Result<Option<()>, Error> {
    if value(client, note).await?.is_some() {
        return Ok(Some(()));
    }
    let lease = client.lease_grant(LEASE_S, None).await?.id();
    let told = count_by_lease(client, note, lease).await;
    // Whoever stands behind goes on at once, whatever became of it.
    for _ in 0..REVOKES_MAX {
        if client.lease_revoke(lease).await.is_ok() {
            break;
        }
    }
    Ok(told?.then_some(()))
}

async fn count_by_lease(client: &mut Client, note: &str, lease: i64) -> Result<bool, Error> {
    let held = client.lock("counting", Some(LockOptions::new().with_lease(lease))).await?.key().to_vec();
    let sum = count(client).await? + 1;
    let holds = Compare::create_revision(held, CompareOp::NotEqual, 0);
    let is_new = Compare::create_revision(note, CompareOp::Equal, 0);
    let add = [TxnOp::put("count/sum", sum.to_string(), None), TxnOp::put(note, "1", None)];
    Ok(client.txn(Txn::new().when([holds, is_new]).and_then(add)).await?.succeeded())
}

/// What a watch from a revision on tells of the sum, until it tells this one.
async fn seen_from(client: &mut Client, revision: i64, last: u32) -> Result<Vec<u32>, Error> {
    let mut watch =
        client.watch("count/sum", Some(WatchOptions::new().with_start_revision(revision))).await?;
    let mut seen = Vec::new();
    while seen.last() != Some(&last) {
        let told = events(&mut watch).await?;
        seen.extend(told.into_iter().filter_map(|(_, value)| value.parse::<u32>().ok()));
    }
    Ok(seen)
}
