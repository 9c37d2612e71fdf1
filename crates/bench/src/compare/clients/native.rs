//! Clients of Conclave's own API: configuration, read and committed, at each node in turn.

use std::time::Instant;

use conclave_proto::config::v1::config_service_client::ConfigServiceClient;
use conclave_proto::config::v1::edit::Action;
use conclave_proto::config::v1::{
    Authorship, CommitRequest, Consistency, Edit, GetRequest, ListRequest, NamespaceEdits, PutItem,
};
use tonic::transport::Channel;

use super::connections::Connections;
use super::is_as_it_should;
use super::material::{Dice, Material};
use crate::compare::drive::Operate;

/// Items of a namespace.
pub(crate) const ITEMS: u64 = 100;

/// What a client does again and again.
#[derive(Debug, Clone, Copy)]
pub(crate) enum What {
    /// A commit of so many edits of one namespace.
    Commit(u64),
    Get,
    /// Read as the node has it, without asking the others.
    LocalGet,
    /// All items of a namespace.
    List,
}

/// A client.
#[derive(Debug)]
pub(crate) struct NativeClient {
    nodes: Vec<ConfigServiceClient<Channel>>,
    turn: usize,
    what: What,
    material: Material,
    dice: Dice,
}

impl NativeClient {
    pub(crate) fn new(connections: &Connections, number: usize, what: What, material: &Material) -> Self {
        Self {
            nodes: connections.of_client(number).into_iter().map(ConfigServiceClient::new).collect(),
            turn: 0,
            what,
            material: material.clone(),
            dice: Dice::new(number as u64),
        }
    }

    fn node(&mut self) -> &mut ConfigServiceClient<Channel> {
        self.turn = (self.turn + 1) % self.nodes.len();
        &mut self.nodes[self.turn]
    }

    fn any_namespace(&mut self) -> String {
        namespace(self.dice.below(self.material.keys.div_ceil(ITEMS)))
    }

    async fn commit(&mut self, edits: u64) -> anyhow::Result<()> {
        let (namespace, first) = (self.any_namespace(), self.dice.below(ITEMS));
        let edits = (first..first + edits).map(|item| edit(item % ITEMS, &self.material, &mut self.dice));
        let request = commit(namespace, edits.collect());
        self.node().commit(request).await?;
        Ok(())
    }

    async fn get(&mut self, consistency: Consistency) -> anyhow::Result<()> {
        let (namespace, key) = (self.any_namespace(), item(self.dice.below(ITEMS)));
        let request = GetRequest { namespace, key, consistency: consistency.into(), ..GetRequest::default() };
        let told = self.node().get(request).await?;
        is_as_it_should(told.get_ref().item.is_some())
    }

    async fn list(&mut self) -> anyhow::Result<()> {
        let request = ListRequest { namespace: self.any_namespace(), ..ListRequest::default() };
        let told = self.node().list(request).await?;
        is_as_it_should(told.get_ref().items.len() as u64 == ITEMS)
    }

    /// Writes its part of all namespaces.
    pub(crate) async fn fill(mut self, number: usize, of: usize) -> anyhow::Result<()> {
        let namespaces = self.material.keys.div_ceil(ITEMS);
        for one in (number as u64..namespaces).step_by(of) {
            let edits = (0..ITEMS).map(|item| edit(item, &self.material, &mut self.dice));
            let request = commit(namespace(one), edits.collect());
            self.node().commit(request).await?;
        }
        Ok(())
    }
}

impl Operate for NativeClient {
    async fn operate(&mut self, _began: Instant) -> anyhow::Result<()> {
        match self.what {
            What::Commit(edits) => self.commit(edits).await,
            What::Get => self.get(Consistency::Linearizable).await,
            What::LocalGet => self.get(Consistency::Local).await,
            What::List => self.list().await,
        }
    }
}

fn namespace(number: u64) -> String {
    format!("bench/n{number}")
}

fn item(number: u64) -> String {
    format!("item-{number:03}")
}

fn edit(number: u64, material: &Material, dice: &mut Dice) -> Edit {
    let put = PutItem {
        value: material.value(dice),
        content_type: "application/octet-stream".into(),
        ..PutItem::default()
    };
    Edit { key: item(number), action: Some(Action::Put(put)), ..Edit::default() }
}

fn commit(namespace: String, edits: Vec<Edit>) -> CommitRequest {
    let namespaces = vec![NamespaceEdits { namespace, edits, create_if_missing: true, ..Default::default() }];
    let authorship = Authorship { author: "bench".into(), message: "load".into(), ..Default::default() };
    CommitRequest { namespaces, authorship: Some(authorship), ..CommitRequest::default() }
}
