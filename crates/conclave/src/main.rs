//! The `conclave` binary: the server and the command line.

mod cli;
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(std::env::args_os())
}
