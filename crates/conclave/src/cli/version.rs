//! `conclave version`: which program this is.

use serde::Serialize;

use super::colour::Paint;
use super::errors::Failure;
use super::output::{Output, OutputFormat, Report};

/// Print the version of this program
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  conclave version\n  conclave version --output json")]
pub(super) struct VersionArgs {
    /// How the answer looks
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    output: OutputFormat,
}

impl VersionArgs {
    pub(super) fn output(&self) -> OutputFormat {
        self.output
    }

    pub(super) fn run(&self, output: &mut Output) -> Result<(), Failure> {
        output.show(&Version { name: "conclave", version: env!("CARGO_PKG_VERSION") })
    }
}

#[derive(Debug, Serialize)]
struct Version {
    name: &'static str,
    version: &'static str,
}

impl Report for Version {
    fn text(&self, _: Paint) -> String {
        format!("{} {}\n", self.name, self.version)
    }
}
