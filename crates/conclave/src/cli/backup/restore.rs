//! `conclave backup restore`.

use std::io;
use std::path::PathBuf;

use conclave_backup::{FileSink, Manifest, ManifestFile};
use conclave_node::{
    Applied, BackedUp, CheckpointFile, PeerAddress, Restore, RestoreError, RestoreOptions, Restored,
};

use super::restore_report::{OtherNodes, RestoreReport};
use super::source::{SourceArgs, hex};
use crate::cli::errors::Failure;
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::session::Session;
use crate::serve::settings::{ClusterMembers, parse_members};

/// More revisions than a cluster gives out between two backups.
const REVISION_GAP: u64 = 1_000_000_000;

/// Make the data directory of a node from a backup, while no node runs there
///
/// Do it once for each node of the new cluster. The first restore draws an id, and prints the commands for the
/// others: with that id, the same backup, name, members and gap. Then start them all. They form a cluster of their
/// own: no node of the old one can come in between, and none of another restore of the same backup. Revisions go on
/// after the gap, so that none is given out twice, and watches begin anew.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave backup restore nightly.conclave --data-dir /var/lib/conclave --node-id 1 \\
      --initial-cluster 1=db1.internal:4201
  conclave backup restore s3://company-backups/conclave --time 2026-02-28T17:00:00Z \\
      --data-dir /var/lib/conclave --node-id 1 \\
      --initial-cluster 1=db1.internal:4201,2=db2.internal:4201,3=db3.internal:4201")]
pub(in crate::cli) struct RestoreArgs {
    #[command(flatten)]
    pub(super) source: SourceArgs,
    /// Folder of the node's data: empty, or not there
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) data_dir: PathBuf,
    /// Id of the node, one of the members
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) node_id: u64,
    /// The members of the new cluster, the same for all of them
    #[arg(long, value_name = "ID=HOST:PORT[/CLIENT],...", value_parser = parse_members)]
    pub(super) initial_cluster: ClusterMembers,
    /// Name of the new cluster, the same for all of them [default: as it was]
    #[arg(long, value_name = "NAME")]
    pub(super) cluster_name: Option<String>,
    /// How far revisions are moved on: by more than were given out after the backup; the same for all of them
    #[arg(long, value_name = "COUNT", default_value_t = REVISION_GAP)]
    pub(super) revision_gap: u64,
    /// What the restore of the first node printed; for every node but that one
    #[arg(long, value_name = "ID", value_parser = hex)]
    pub(super) restore_id: Option<u64>,
}

impl RestoreArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let open = self.source.open().await?;
        let manifest = open.manifest().clone();
        if self.revision_gap == 0 {
            session.output.note(
                "warning: with --revision-gap 0 revisions that were given out after the backup are given out again: \
                 whoever saw them can take a change for one that it knows",
            );
        }
        let others = OtherNodes::of(&self, &manifest);
        let options = self.options(&manifest);
        let (cluster_name, node_id) = (options.cluster_name.clone(), options.node_id);
        let data_dir = options.data_dir.display().to_string();
        let restore = blocking(move || Restore::begin(options)).await?;
        let progress = Progress::bytes("restoring", manifest.size_bytes());
        let mut target = Target { restore, progress };
        open.read(&mut target).await?;
        let Target { restore, progress } = target;
        let Restored { cluster_id, restore_id, revision, left_over } =
            blocking(move || restore.finish()).await?;
        drop(progress);
        if let Some(why) = left_over {
            session
                .output
                .note(&format!("warning: the node is whole, but something is left of its making: {why}"));
        }
        session.output.show(&RestoreReport {
            backup: manifest.id(),
            cluster_id: format!("{cluster_id:016x}"),
            cluster_name,
            node_id,
            data_dir,
            backup_revision: manifest.revision,
            revision,
            restore_id: format!("{restore_id:016x}"),
            other_nodes: others.commands(restore_id),
        })
    }

    fn options(self, manifest: &Manifest) -> RestoreOptions {
        let address = |(id, member): (u64, _)| {
            let crate::serve::settings::MemberAddress { peer, client } = member;
            (id, PeerAddress { peer, client: client.unwrap_or_default(), ..PeerAddress::default() })
        };
        RestoreOptions {
            data_dir: self.data_dir,
            node_id: self.node_id,
            cluster_name: self.cluster_name.unwrap_or_else(|| manifest.cluster_name.clone()),
            members: self.initial_cluster.into_iter().map(address).collect(),
            revision_gap: self.revision_gap,
            restore_id: self.restore_id,
            backup: BackedUp {
                checksum: manifest.checksum(),
                cluster_id: manifest.cluster_id,
                revision: manifest.revision,
                applied: Applied { index: manifest.applied_index, term: manifest.applied_term },
                digest: manifest.digest.clone(),
            },
        }
    }
}

/// Gives the files of a backup to a data directory.
struct Target {
    restore: Restore,
    progress: Progress,
}

impl FileSink for Target {
    fn begin(&mut self, file: &ManifestFile) -> io::Result<()> {
        let ManifestFile { name, size_bytes, checksum } = file.clone();
        self.restore.begin_file(CheckpointFile { name, size_bytes, checksum }).map_err(io::Error::other)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.progress.advance(bytes.len());
        self.restore.write(bytes).map_err(io::Error::other)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.restore.finish_file().map_err(io::Error::other)
    }
}

#[expect(clippy::disallowed_methods, reason = "no node runs here whose threads could be asked")]
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RestoreError> + Send + 'static,
) -> Result<T, Failure> {
    let worked = tokio::task::spawn_blocking(work).await;
    let worked = worked.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    worked.map_err(|error| {
        let exit = match error {
            RestoreError::NotAMember(_) | RestoreError::GapTooLarge { .. } => Exit::Usage,
            RestoreError::NotEmpty { .. } => Exit::Conflict,
            RestoreError::Differs { .. } => Exit::Invalid,
            _ => Exit::Failed,
        };
        Failure::new(exit, error.to_string())
    })
}
