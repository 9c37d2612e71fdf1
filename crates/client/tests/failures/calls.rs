//! Calls: where they go after a failure, under which request id, and what is told in the end.

use std::time::{Duration, Instant};

use conclave_client::config::{
    CommitRequest, CommitResponse, Item, ListRequest, ListResponse, Match, SearchRequest, SearchResponse,
};
use conclave_client::{Client, ClientOptions, Code, reason};
use futures::{StreamExt as _, TryStreamExt as _};
use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::fake_node::{FakeNode, Reply, client_of, nobody};

fn refusal(code: Code, reason: &str) -> Status {
    let details = ErrorDetails::with_error_info(reason, "conclave", [("found".to_owned(), "8".to_owned())]);
    Status::with_error_details(code, "no", details)
}

fn committed(revision: u64) -> Reply<CommitResponse> {
    Reply::Answer(CommitResponse { revision, ..Default::default() })
}

fn no_leader() -> Reply<CommitResponse> {
    Reply::Refuse(refusal(Code::Unavailable, reason::NO_LEADER))
}

async fn commit(client: &Client) -> Result<u64, conclave_client::ClientError> {
    client.commit(CommitRequest::default()).await.map(|answer| answer.revision)
}

#[tokio::test]
async fn a_call_moves_on_and_the_next_one_begins_where_it_ended() {
    let (dead, live) = (nobody().await, FakeNode::start().await);
    live.on_commit(committed(1)).on_commit(committed(2));
    let client = client_of(&[&dead, live.address()]);
    assert_eq!(commit(&client).await.unwrap(), 1);
    assert_eq!(commit(&client.clone()).await.unwrap(), 2);
    assert_eq!(live.request_ids().len(), 2);
}

#[tokio::test]
async fn nodes_are_asked_in_order_and_a_write_keeps_its_id() {
    let nodes = [FakeNode::start().await, FakeNode::start().await, FakeNode::start().await];
    nodes[0].on_commit(no_leader()).on_commit(committed(7));
    nodes[1].on_commit(Reply::Silence);
    nodes[2].on_commit(no_leader());
    let client = client_of(&nodes.each_ref().map(FakeNode::address));
    assert_eq!(commit(&client).await.unwrap(), 7);
    let ids: Vec<_> = nodes.iter().map(FakeNode::request_ids).collect();
    assert_eq!(ids.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1, 1]);
    let mut all = ids.concat();
    all.dedup();
    assert_eq!((all.len(), all[0].len()), (1, 36), "one made id, a UUID: {all:?}");
}

#[tokio::test]
async fn a_rejection_is_final_and_tells_its_details() {
    let (first, second) = (FakeNode::start().await, FakeNode::start().await);
    first.on_commit(Reply::Refuse(refusal(Code::FailedPrecondition, reason::VERSION_MISMATCH)));
    let error = commit(&client_of(&[first.address(), second.address()])).await.unwrap_err();
    assert_eq!((error.code(), error.reason()), (Code::FailedPrecondition, reason::VERSION_MISMATCH));
    assert_eq!(error.metadata()["found"], "8");
    assert_eq!(error.endpoint(), format!("http://{}", first.address()));
    assert_eq!(error.request_id(), Some(first.request_ids()[0].as_str()));
    assert_eq!(second.request_ids(), Vec::<String>::new());
}

#[tokio::test]
async fn a_write_that_nobody_answers_may_have_taken_place() {
    let node = FakeNode::start().await;
    for _ in 0..10 {
        node.on_commit(Reply::Silence);
    }
    let client = client_of(&[node.address()]).with_timeout(Duration::from_millis(400));
    let error = commit(&client).await.unwrap_err();
    assert!(error.is_outcome_unknown(), "{error:?}");
    assert_eq!(error.request_id(), node.request_ids().first().map(String::as_str));
}

#[tokio::test]
async fn a_write_that_never_left_did_not_take_place() {
    let (one, other) = (nobody().await, nobody().await);
    let client = client_of(&[&one, &other]).with_timeout(Duration::from_millis(200));
    let error = commit(&client).await.unwrap_err();
    assert_eq!((error.code(), error.reason()), (Code::Unavailable, reason::UNREACHABLE));
    assert!(!error.is_outcome_unknown());
}

