//! Locks go to who lives.

use conclave_proto::lock::v1 as wire;
use wire::lock_service_client::LockServiceClient;
use wire::session_service_client::SessionServiceClient;

use super::{Answer, SETTLED_MS, Stage};
use crate::net::Channel;

const LOCK: &str = "orders";
const TTL_MS: u64 = 2_000;

fn open(stage: &mut Stage, ttl_ms: u64) -> u64 {
    let request = wire::OpenSessionRequest { ttl_ms, ..Default::default() };
    let call = async move |channel: Channel| SessionServiceClient::new(channel).open_session(request).await;
    stage.ask(1, call).unwrap().into_inner().session.unwrap().id
}

/// Asks for the lock; the answer is the token.
fn acquire(stage: &Stage, node: u64, session_id: u64) -> Answer<u64> {
    let request = wire::AcquireRequest { name: LOCK.into(), session_id, ..Default::default() };
    stage.begin(node, async move |channel: Channel| {
        let mut told = LockServiceClient::new(channel).acquire(request).await?.into_inner();
        loop {
            let Some(answer) = told.message().await? else {
                return Err(tonic::Status::unavailable("it ended"));
            };
            if let Some(wire::acquire_response::Event::Granted(grant)) = answer.event {
                return Ok(grant.token);
            }
        }
    })
}

fn holder(stage: &mut Stage) -> Vec<u64> {
    let request = wire::GetLockRequest { name: LOCK.into() };
    let call = async move |channel: Channel| LockServiceClient::new(channel).get_lock(request).await;
    let lock = stage.ask(3, call).ok().and_then(|answer| answer.into_inner().lock);
    lock.map(|lock| lock.holders.into_iter().map(|holder| holder.session_id).collect()).unwrap_or_default()
}

#[test]
fn a_lock_is_granted_on_a_lease_that_ended_while_waiting() {
    for seed in 0..4 {
        let mut stage = Stage::new(seed, 100_000);
        let (holds, waits, next) =
            (open(&mut stage, 60_000), open(&mut stage, TTL_MS), open(&mut stage, 60_000));
        let held = acquire(&stage, 1, holds);
        stage.until(SETTLED_MS, |_| held.lock().is_some());
        let token = held.lock().take().unwrap().unwrap();
        let (ended, granted) = (acquire(&stage, 2, waits), acquire(&stage, 3, next));
        stage.go(TTL_MS * 3);
        let request =
            wire::ReleaseRequest { name: LOCK.into(), session_id: holds, token, ..Default::default() };
        let call = async move |channel: Channel| LockServiceClient::new(channel).release(request).await;
        stage.ask(2, call).unwrap();
        stage.until(SETTLED_MS, |_| granted.lock().is_some());
        assert!(granted.lock().take().unwrap().unwrap() > token, "seed {seed}");
        assert_eq!(holder(&mut stage), [next], "seed {seed}");
        assert!(!matches!(ended.lock().take(), Some(Ok(_))), "seed {seed}");
    }
}
