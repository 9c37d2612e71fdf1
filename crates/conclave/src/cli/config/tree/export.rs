//! `conclave config export`: namespaces into a folder, a file each, all as they were at one revision.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use conclave_client::config::{
    At, ListNamespacesRequest, ListRequest, ListSnapshotNamespacesRequest, at::Moment,
};
use conclave_formats::Format;

use super::files;
use super::report::ExportReport;
use crate::cli::config::get;
use crate::cli::config::moment::{MomentArgs, Point};
use crate::cli::errors::Failure;
use crate::cli::progress::Progress;
use crate::cli::session::Session;

/// Write namespaces into a folder, a file each, as they are at one revision
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave config export --all config/
  conclave config export --all config/ --format xml --prune
  conclave config export --all config/ --snapshot before-upgrade
  conclave config export config/ --namespace payments/prod --namespace shop/prod

The namespace payments/prod becomes config/payments/prod.yaml. Each file is replaced whole, and only if it \
is another; `conclave config import config/` takes the folder back. docs/formats.md says what a format keeps.")]
pub(in crate::cli) struct ExportArgs {
    /// The folder
    folder: PathBuf,
    /// Export all namespaces
    #[arg(long, required_unless_present = "namespace")]
    all: bool,
    /// Export this namespace; may be given several times
    #[arg(long, value_name = "NAMESPACE", conflicts_with = "all")]
    namespace: Vec<String>,
    /// The files' format: yaml, json, toml, properties, env or xml
    #[arg(long, default_value_t = Format::Yaml)]
    format: Format,
    /// Remove files of the folder that are of no namespace, or in another format
    #[arg(long, conflicts_with = "namespace")]
    prune: bool,
    #[command(flatten)]
    moment: MomentArgs,
}

/// What is to be exported, and as of when.
struct Selection {
    namespaces: Vec<String>,
    /// None: as the first one is when it is read.
    at: Option<At>,
}

impl ExportArgs {
    pub(in crate::cli::config) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let Selection { namespaces, mut at } = self.selection(session).await?;
        let path = |namespace: &String| Ok(self.folder.join(files::path_of(namespace, self.format)?));
        let paths: Vec<PathBuf> = namespaces.iter().map(path).collect::<Result<_, Failure>>()?;
        let kept: BTreeSet<PathBuf> = paths.iter().cloned().collect();
        files::check_folders(&kept)?;

        let mut report = ExportReport::new(&self.folder, self.format, namespaces.len());
        let progress = Progress::of("exporting", namespaces.len());
        for (namespace, path) in namespaces.iter().zip(paths) {
            let exported = self.one(session, namespace, &path, &mut at).await;
            match exported.map_err(|failure| report.interrupted(failure, namespace))? {
                Exported::Written => report.written.push(path),
                Exported::Unchanged => report.unchanged += 1,
            }
            progress.step();
        }
        report.revision = revision_of(at);
        drop(progress);
        if self.prune && self.folder.is_dir() {
            report.removed = files::prune(&self.folder, &kept)?;
        }
        session.output.show(&report)
    }

    async fn selection(&self, session: &Session) -> Result<Selection, Failure> {
        match (self.all, self.moment.point()) {
            (false, point) => Ok(Selection { namespaces: self.namespace.clone(), at: point.map(At::from) }),
            (true, None) => all_now(session).await,
            (true, Some(Point::Snapshot(snapshot))) => all_of(session, snapshot).await,
            (true, Some(_)) => Err(Failure::usage(
                "--all goes with --snapshot only: which namespaces there were then, nobody knows otherwise",
            )
            .with_hint("name them with --namespace, or make a snapshot: `conclave snapshot create NAME --all --revision REVISION`")),
        }
    }

    /// Writes the file of one namespace. Of the first one `at` takes the revision that was read.
    async fn one(
        &self,
        session: &Session,
        namespace: &str,
        path: &Path,
        at: &mut Option<At>,
    ) -> Result<Exported, Failure> {
        let request = ListRequest { namespace: namespace.into(), at: at.clone(), ..ListRequest::default() };
        let listing = session.client.list_all(request).await?;
        at.get_or_insert(At { moment: Some(Moment::Revision(listing.store_revision)) });
        let content = get::file(listing.items, self.format)?;
        Ok(if files::write(path, &content)? { Exported::Written } else { Exported::Unchanged })
    }
}

/// What became of a file.
enum Exported {
    Written,
    /// It was the same already.
    Unchanged,
}

/// The revision that was read, if it is known by its number.
fn revision_of(at: Option<At>) -> Option<u64> {
    match at?.moment? {
        Moment::Revision(revision) => Some(revision),
        _ => None,
    }
}

/// All namespaces that there are, as they are at the revision of the listing.
async fn all_now(session: &Session) -> Result<Selection, Failure> {
    let mut request = ListNamespacesRequest { page_size: 1_000, ..ListNamespacesRequest::default() };
    let mut namespaces = Vec::new();
    loop {
        let page = session.client.list_namespaces(request.clone()).await?;
        namespaces.extend(page.namespaces.into_iter().map(|namespace| namespace.name));
        if page.next_page_token.is_empty() {
            let at = At { moment: Some(Moment::Revision(page.store_revision)) };
            return Ok(Selection { namespaces, at: Some(at) });
        }
        request.page_token = page.next_page_token;
    }
}

/// All namespaces of a snapshot, as they are in it.
async fn all_of(session: &Session, snapshot: String) -> Result<Selection, Failure> {
    let mut request =
        ListSnapshotNamespacesRequest { snapshot: snapshot.clone(), page_size: 1_000, ..Default::default() };
    let mut namespaces = Vec::new();
    loop {
        let page = session.client.list_snapshot_namespaces(request.clone()).await?;
        namespaces.extend(page.namespaces.into_iter().map(|found| found.namespace));
        if page.next_page_token.is_empty() {
            let at = At { moment: Some(Moment::Snapshot(snapshot)) };
            return Ok(Selection { namespaces, at: Some(at) });
        }
        request.page_token = page.next_page_token;
    }
}
