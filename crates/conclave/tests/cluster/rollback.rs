//! A rollback under load is atomic: whoever reads, by whatever node, pages or not, sees one version whole; so does
//! whoever watches.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use conclave_client::config::{Consistency, ListRequest, RollbackRequest};
use conclave_client::{Client, Code, edits};
use conclave_testkit::{Follower, writers};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::stage::{commit_of, create, three};

/// Items of the namespace: every version sets all of them to its own name.
const ITEMS: usize = 60;
/// How often content is changed and rolled back.
const ROUNDS: u64 = 40;
/// A listing takes several pages, between which versions are made.
const PAGE_SIZE: u32 = 17;

#[tokio::test(flavor = "multi_thread")]
async fn readers_see_one_version_whole() {
    let mut cluster = three().await;
    let client = cluster.client();
    let created = create(&client, "shop").await;
    let mut follower = Follower::begin(&client, "shop", created + 1);
    change(&client, "good").await;

    let stop = watch::Sender::new(false);
    let listings = Arc::new(AtomicU64::new(0));
    let mut readers = JoinSet::new();
    for id in cluster.ids() {
        for consistency in [Consistency::Linearizable, Consistency::Local] {
            let own = cluster.client_of(id, 10_000);
            readers.spawn(read(own, consistency, stop.subscribe(), Arc::clone(&listings)));
        }
    }
    for round in 1..=ROUNDS {
        change(&client, &format!("bad-{round}")).await;
        let request = RollbackRequest { namespace: "shop".into(), to_version: 1, ..Default::default() };
        let committed = client.rollback(request).await.expect("it is rolled back").committed;
        assert_eq!(committed.expect("it is told").changed as usize, ITEMS);
    }
    stop.send_replace(true);
    while let Some(ended) = readers.join_next().await {
        ended.expect("no reader saw half a version");
    }
    println!("{} listings while {} versions were made", listings.load(Ordering::Relaxed), 2 * ROUNDS);
    assert!(listings.load(Ordering::Relaxed) > ROUNDS, "the readers read meanwhile");

    let versions = writers::history(&client, "shop").await;
    let seen = follower.sees(versions[0].version).await;
    seen.check(&versions, 1);
    for version in &seen.versions {
        let values: BTreeMap<_, _> = version.after.values().map(|value| (value.clone(), ())).collect();
        assert_eq!((version.after.len(), values.len()), (ITEMS, 1), "one event holds the whole version");
    }
    assert!(versions.iter().all(|it| it.version % 2 == 0 || it.rollback_of == u64::from(it.version > 1)));
    cluster.agree().await;
}

/// Sets all items to one value, in one commit.
async fn change(client: &Client, value: &str) {
    let edits = (0..ITEMS).map(|number| edits::put(format!("item-{number:03}"), value)).collect();
    client.commit(commit_of("shop", edits)).await.expect("the commit is acknowledged");
}

async fn read(own: Client, consistency: Consistency, stop: watch::Receiver<bool>, listings: Arc<AtomicU64>) {
    while !*stop.borrow() {
        let request = ListRequest {
            namespace: "shop".into(),
            page_size: PAGE_SIZE,
            consistency: consistency.into(),
            ..Default::default()
        };
        let listing = match own.list_all(request).await {
            Ok(listing) => listing,
            // This node has not applied the creation yet.
            Err(error) if consistency == Consistency::Local && error.code() == Code::NotFound => continue,
            Err(error) => panic!("nothing is broken, and a read was refused: {error}"),
        };
        let values: Vec<_> = listing.items.iter().map(|item| item.value.clone()).collect();
        let whole = values.len() == ITEMS && values.iter().all(|value| value == &values[0]);
        let empty = consistency == Consistency::Local && values.is_empty();
        assert!(whole || empty, "half of version {}: {values:?}", listing.version);
        let expected_good = listing.version % 2 == 1;
        assert!(
            empty || (values[0] == "good") == expected_good,
            "version {} holds {:?}",
            listing.version,
            values[0]
        );
        listings.fetch_add(1, Ordering::Relaxed);
    }
}
