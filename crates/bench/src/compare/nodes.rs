//! The nodes of a peer, as processes: where they are, and what is done to them.

use std::path::PathBuf;
use std::time::Duration;

use conclave_testkit::{Cluster, EtcdCluster};

/// How long a node may take to stop.
const STOP_MAX: Duration = Duration::from_secs(120);

/// Nodes that run until this is dropped, with their data. They are counted from 0.
#[derive(Debug)]
pub(crate) enum Nodes {
    Conclave(Box<Cluster>),
    Etcd(EtcdCluster),
}

impl Nodes {
    /// Whether Conclave's own API can be asked.
    pub(crate) fn have_own_api(&self) -> bool {
        matches!(self, Self::Conclave(_))
    }

    /// Where clients reach each of them.
    pub(crate) fn addresses(&mut self) -> Vec<String> {
        match self {
            Self::Conclave(cluster) => {
                cluster.ids().into_iter().map(|id| cluster.node(id).client_address().to_string()).collect()
            }
            Self::Etcd(etcd) => etcd.members().iter().map(|member| member.address()).collect(),
        }
    }

    /// Their processes, all of which must run.
    pub(crate) fn processes(&mut self) -> Vec<u32> {
        match self {
            Self::Conclave(cluster) => {
                cluster.ids().into_iter().map(|id| cluster.node(id).process()).collect()
            }
            Self::Etcd(etcd) => etcd.members().iter().map(|member| member.process()).collect(),
        }
    }

    /// Their data directories.
    pub(crate) fn folders(&mut self) -> Vec<PathBuf> {
        match self {
            Self::Conclave(cluster) => {
                cluster.ids().into_iter().map(|id| cluster.node(id).data_dir()).collect()
            }
            Self::Etcd(etcd) => etcd.members().iter().map(|member| member.data_dir()).collect(),
        }
    }

    /// Tells all of them to stop and waits until they have.
    pub(crate) async fn stop_all(&mut self) {
        match self {
            Self::Conclave(cluster) => {
                cluster.ids().into_iter().for_each(|id| cluster.node(id).terminate());
                for id in cluster.ids() {
                    cluster.node(id).ended(STOP_MAX).await;
                }
            }
            Self::Etcd(etcd) => {
                etcd.members().iter().for_each(|member| member.terminate());
                for number in 0..etcd.members().len() {
                    etcd.member_mut(number).ended(STOP_MAX).await;
                }
            }
        }
    }

    /// Starts all of them, none of which may run, and waits for nothing.
    pub(crate) fn start_all(&mut self) {
        (0..self.addresses().len()).for_each(|number| self.start(number));
    }

    /// Kills one.
    pub(crate) fn kill(&mut self, number: usize) {
        match self {
            Self::Conclave(cluster) => {
                let id = cluster.ids()[number];
                cluster.node(id).kill();
            }
            Self::Etcd(etcd) => etcd.member_mut(number).kill(),
        }
    }

    /// Has a further one admitted, which has nothing and is yet to be started; tells its number.
    pub(crate) async fn admit(&mut self) -> usize {
        match self {
            Self::Conclave(cluster) => {
                let client = cluster.client();
                let id = cluster.admit(&client).await;
                cluster.ids().into_iter().take_while(|other| *other != id).count()
            }
            Self::Etcd(etcd) => etcd.admit().await,
        }
    }

    /// Starts one that does not run, and waits for nothing.
    pub(crate) fn start(&mut self, number: usize) {
        match self {
            Self::Conclave(cluster) => {
                let id = cluster.ids()[number];
                cluster.start_node(id);
            }
            Self::Etcd(etcd) => etcd.member_mut(number).start(),
        }
    }
}
