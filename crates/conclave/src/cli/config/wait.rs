//! `conclave config wait`: waits until a namespace has come to a version.

use conclave_client::config::GetNamespaceRequest;
use conclave_client::{WatchEvent, WatchOptions};
use serde::Serialize;

use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::exit::Exit;
use crate::cli::output::Report;
use crate::cli::session::Session;
use crate::cli::text;

/// Wait until a namespace has come to a version
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave config wait payments/prod --version 13
  conclave config wait payments/prod --version 13 --timeout 60s

The wait is over as soon as the namespace is at that version or a later one; at once if it is already. --timeout \
says for how long to wait: code 4 tells that the version has not come by then, code 5 that no node answered.")]
pub(in crate::cli) struct WaitArgs {
    /// The namespace; it must exist
    #[arg(value_name = "NAMESPACE")]
    namespace: String,
    /// The version to wait for
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u64).range(1..))]
    version: u64,
}

/// Where the namespace has come to.
#[derive(Debug, Serialize)]
struct Reached {
    namespace: String,
    version: u64,
    revision: u64,
}

impl WaitArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let limit = std::time::Duration::from_millis(session.client.options().timeout_ms);
        let mut seen = None;
        let reached = match tokio::time::timeout(limit, self.reached(session, &mut seen)).await {
            Ok(reached) => reached?,
            Err(_) => return Err(self.too_late(seen, limit.as_millis())),
        };
        session.output.show(&reached)
    }

    /// Waits without an end, and notes the newest version that was seen.
    async fn reached(&self, session: &Session, seen: &mut Option<u64>) -> Result<Reached, Failure> {
        let namespace = self.namespace.clone();
        let request = GetNamespaceRequest { namespace: namespace.clone(), ..Default::default() };
        let answer = session.client.get_namespace(request).await?;
        let found = answer.namespace.unwrap_or_default();
        let (mut version, mut revision) = (found.version, found.revision);
        *seen = Some(version);
        let options = WatchOptions::of([&*namespace]).from_revision(answer.store_revision + 1);
        let mut watch = session.client.watch(options);
        while version < self.version {
            match watch.next().await? {
                WatchEvent::Version(change) => {
                    (version, revision) = (change.version.version, change.version.revision);
                }
                WatchEvent::Reset(reset) => {
                    let state = reset.namespaces.into_iter().next();
                    version = state.map_or(version, |state| state.version);
                    revision = reset.revision;
                }
                WatchEvent::Progress { .. } | WatchEvent::Interrupted { .. } => {}
            }
            *seen = Some(version);
        }
        Ok(Reached { namespace, version, revision })
    }

    fn too_late(&self, seen: Option<u64>, limit_ms: u128) -> Failure {
        let Self { namespace, version } = self;
        match seen {
            Some(seen) => Failure::new(
                Exit::Conflict,
                format!(
                    "namespace \"{namespace}\" is at version {seen}, not at {version}, after {limit_ms} ms"
                ),
            )
            .with_hint("--timeout says how long to wait"),
            None => Failure::new(Exit::Unavailable, format!("no node answered within {limit_ms} ms")),
        }
    }
}

impl Report for Reached {
    fn text(&self, paint: Paint) -> String {
        let heading = format!("{} version {}", text::one_line(&self.namespace, usize::MAX), self.version);
        format!("{}  revision {}\n", paint.heading(&heading), self.revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_decides_what_is_told() {
        let args = WaitArgs { namespace: "shop".into(), version: 13 };
        let behind = args.too_late(Some(12), 500);
        assert_eq!(behind.exit(), Exit::Conflict);
        assert!(behind.to_string().contains("is at version 12, not at 13, after 500 ms"), "{behind}");
        assert_eq!(args.too_late(None, 500).exit(), Exit::Unavailable);
    }
}
