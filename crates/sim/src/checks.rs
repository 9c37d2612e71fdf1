//! What must hold at every moment, whatever goes wrong.

use std::collections::BTreeMap;

use conclave_node::{NodeStatus, Role};

use crate::cluster::Cluster;

/// How often the nodes are looked at, in milliseconds.
const LOOK_EVERY_MS: u64 = 20;

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    /// Two led in one term.
    #[error("nodes {one} and {other} both lead in term {term}")]
    TwoLeaders {
        /// The term.
        term: u64,
        /// Who led first.
        one: u64,
        /// Who leads too.
        other: u64,
    },
    /// Nodes that have applied the same entries have another state.
    #[error("at index {index}, node {node} has digest {digest}, and another one had {known}")]
    States {
        /// The index.
        index: u64,
        /// The node.
        node: u64,
        /// What it has.
        digest: String,
        /// What was seen before.
        known: String,
    },
    /// A node that runs has gone back.
    #[error("node {node} went back from {what} {from} to {to}")]
    WentBack {
        /// The node.
        node: u64,
        /// In what.
        what: &'static str,
        /// Where it was.
        from: u64,
        /// Where it is.
        to: u64,
    },
    /// A check of what clients were told.
    #[error("{0}")]
    Told(String),
    /// The healed cluster does not serve.
    #[error("{0}")]
    NotServing(String),
}

/// What was seen up to now.
#[derive(Default)]
pub(crate) struct Checks {
    leaders: BTreeMap<u64, u64>,
    digests: BTreeMap<u64, String>,
    /// By node, and how often it had begun anew.
    last: BTreeMap<(u64, u64), Seen>,
    looks: u64,
}

/// A node when it was looked at last.
struct Seen {
    starts: u64,
    term: u64,
    applied_index: u64,
    revision: u64,
}

impl Checks {
    /// Looks at all nodes that run, if it is time.
    pub(crate) fn step(&mut self, cluster: &Cluster) -> Result<(), Broken> {
        if !cluster.world.now_ms().is_multiple_of(LOOK_EVERY_MS) {
            return Ok(());
        }
        for (id, handle) in cluster.handles() {
            // A state that cannot be read stops its node.
            if let Ok(status) = handle.own_status() {
                let node = cluster.node(id);
                self.look((id, node.lives), node.starts, &status)?;
            }
        }
        self.looks += 1;
        Ok(())
    }

    /// The furthest that any node was seen to have applied.
    pub(crate) fn applied_index(&self) -> u64 {
        self.digests.keys().next_back().copied().unwrap_or(0)
    }

    fn look(&mut self, (id, lives): (u64, u64), starts: u64, status: &NodeStatus) -> Result<(), Broken> {
        if status.role == Role::Leader {
            let leader = *self.leaders.entry(status.term).or_insert(id);
            if leader != id {
                return Err(Broken::TwoLeaders { term: status.term, one: leader, other: id });
            }
        }
        let known = self.digests.entry(status.applied_index).or_insert_with(|| status.digest.clone());
        if *known != status.digest {
            let (digest, known) = (status.digest.clone(), known.clone());
            return Err(Broken::States { index: status.applied_index, node: id, digest, known });
        }
        self.forward_only((id, lives), starts, status)
    }

    /// A node's term outlives its end; what it has applied may go back then, to be applied again.
    fn forward_only(
        &mut self,
        (id, lives): (u64, u64),
        starts: u64,
        status: &NodeStatus,
    ) -> Result<(), Broken> {
        let seen = Seen {
            starts,
            term: status.term,
            applied_index: status.applied_index,
            revision: status.revision,
        };
        let Some(before) = self.last.insert((id, lives), seen) else { return Ok(()) };
        let mut held = vec![("term", before.term, status.term)];
        if before.starts == starts {
            held.push(("index", before.applied_index, status.applied_index));
            held.push(("revision", before.revision, status.revision));
        }
        match held.into_iter().find(|(_, from, to)| to < from) {
            Some((what, from, to)) => Err(Broken::WentBack { node: id, what, from, to }),
            None => Ok(()),
        }
    }
}
