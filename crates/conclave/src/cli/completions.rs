//! `conclave completions`: what a shell needs to complete commands and flags.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::errors::Failure;
use super::output::Output;

/// Print a script that makes a shell complete commands and flags
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave completions bash > /etc/bash_completion.d/conclave
  conclave completions zsh > \"${fpath[1]}/_conclave\"
  conclave completions fish > ~/.config/fish/completions/conclave.fish")]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

impl CompletionsArgs {
    pub(super) fn run(&self, output: &mut Output) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::Cli::command(), "conclave", &mut script);
        output.bytes(&script)
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;
    use crate::cli::output::{OutputFormat, capture};

    #[test]
    fn every_shell_gets_a_script_that_knows_the_commands() {
        for shell in Shell::value_variants() {
            let (mut output, captured) = capture::output(OutputFormat::Table, false);
            CompletionsArgs { shell: *shell }.run(&mut output).expect("memory takes it");
            let script = captured.text();
            for word in ["rollback", "create-namespace", "initial-cluster"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }
}
