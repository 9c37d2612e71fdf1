//! Who belongs to the cluster: admissions of new nodes, and which node has which id.
//!
//! An id names one node with one log for ever. So ids are given out here, ascending, and none twice; and of
//! each node its *instance* is kept, a random number that it drew when its data directory was made. A node
//! that comes under a known id with another instance has lost its data and must not vote under that id again.
//!
//! Consensus has its own list of members with addresses and votes. What is kept here is what that list cannot
//! tell: who may come, and who was there.

mod alarms;
mod command;
mod node_record;
mod outcome;
mod rejection;

use std::collections::BTreeMap;

use conclave_mvcc::{MapError, ReadMap, Transaction};

pub use alarms::alarms;
pub use command::{Admit, ClusterCommand, Forget, Redeem, Register, SetAlarm, TokenHash};
pub use node_record::Standing;
pub use outcome::{ClusterOutcome, Redeemed};
pub use rejection::ClusterRejection;

use node_record::{NodeRecord, all, highest_id, put, raise_highest_id, remove};

/// How long an admission may wait for its node, in milliseconds: a day.
pub const ADMISSION_MS: i64 = 24 * 60 * 60 * 1_000;
/// Most admissions that wait at once.
pub const ADMISSIONS_MAX: usize = 64;

type Answered = Result<ClusterOutcome, ClusterRejection>;

/// An admission that waits for its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmissionInfo {
    /// Id that the node will have.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Where its peers will reach it.
    pub peer_address: String,
    /// When the token ends: milliseconds since 1970-01-01 UTC.
    pub expires_ms: i64,
}

/// What is known of a node that introduces itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Introduction {
    /// Nothing: it was never heard of.
    Unknown,
    /// It is the one that has this id.
    Known,
    /// Another one has this id: this one lost its data, or took the id of another.
    OtherInstance,
    /// The node with this id was taken out of the cluster.
    Removed,
}

/// Does what the command says within the transaction; a refusal leaves it as it is.
pub(crate) fn apply(
    transaction: &mut Transaction<'_>,
    command: &ClusterCommand,
    time_ms: i64,
) -> Result<Answered, MapError> {
    match command {
        ClusterCommand::Admit(command) => admit(transaction, command, time_ms),
        ClusterCommand::Redeem(command) => redeem(transaction, command, time_ms),
        ClusterCommand::Register(command) => register(transaction, command),
        ClusterCommand::Forget(command) => forget(transaction, command),
        ClusterCommand::SetAlarm(command) => Ok(Ok(alarms::set(transaction, *command)?)),
    }
}

/// The admissions that wait, in order of id.
///
/// # Errors
/// If the map cannot be read.
pub fn admissions(view: &dyn ReadMap, now_ms: i64) -> Result<Vec<AdmissionInfo>, MapError> {
    let waiting = all(view)?.into_iter().filter_map(|(id, node)| match node.standing {
        Standing::Admitted { expires_ms, .. } if expires_ms > now_ms => {
            Some(AdmissionInfo { id, name: node.name, peer_address: node.peer_address, expires_ms })
        }
        _ => None,
    });
    Ok(waiting.collect())
}

/// What the node with this id is; none if it was never heard of, as a first member that has not told its
/// instance yet.
///
/// # Errors
/// If the map cannot be read.
pub fn standing(view: &dyn ReadMap, id: u64) -> Result<Option<Standing>, MapError> {
    Ok(node_record::get(view, id)?.map(|node| node.standing))
}

/// The instances of the members of a cluster with this id, by node: of those that have told theirs.
///
/// # Errors
/// If the map cannot be read.
pub fn instances(view: &dyn ReadMap, cluster_id: u64) -> Result<BTreeMap<u64, u64>, MapError> {
    let members = all(view)?.into_iter().filter_map(|(id, node)| match node.standing {
        Standing::Member { instance, cluster_id: of, .. } if of == cluster_id => Some((id, instance)),
        _ => None,
    });
    Ok(members.collect())
}

/// What is known of a node that says that it has this id, of a cluster with this id.
///
/// # Errors
/// If the map cannot be read.
pub fn introduction(
    view: &dyn ReadMap,
    cluster_id: u64,
    id: u64,
    instance: u64,
) -> Result<Introduction, MapError> {
    Ok(match standing(view, id)? {
        Some(Standing::Member { instance: known, cluster_id: of, .. }) if of == cluster_id => {
            if known == instance { Introduction::Known } else { Introduction::OtherInstance }
        }
        Some(Standing::Removed) => Introduction::Removed,
        Some(Standing::Member { .. } | Standing::Admitted { .. }) | None => Introduction::Unknown,
    })
}

/// Forgets all nodes, but not which ids were given out: what is restored from a backup is another cluster, of
/// new nodes, some of which may have ids that nodes had before.
///
/// # Errors
/// If the map cannot be read.
pub fn begin_anew(transaction: &mut Transaction<'_>) -> Result<(), MapError> {
    for (id, _) in all(transaction.view())? {
        remove(transaction, id);
    }
    alarms::clear(transaction);
    Ok(())
}

