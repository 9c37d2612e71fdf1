//! Leases, and the services of locks and elections.

use etcd_client::{
    Client, Error, GetOptions, LeaseTimeToLiveOptions, LockOptions, ProclaimOptions, PutOptions,
    ResignOptions,
};

use crate::keys::value;
use crate::stage::{self, patiently};

pub(crate) async fn leases_take_their_keys_along(client: &mut Client) -> Result<(), Error> {
    let lease = client.lease_grant(100, None).await?.id();
    client.put("leased", "1", Some(PutOptions::new().with_lease(lease))).await?;
    let (mut keeper, mut kept) = client.lease_keep_alive(lease).await?;
    keeper.keep_alive().await?;
    assert_eq!(kept.message().await?.expect("it answers").ttl(), 100);
    let told = client.lease_time_to_live(lease, Some(LeaseTimeToLiveOptions::new().with_keys())).await?;
    assert_eq!((told.granted_ttl(), told.keys()), (100, &[b"leased".to_vec()][..]));
    assert!(client.leases().await?.leases().iter().any(|listed| listed.id() == lease));
    client.lease_revoke(lease).await?;
    assert_eq!(value(client, "leased").await?, None);

    let short = client.lease_grant(2, None).await?.id();
    client.put("short", "1", Some(PutOptions::new().with_lease(short))).await?;
    let gone = async || Ok(value(client, "short").await?.is_none().then_some(()));
    patiently("a lease that nobody keeps ends", gone).await;
    Ok(())
}

pub(crate) async fn a_lock_is_handed_on(client: &mut Client) -> Result<(), Error> {
    let held = client.lock("orders", None).await?.key().to_vec();
    let lease = client.lease_grant(20, None).await?.id();
    let mut other = stage::client(None).await?;
    let waits = other.lock("orders", Some(LockOptions::new().with_lease(lease)));
    let hands_on = async {
        let stands = async || {
            let line = client.get("orders/", Some(GetOptions::new().with_prefix())).await?;
            Ok((line.count() == 2).then_some(()))
        };
        patiently("the next one stands in line", stands).await;
        client.unlock(held).await
    };
    let (told, released) = tokio::join!(waits, hands_on);
    released?;
    let key = told?.key().to_vec();
    assert_eq!(key, format!("orders/{lease:x}").into_bytes());
    client.unlock(key).await?;
    Ok(())
}

pub(crate) async fn one_is_elected_and_observed(client: &mut Client) -> Result<(), Error> {
    let lease = client.lease_grant(20, None).await?.id();
    let leads = client.campaign("boss", "ada", lease).await?.take_leader().expect("it is told");
    let mut observed = client.observe("boss").await?;
    let told = observed.message().await?.expect("somebody leads");
    assert_eq!(told.kv().expect("it is told").value(), b"ada");
    client.proclaim("ada again", Some(ProclaimOptions::new().with_leader(leads.clone()))).await?;
    let told = observed.message().await?.expect("somebody leads");
    assert_eq!(told.kv().expect("it is told").value(), b"ada again");
    assert_eq!(client.leader("boss").await?.kv().expect("it is told").key(), leads.key());
    client.resign(Some(ResignOptions::new().with_leader(leads))).await?;
    let refused = client.leader("boss").await.expect_err("nobody leads").to_string();
    assert!(refused.contains("election: no leader"), "{refused}");
    Ok(())
}
