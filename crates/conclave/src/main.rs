//! The `conclave` binary: the server and the command line.

fn main() {}