#[tokio::test]
async fn a_node_with_too_much_to_do_is_given_the_time_it_asks_for() {
    let node = FakeNode::start().await;
    let mut details = ErrorDetails::with_error_info(reason::OVERLOADED, "conclave", []);
    details.set_retry_info(Some(Duration::from_millis(120)));
    let overloaded = Status::with_error_details(Code::ResourceExhausted, "too much", details);
    node.on_commit(Reply::Refuse(overloaded)).on_commit(committed(3));
    let begun = Instant::now();
    assert_eq!(commit(&client_of(&[node.address()])).await.unwrap(), 3);
    assert!(begun.elapsed() >= Duration::from_millis(120));
}

#[tokio::test]
async fn attempts_end_at_their_bound() {
    let node = FakeNode::start().await;
    for _ in 0..10 {
        node.on_commit(no_leader());
    }
    let options =
        ClientOptions { attempts_max: 4, backoff_min_ms: 1, ..ClientOptions::new([node.address()]) };
    let error = commit(&Client::connect(options).unwrap()).await.unwrap_err();
    assert_eq!(error.reason(), reason::NO_LEADER);
    assert_eq!(node.request_ids().len(), 4);
}

#[tokio::test]
async fn pages_are_followed_to_the_last() {
    let node = FakeNode::start().await;
    for (key, token) in [("a", "t1"), ("b", "t2"), ("c", "")] {
        let items = vec![Item { key: key.into(), ..Default::default() }];
        let next_page_token = token.to_owned();
        node.on_list(Reply::Answer(ListResponse { items, next_page_token, version: 4, store_revision: 9 }));
    }
    let listing = client_of(&[node.address()]).list_all(ListRequest::default()).await.unwrap();
    let keys: Vec<_> = listing.items.iter().map(|item| item.key.as_str()).collect();
    assert_eq!((keys.as_slice(), listing.version, listing.store_revision), (&["a", "b", "c"][..], 4, 9));
    assert_eq!(node.page_tokens(), ["", "t1", "t2"]);
}

fn found(namespaces: &[&str], next_page_token: &str) -> Reply<SearchResponse> {
    let one = |name: &&str| Match { namespace: (*name).to_owned(), ..Default::default() };
    let matches = namespaces.iter().map(one).collect();
    Reply::Answer(SearchResponse { matches, next_page_token: next_page_token.to_owned(), store_revision: 9 })
}

#[tokio::test]
async fn a_page_without_matches_does_not_end_a_search() {
    let node = FakeNode::start().await;
    node.on_search(found(&["a", "b"], "t1")).on_search(found(&[], "t2")).on_search(found(&["c"], ""));
    let client = client_of(&[node.address()]);
    let matches: Vec<_> = client.search_stream(SearchRequest::default()).try_collect().await.unwrap();
    let names: Vec<_> = matches.iter().map(|found| found.namespace.as_str()).collect();
    assert_eq!(
        (names.as_slice(), node.search_tokens()),
        (&["a", "b", "c"][..], vec![String::new(), "t1".into(), "t2".into()])
    );
}

#[tokio::test]
async fn pages_are_asked_for_as_they_are_needed_and_an_error_ends_them() {
    let node = FakeNode::start().await;
    node.on_search(found(&["a", "b"], "t1"));
    node.on_search(Reply::Refuse(refusal(Code::InvalidArgument, reason::PAGE_TOKEN_INVALID)));
    let client = client_of(&[node.address()]);
    let mut stream = std::pin::pin!(client.search_stream(SearchRequest::default()));
    assert_eq!(stream.next().await.unwrap().unwrap().namespace, "a");
    assert_eq!(node.search_tokens().len(), 1, "what is on the first page needs no second");
    assert_eq!(stream.next().await.unwrap().unwrap().namespace, "b");
    assert_eq!(stream.next().await.unwrap().unwrap_err().reason(), reason::PAGE_TOKEN_INVALID);
    assert!(stream.next().await.is_none());
}
