//! The `conclave` binary: the server and the command line.

mod cli;
mod serve;

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// Of Rust's code and RocksDB's alike. The system's takes longer and keeps more where many small messages are made and
/// dropped on several threads.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    cli::run(std::env::args_os())
}
