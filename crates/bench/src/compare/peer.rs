//! Whose clusters are measured: a program of Conclave or of etcd.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;

use anyhow::{Context as _, ensure};
use conclave_testkit::{Cluster, ClusterOptions, EtcdCluster};

use super::nodes::Nodes;

/// Nodes of each cluster.
const NODES: usize = 3;

/// A program, as it is named on the command line: `[NAME=]conclave|etcd[:PATH]`.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    name: Option<String>,
    pub(crate) kind: Kind,
    path: Option<PathBuf>,
}

/// What a program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Conclave,
    Etcd,
}

impl FromStr for Peer {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, text) = text.split_once('=').map_or((None, text), |(name, text)| (Some(name), text));
        let (kind, path) = text.split_once(':').map_or((text, None), |(kind, path)| (kind, Some(path)));
        let kind = match kind {
            "conclave" => Kind::Conclave,
            "etcd" => Kind::Etcd,
            _ => return Err("it is not of the form [NAME=]conclave|etcd[:PATH]"),
        };
        Ok(Self { name: name.map(str::to_owned), kind, path: path.map(PathBuf::from) })
    }
}

impl Peer {
    /// What it is called: as it was named, or by what it says of its version.
    pub(crate) fn name(&self) -> anyhow::Result<String> {
        if let Some(name) = &self.name {
            return Ok(name.clone());
        }
        let told = self.version()?;
        let version = told.split_whitespace().nth(self.word());
        let version = version.with_context(|| format!("{told:?} is no version"))?;
        Ok(match self.kind {
            Kind::Conclave => format!("Conclave {version}"),
            Kind::Etcd => format!("etcd {version}"),
        })
    }

    /// The first line of what it says of its version.
    pub(crate) fn version(&self) -> anyhow::Result<String> {
        let program = self.program()?;
        let told = Command::new(&program).arg("--version").output();
        let told = told.with_context(|| format!("{} cannot be started", program.display()))?;
        let first = String::from_utf8_lossy(&told.stdout).lines().next().map(str::to_owned);
        first.with_context(|| format!("{} tells no version", program.display()))
    }

    /// Which word of what it says is the version: `conclave 0.1.0`, `etcd Version: 3.5.1`.
    fn word(&self) -> usize {
        match self.kind {
            Kind::Conclave => 1,
            Kind::Etcd => 2,
        }
    }

    /// Where it is: a build beside this program, or the etcd that `deploy/scripts/etcd.sh` brought, if no path was given.
    pub(crate) fn program(&self) -> anyhow::Result<PathBuf> {
        let program = match &self.path {
            Some(path) => path.clone(),
            None => self.usual_place()?,
        };
        ensure!(program.is_file(), "there is no program at {}", program.display());
        Ok(program)
    }

    fn usual_place(&self) -> anyhow::Result<PathBuf> {
        let own = std::env::current_exe()?;
        let builds = own.parent().context("this program is in a folder")?;
        Ok(match self.kind {
            Kind::Conclave => builds.join("conclave"),
            Kind::Etcd => builds.join("../../etcd/3.5.1/etcd"),
        })
    }

    /// Starts three nodes with the default settings and waits until all of them serve.
    pub(crate) async fn start(&self) -> anyhow::Result<Nodes> {
        let program = self.program()?;
        Ok(match self.kind {
            Kind::Conclave => Nodes::Conclave(Box::new(start_conclave(&program).await?)),
            Kind::Etcd => Nodes::Etcd(EtcdCluster::start(&program, NODES).await),
        })
    }
}

async fn start_conclave(program: &Path) -> anyhow::Result<Cluster> {
    let program = program.to_str().context("the program's path is no text")?;
    Ok(Cluster::start(ClusterOptions::new(program, NODES as u64).with_own_timings()).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_named_by_what_it_is() {
        let peer: Peer = "etcd:/opt/etcd".parse().unwrap();
        assert_eq!((peer.kind, peer.path, peer.name), (Kind::Etcd, Some("/opt/etcd".into()), None));
        let peer: Peer = "before=conclave:/a=b:c".parse().unwrap();
        assert_eq!(peer.name().unwrap(), "before");
        assert_eq!((peer.kind, peer.path), (Kind::Conclave, Some("/a=b:c".into())));
        assert!("consul".parse::<Peer>().is_err());
    }
}
