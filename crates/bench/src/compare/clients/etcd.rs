//! Clients of etcd's API, which both sides serve: one operation after the other, at each node in turn, as etcd's own
//! client does it.

use std::ops::Range;
use std::time::Instant;

use conclave_proto::etcd::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use conclave_proto::etcd::etcdserverpb::kv_client::KvClient;
use conclave_proto::etcd::etcdserverpb::request_op::Request;
use conclave_proto::etcd::etcdserverpb::response_op::Response;
use conclave_proto::etcd::etcdserverpb::{
    Compare, PutRequest, RangeRequest, RequestOp, TxnRequest, TxnResponse,
};
use tonic::transport::Channel;

use super::connections::Connections;
use super::is_as_it_should;
use super::material::{Dice, Material};
use crate::compare::drive::Operate;

/// Keys that one transaction writes while the store is filled, at most: etcd takes 128.
const KEYS_A_FILL: u64 = 100;
/// Bytes of values, likewise: etcd takes 1.5 MiB in all.
const FILL_SIZE_BYTES: usize = 1 << 20;
/// So often each of those is tried.
const FILL_TRIES: usize = 5;

/// What a client does again and again.
#[derive(Debug, Clone, Copy)]
pub(crate) enum What {
    Put,
    Get,
    /// Read as the node has it, without asking the others.
    LocalGet,
    /// Nine reads to one write.
    Mixed,
    /// A range of so many keys.
    Range(u64),
    /// A transaction that writes so many keys, one after the other.
    PutMany(u64),
    /// A key of the client's own is compared with what it last was, and written.
    CompareAndSwap,
}

/// A client.
#[derive(Debug)]
pub(crate) struct EtcdClient {
    nodes: Vec<KvClient<Channel>>,
    turn: usize,
    what: What,
    material: Material,
    dice: Dice,
    number: u64,
    /// When the client's own key was last written.
    revision: i64,
}

impl EtcdClient {
    pub(crate) fn new(connections: &Connections, number: usize, what: What, material: &Material) -> Self {
        Self {
            nodes: connections.of_client(number).into_iter().map(KvClient::new).collect(),
            turn: 0,
            what,
            material: material.clone(),
            dice: Dice::new(number as u64),
            number: number as u64,
            revision: 0,
        }
    }

    fn node(&mut self) -> &mut KvClient<Channel> {
        self.turn = (self.turn + 1) % self.nodes.len();
        &mut self.nodes[self.turn]
    }

    async fn put(&mut self) -> anyhow::Result<()> {
        let request = put(self.material.any_key(&mut self.dice), &self.material, &mut self.dice);
        self.node().put(request).await?;
        Ok(())
    }

    async fn get(&mut self, serializable: bool) -> anyhow::Result<()> {
        let key = self.material.any_key(&mut self.dice);
        let request = RangeRequest { key: key.into(), serializable, ..RangeRequest::default() };
        let told = self.node().range(request).await?;
        is_as_it_should(told.get_ref().kvs.len() == 1)
    }

    async fn range(&mut self, keys: u64) -> anyhow::Result<()> {
        let first = self.dice.below(self.material.keys.saturating_sub(keys) + 1);
        let (key, range_end) = (Material::key(first).into(), Material::key(first + keys).into());
        let request = RangeRequest { key, range_end, ..RangeRequest::default() };
        let told = self.node().range(request).await?;
        is_as_it_should(told.get_ref().kvs.len() as u64 == keys)
    }

    async fn put_many(&mut self, keys: u64) -> anyhow::Result<()> {
        let first = self.dice.below(self.material.keys.saturating_sub(keys) + 1);
        let request = puts(first..first + keys, &self.material, &mut self.dice);
        self.node().txn(request).await?;
        Ok(())
    }

