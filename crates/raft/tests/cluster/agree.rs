//! Writes on the leader are on all nodes; reads on any node see them.

use std::collections::BTreeMap;

use conclave_raft::{ProposeError, Role};
use futures::future::join_all;

use crate::nodes::{Cluster, create, create_as, put_number, soon};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_on_the_leader_is_on_all_nodes() {
    let cluster = Cluster::form(3, 100_000).await;
    cluster.propose(&create("app")).await.unwrap();
    let proposals: Vec<_> = (0..200).map(|number| put_number("app", number)).collect();
    let answers = join_all(proposals.iter().map(|proposal| cluster.propose(proposal))).await;
    assert!(answers.iter().all(Result::is_ok));
    cluster.agree().await;

    let leader = cluster.leader().await;
    let leading = &cluster.node(leader).consensus;
    let status = leading.status();
    assert_eq!((status.role, status.leader_id, status.node_id), (Role::Leader, Some(leader), leader));
    assert_eq!(status.members.len(), 3);
    assert_eq!(status.voters, [1, 2, 3].into());
    assert!(status.applied_index >= 201 && status.last_log_index >= status.applied_index);
    for follower in cluster.followers().await {
        assert_eq!(cluster.node(follower).consensus.status().role, Role::Follower);
        let told = leading.peer_status(follower, soon()).await.unwrap();
        assert_eq!((told.node_id, told.role, told.leader_id), (follower, Role::Follower, Some(leader)));
        assert_eq!(told.digest, cluster.node(leader).digest());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_is_answered_as_before_on_every_node() {
    let cluster = Cluster::form(3, 100_000).await;
    let first = cluster.propose(&create("app")).await;
    let digest_moves = cluster.node(cluster.leader().await).digest();
    assert_eq!(cluster.propose(&create("app")).await, first);
    cluster.agree().await;
    assert_ne!(cluster.node(1).digest(), digest_moves, "a retry is an entry too");
}

#[tokio::test(flavor = "multi_thread")]
async fn followers_refuse_proposals_and_hand_them_over() {
    let cluster = Cluster::form(3, 100_000).await;
    let leader = cluster.leader().await;
    for follower in cluster.followers().await {
        let following = &cluster.node(follower).consensus;
        let refused = following.propose(create("app")).await;
        assert_eq!(refused, Err(ProposeError::NotLeader { leader: Some(leader) }));
        let proposal = create(&format!("app-{follower}"));
        assert!(following.forward_propose(leader, proposal, soon()).await.unwrap().is_ok());
        let misled = following.forward_propose(follower, create("app"), soon()).await;
        assert_eq!(misled, Err(ProposeError::NotLeader { leader: Some(leader) }));
        let unknown = following.forward_propose(9, create("app"), soon()).await;
        assert_eq!(unknown, Err(ProposeError::NoLeader));
    }
    cluster.agree().await;
}

/// Each namespace is asked for twice: one of the two is refused, by its name.
#[tokio::test(flavor = "multi_thread")]
async fn each_of_many_proposals_at_once_gets_its_own_answer() {
    let cluster = Cluster::form(3, 100_000).await;
    let leader = cluster.leader().await;
    let proposing = (0..300_u64).map(|number| {
        let (cluster, namespace) = (&cluster, format!("app-{}", number / 2));
        async move {
            let proposal = create_as(&format!("request-{number}"), &namespace);
            let node = &cluster.node(1 + number % 3).consensus;
            let answer = match node.leader() {
                Some(id) if id == 1 + number % 3 => node.propose(proposal).await.unwrap(),
                _ => node.forward_propose(leader, proposal, soon()).await.unwrap(),
            };
            (number, namespace, answer)
        }
    });
    let mut created = BTreeMap::new();
    for (number, namespace, answer) in join_all(proposing).await {
        match answer {
            Ok(outcome) => {
                let told = format!("{outcome:?}");
                assert!(told.contains(&format!("\"{namespace}\"")), "{number}: {told}");
                assert_eq!(created.insert(namespace, number), None, "it is created once");
            }
            Err(rejection) => {
                let told = format!("{rejection:?}");
                assert!(told.contains(&format!("\"{namespace}\"")), "{number}: {told}");
            }
        }
    }
    assert_eq!(created.len(), 150);
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_index_on_any_node_covers_what_was_acknowledged() {
    let cluster = Cluster::form(3, 100_000).await;
    cluster.propose(&create("app")).await.unwrap();
    for number in 0..20 {
        cluster.propose(&put_number("app", number)).await.unwrap();
        let acknowledged = cluster.node(cluster.leader().await).consensus.applied_index();
        for node in cluster.nodes.values() {
            let reads = join_all((0..10).map(|_| node.consensus.read_index(soon()))).await;
            for index in reads {
                assert!(index.unwrap() >= acknowledged);
            }
            node.consensus.wait_applied(acknowledged, soon()).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_node_is_a_cluster() {
    let mut cluster = Cluster::form(1, 100_000).await;
    cluster.propose(&create("app")).await.unwrap();
    let index = cluster.node(1).consensus.read_index(soon()).await.unwrap();
    cluster.node(1).consensus.wait_applied(index, soon()).await.unwrap();
    let before = cluster.node(1).digest();
    cluster.stop(1).await;
    cluster.start(1).await;
    cluster.node(1).consensus.wait_recovered().await;
    assert_ne!(cluster.node(1).digest(), String::new());
    cluster.propose(&put_number("app", 1)).await.unwrap();
    assert_ne!(cluster.node(1).digest(), before);
}
