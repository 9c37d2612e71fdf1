//! Scripts: requests that both are asked one after the other, and random ones of them.

use std::env;

use conclave_proto::etcd::etcdserverpb as pb;
use proptest::collection::vec;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::followed::Followed;
use crate::generate;
use crate::pair::Pair;
use crate::requests::all;

/// One request.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Range(pb::RangeRequest),
    Put(pb::PutRequest),
    Delete(pb::DeleteRangeRequest),
    Txn(pb::TxnRequest),
    Compact(pb::CompactionRequest),
    Grant(pb::LeaseGrantRequest),
    Revoke(pb::LeaseRevokeRequest),
    TimeToLive(pb::LeaseTimeToLiveRequest),
    Watch(pb::WatchCreateRequest),
    /// Ends one of the watches that are open, if there are so many.
    EndWatch(usize),
}

impl Step {
    /// Asks both; they must answer the same, whatever it is, and tell all watches the same.
    async fn run(self, pair: &mut Pair, followed: &mut Followed) {
        match self {
            Self::Range(it) => drop(pair.ask(it).await),
            Self::Put(it) => drop(pair.ask(it).await),
            Self::Delete(it) => drop(pair.ask(it).await),
            Self::Txn(it) => drop(pair.ask(it).await),
            Self::Compact(it) => {
                if pair.ask(it).await.is_ok() {
                    followed.compacted(it.revision);
                }
            }
            Self::Grant(it) => drop(pair.ask(it).await),
            Self::Revoke(it) => drop(pair.ask(it).await),
            Self::TimeToLive(it) => drop(pair.ask(it).await),
            Self::Watch(it) => followed.create(pair, it).await,
            Self::EndWatch(number) => followed.end(pair, number).await,
        }
        followed.settle(pair).await;
    }
}

/// Requests in their order.
pub(crate) type Script = Vec<Step>;

/// Runs a script on empty stores, and reads all at its end.
pub(crate) async fn run(pair: &mut Pair, script: Script) {
    pair.begin().await;
    let mut followed = Followed::begin(pair).await;
    for step in script {
        step.run(pair, &mut followed).await;
    }
    followed.finish();
    pair.granted(all()).await;
}

/// How many scripts are run, and of how many requests at most.
const SCRIPTS: u32 = 48;
const STEPS_MAX: usize = 40;
/// More scripts, for a long run by hand.
const SCRIPTS_VARIABLE: &str = "CONCLAVE_ETCD_SCRIPTS";

#[test]
fn random_scripts_are_answered_alike() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    let mut pair = runtime.block_on(Pair::start());
    let cases = env::var(SCRIPTS_VARIABLE).map_or(SCRIPTS, |said| said.parse().expect("a number of scripts"));
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    // The differences that are found are told by panics, which the runner takes as failures and makes small.
    let pair = std::sync::Mutex::new(&mut pair);
    let told = TestRunner::new(config).run(&vec(generate::step(), 1..STEPS_MAX), |script| {
        let mut pair = pair.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        runtime.block_on(run(&mut pair, script));
        Ok::<(), TestCaseError>(())
    });
    told.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn scripts_have_requests_of_every_kind() {
    let mut runner = TestRunner::deterministic();
    let script = vec(generate::step(), 400).new_tree(&mut runner).expect("it can be made").current();
    let kinds: std::collections::HashSet<_> = script.iter().map(std::mem::discriminant).collect();
    assert_eq!(kinds.len(), 10);
}