    async fn compare_and_swap(&mut self) -> anyhow::Result<()> {
        let key = format!("bench-swap/{:06}", self.number).into_bytes();
        let unchanged = Compare {
            key: key.clone().into(),
            target: CompareTarget::Mod.into(),
            result: CompareResult::Equal.into(),
            target_union: Some(TargetUnion::ModRevision(self.revision)),
            ..Compare::default()
        };
        let request = TxnRequest {
            compare: vec![unchanged],
            success: vec![step(Request::RequestPut(put(key.clone(), &self.material, &mut self.dice)))],
            failure: vec![step(Request::RequestRange(RangeRequest {
                key: key.into(),
                ..Default::default()
            }))],
        };
        let told = self.node().txn(request).await?.into_inner();
        self.revision = revision(&told);
        is_as_it_should(told.succeeded)
    }
}

impl Operate for EtcdClient {
    async fn operate(&mut self, _began: Instant) -> anyhow::Result<()> {
        match self.what {
            What::Put => self.put().await,
            What::Get => self.get(false).await,
            What::LocalGet => self.get(true).await,
            What::Mixed if self.dice.below(10) == 0 => self.put().await,
            What::Mixed => self.get(false).await,
            What::Range(keys) => self.range(keys).await,
            What::PutMany(keys) => self.put_many(keys).await,
            What::CompareAndSwap => self.compare_and_swap().await,
        }
    }
}

/// Writes all keys once: a client of those who fill writes every so manieth of their transactions.
#[derive(Debug)]
pub(crate) struct Filler {
    node: KvClient<Channel>,
    material: Material,
    dice: Dice,
    next: u64,
    /// Keys of a transaction.
    keys: u64,
    step: u64,
}

impl Filler {
    pub(crate) fn new(connections: &Connections, number: usize, of: usize, material: &Material) -> Self {
        let node = connections.of_client(number).swap_remove(0);
        let keys = keys_a_fill(material.value_size_bytes);
        Self {
            node: KvClient::new(node),
            material: material.clone(),
            dice: Dice::new(number as u64),
            next: number as u64 * keys,
            keys,
            step: of as u64 * keys,
        }
    }

    /// Writes its part.
    pub(crate) async fn fill(mut self) -> anyhow::Result<()> {
        while self.next < self.material.keys {
            let keys = self.next..(self.next + self.keys).min(self.material.keys);
            let request = puts(keys, &self.material, &mut self.dice);
            self.write(request).await?;
            self.next += self.step;
        }
        Ok(())
    }

    /// Sixteen of these at once are more than some nodes answer in time; what was written may be written again.
    async fn write(&mut self, request: TxnRequest) -> anyhow::Result<()> {
        let mut told = self.node.txn(request.clone()).await;
        for _ in 1..FILL_TRIES {
            if told.is_ok() {
                break;
            }
            told = self.node.txn(request.clone()).await;
        }
        told?;
        Ok(())
    }
}

/// As many keys as fit into a transaction.
fn keys_a_fill(value_size_bytes: usize) -> u64 {
    ((FILL_SIZE_BYTES / value_size_bytes.max(1)) as u64).clamp(1, KEYS_A_FILL)
}

/// A transaction that writes these keys.
fn puts(keys: Range<u64>, material: &Material, dice: &mut Dice) -> TxnRequest {
    let puts = keys.map(|number| put(Material::key(number), material, dice));
    TxnRequest { success: puts.map(|put| step(Request::RequestPut(put))).collect(), ..TxnRequest::default() }
}

fn put(key: Vec<u8>, material: &Material, dice: &mut Dice) -> PutRequest {
    PutRequest { key: key.into(), value: material.value(dice), ..PutRequest::default() }
}

fn step(request: Request) -> RequestOp {
    RequestOp { request: Some(request) }
}

/// When a key was written by the transaction, or, if it was not, when it last had been.
fn revision(told: &TxnResponse) -> i64 {
    let found = told.responses.first().and_then(|step| match &step.response {
        Some(Response::ResponseRange(range)) => Some(range.kvs.first().map_or(0, |kv| kv.mod_revision)),
        _ => None,
    });
    found.unwrap_or_else(|| told.header.as_ref().map_or(0, |header| header.revision))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filling_transaction_is_one_that_etcd_takes() {
        assert_eq!([0, 256, 65_536, 2 << 20].map(keys_a_fill), [100, 100, 16, 1]);
    }
}
