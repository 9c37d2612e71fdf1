//! The service of elections.

use conclave_proto::etcd::v3electionpb::election_client::ElectionClient;
use conclave_proto::etcd::v3electionpb::{
    CampaignRequest, LeaderKey, LeaderRequest, LeaderResponse, ProclaimRequest, ResignRequest,
};
use tonic::{Response, Status};

use crate::calls::Shifted as _;
use crate::pair::{Pair, Side};
use crate::requests::{all, lease};

fn campaign(lease: i64, value: &'static str) -> CampaignRequest {
    CampaignRequest { name: "e".into(), lease, value: value.into() }
}

fn leader() -> LeaderRequest {
    LeaderRequest { name: "e".into() }
}

async fn elected() -> (Pair, LeaderKey) {
    let mut pair = Pair::start().await;
    pair.granted(lease(7)).await;
    let told = pair.granted(campaign(7, "one")).await;
    (pair, told.leader.expect("it is elected"))
}

#[tokio::test]
async fn who_is_elected_is_told_until_they_resign() {
    let (mut pair, key) = elected().await;
    assert_eq!((key.name.as_ref(), key.key.as_ref(), key.rev, key.lease), (&b"e"[..], &b"e/7"[..], 2, 7));
    let told = pair.granted(leader()).await.kv.expect("somebody is elected");
    assert_eq!((told.value.as_ref(), told.lease), (&b"one"[..], 7));
    pair.granted(ProclaimRequest { leader: Some(key.clone()), value: "two".into() }).await;
    pair.granted(leader()).await;
    pair.granted(campaign(7, "three")).await;
    pair.granted(leader()).await;
    pair.granted(ResignRequest { leader: Some(key.clone()) }).await;
    pair.granted(all()).await;
    pair.refused(leader()).await;
    pair.ask(ProclaimRequest { leader: Some(key.clone()), value: "x".into() }).await.ok();
    pair.ask(ResignRequest { leader: Some(key) }).await.ok();
}

#[tokio::test]
async fn what_is_missing_is_told() {
    let mut pair = Pair::start().await;
    pair.refused(leader()).await;
    pair.refused(campaign(7, "x")).await;
    pair.ask(ProclaimRequest { leader: None, value: "x".into() }).await.ok();
    pair.ask(ResignRequest { leader: None }).await.ok();
}

#[tokio::test]
async fn an_observer_is_told_who_is_elected_and_what_they_say() {
    let (mut pair, key) = elected().await;
    let observe = async |side: Side| -> Result<Response<LeaderResponse>, Status> {
        let mut client = ElectionClient::new(side.channel.clone());
        let mut told = client.observe(leader()).await?.into_inner();
        let first = told.message().await?.expect("somebody is elected");
        assert_eq!(first.kv.expect("it is told").value, "one");
        let mut proclaim = ProclaimRequest { leader: Some(key.clone()), value: "two".into() };
        proclaim.shift(side.ahead);
        client.proclaim(proclaim).await?;
        Ok(Response::new(told.message().await?.expect("it says something")))
    };
    let told = pair.both("observes, and is told of what is proclaimed", observe).await.expect("it is told");
    assert_eq!(told.kv.expect("it is told").value, "two");
}