/// Gives a new node an id. If the same node waits already, it keeps its id and gets the new token: whoever
/// asked may not have seen the first answer.
fn admit(transaction: &mut Transaction<'_>, admit: &Admit, time_ms: i64) -> Result<Answered, MapError> {
    let nodes = all(transaction.view())?;
    let expires_ms = time_ms.saturating_add(ADMISSION_MS);
    let record = NodeRecord {
        name: admit.name.clone(),
        peer_address: admit.peer_address.clone(),
        client_address: admit.client_address.clone(),
        standing: Standing::Admitted { token_hash: admit.token_hash, expires_ms },
    };
    let (mut waiting, mut same) = (0, None);
    for (id, node) in &nodes {
        match node.standing {
            Standing::Removed => continue,
            Standing::Admitted { .. } if node.is_same_node(&record) => {
                same = Some(*id);
                continue;
            }
            Standing::Admitted { expires_ms, .. } if expires_ms <= time_ms => {
                remove(transaction, *id);
                continue;
            }
            Standing::Admitted { .. } => waiting += 1,
            Standing::Member { .. } => {}
        }
        if let Some(taken) = node.clash(*id, &record) {
            return Ok(Err(taken));
        }
    }
    if let Some(id) = same {
        put(transaction, id, &record);
        return Ok(Ok(ClusterOutcome::Admitted { id, expires_ms }));
    }
    if waiting >= ADMISSIONS_MAX {
        return Ok(Err(ClusterRejection::AdmissionsFull { admissions_max: ADMISSIONS_MAX as u64 }));
    }
    let Some(id) = highest_id(transaction.view())?.max(admit.highest_id).checked_add(1) else {
        return Ok(Err(ClusterRejection::IdsUsedUp));
    };
    raise_highest_id(transaction, id)?;
    put(transaction, id, &record);
    Ok(Ok(ClusterOutcome::Admitted { id, expires_ms }))
}

/// Makes the node that brings a token a member; again if it is the same one.
fn redeem(transaction: &mut Transaction<'_>, redeem: &Redeem, time_ms: i64) -> Result<Answered, MapError> {
    let nodes = all(transaction.view())?;
    let Some((id, node)) = nodes.into_iter().find(|(_, node)| node.has_token(&redeem.token_hash)) else {
        return Ok(Err(ClusterRejection::TokenUnknown));
    };
    match node.standing {
        Standing::Member { instance, .. } if instance == redeem.instance => {}
        Standing::Member { .. } | Standing::Removed => {
            return Ok(Err(ClusterRejection::TokenUsed { id }));
        }
        Standing::Admitted { expires_ms, .. } if expires_ms <= time_ms => {
            return Ok(Err(ClusterRejection::TokenExpired { id }));
        }
        Standing::Admitted { .. } if node.peer_address != redeem.peer_address => {
            let (admitted, told) = (node.peer_address, redeem.peer_address.clone());
            return Ok(Err(ClusterRejection::OtherAddress { id, admitted, told }));
        }
        Standing::Admitted { .. } => {}
    }
    let client_address = match node.client_address.as_str() {
        "" => redeem.client_address.clone(),
        told => told.to_owned(),
    };
    let standing = Standing::Member {
        instance: redeem.instance,
        cluster_id: redeem.cluster_id,
        token_hash: Some(redeem.token_hash),
    };
    let member = NodeRecord { client_address, standing, ..node };
    put(transaction, id, &member);
    let NodeRecord { name, peer_address, client_address, .. } = member;
    Ok(Ok(ClusterOutcome::Redeemed(Redeemed { id, name, peer_address, client_address })))
}

/// Notes which instance a member is. A cluster that was restored has another id, and its nodes are new ones.
fn register(transaction: &mut Transaction<'_>, register: &Register) -> Result<Answered, MapError> {
    let Register { id, instance, cluster_id, name, peer_address, client_address } = register.clone();
    let known = node_record::get(transaction.view(), id)?;
    let token_hash = match known.as_ref().map(|node| &node.standing) {
        Some(Standing::Removed) => return Ok(Err(ClusterRejection::MemberRemoved { id })),
        Some(Standing::Member { instance: other, cluster_id: of, .. })
            if *of == cluster_id && *other != instance =>
        {
            return Ok(Err(ClusterRejection::OtherInstance { id }));
        }
        Some(Standing::Member { token_hash, .. }) => *token_hash,
        Some(Standing::Admitted { .. }) | None => None,
    };
    let standing = Standing::Member { instance, cluster_id, token_hash };
    raise_highest_id(transaction, id)?;
    put(transaction, id, &NodeRecord { name, peer_address, client_address, standing });
    Ok(Ok(ClusterOutcome::Registered { id }))
}

/// Notes that a node is out of the cluster, or will not come: its id is not used again. One that never was has no
/// id that could be used up.
fn forget(transaction: &mut Transaction<'_>, forget: &Forget) -> Result<Answered, MapError> {
    let Forget { id, was_member } = *forget;
    let known = match node_record::get(transaction.view(), id)? {
        Some(known) => known,
        None if was_member => NodeRecord::default(),
        None => return Ok(Err(ClusterRejection::MemberUnknown { id })),
    };
    raise_highest_id(transaction, id)?;
    put(transaction, id, &NodeRecord { standing: Standing::Removed, ..known });
    Ok(Ok(ClusterOutcome::Forgotten { id }))
}

#[cfg(test)]
mod tests;
