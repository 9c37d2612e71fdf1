//! What `cargo metadata` says of our crates and of all that they depend on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::Context as _;
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// The workspace: where it is and what is in it.
pub(super) struct Workspace {
    pub(super) root: PathBuf,
    pub(super) crates: Vec<Crate>,
}

/// One crate of ours.
#[derive(Debug, Default)]
pub(super) struct Crate {
    pub(super) name: String,
    /// What it names in `[dependencies]` and `[build-dependencies]`.
    pub(super) direct: BTreeSet<String>,
    /// What it names in `[dev-dependencies]`.
    pub(super) dev: BTreeSet<String>,
    /// All that is linked into it.
    pub(super) linked: BTreeSet<String>,
}

/// The platform that the servers run on: what other platforms would link is not looked at, nor fetched.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// Asks cargo. It fetches what `Cargo.lock` names and nobody has built yet, and nothing else.
pub(super) fn load() -> anyhow::Result<Workspace> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let mut command = MetadataCommand::new();
    command.manifest_path(manifest);
    command.other_options(["--locked".into(), "--filter-platform".into(), PLATFORM.into()]);
    let metadata = command.exec().context("cargo metadata")?;
    let graph = Graph::of(&metadata)?;
    let crates = metadata.workspace_packages().into_iter().map(|package| Crate {
        name: package.name.to_string(),
        direct: named(&package.dependencies, |kind| kind != DependencyKind::Development),
        dev: named(&package.dependencies, |kind| kind == DependencyKind::Development),
        linked: graph.reached_from(&package.id),
    });
    Ok(Workspace { crates: crates.collect(), root: metadata.workspace_root.clone().into_std_path_buf() })
}

fn named(all: &[cargo_metadata::Dependency], wanted: impl Fn(DependencyKind) -> bool) -> BTreeSet<String> {
    all.iter()
        .filter(|dependency| wanted(dependency.kind))
        .map(|dependency| dependency.name.clone())
        .collect()
}

/// Who links whom, over all packages.
struct Graph {
    names: BTreeMap<PackageId, String>,
    links: BTreeMap<PackageId, Vec<PackageId>>,
}

impl Graph {
    fn of(metadata: &Metadata) -> anyhow::Result<Graph> {
        let resolve = metadata.resolve.as_ref().context("cargo metadata tells no dependency graph")?;
        let is_linked = |dependency: &&cargo_metadata::NodeDep| {
            dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
        };
        let links = resolve.nodes.iter().map(|node| {
            let to = node.deps.iter().filter(is_linked).map(|dependency| dependency.pkg.clone()).collect();
            (node.id.clone(), to)
        });
        let names = metadata.packages.iter().map(|package| (package.id.clone(), package.name.to_string()));
        Ok(Graph { names: names.collect(), links: links.collect() })
    }

    fn reached_from(&self, start: &PackageId) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut open = self.links.get(start).cloned().unwrap_or_default();
        while let Some(next) = open.pop() {
            if seen.insert(next.clone()) {
                open.extend(self.links.get(&next).into_iter().flatten().cloned());
            }
        }
        seen.iter().filter_map(|id| self.names.get(id).cloned()).collect()
    }
}
