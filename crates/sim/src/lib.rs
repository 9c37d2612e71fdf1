//! The deterministic simulation: whole nodes on a simulated network, clock and disk, every choice from one seed.
//!
//! A [`run()`] is one story: a cluster of three or five nodes, clients that work through its doors, and troubles. The
//! nodes are the production code, unchanged; what they stand on is passed in.
//!
//! | file | what |
//! |---|---|
//! | `run.rs` | one run, from its seed to what was found |
//! | `world.rs`, `host.rs`, `time.rs` | hosts with a runtime and a clock each, stepped a millisecond at a time |
//! | `net/` | calls between hosts, carried piece by piece, and what is wrong with the ways |
//! | `disk/` | disks in memory: what a crash leaves, and what is wrong with them |
//! | `machine.rs`, `cluster.rs` | nodes on these |
//! | `operator.rs` | what an operator does about a node that is gone |
//! | `clients/` | what clients do, and what they note |
//! | `troubles.rs` | what goes wrong, and when it is mended |
//! | `histories.rs` | what clients were told, and whether one store would have told them that
//! | `checks.rs` | what must hold at every moment |
//! | `cases/` | bugs that systems of this kind really had, played |
//! | `regressions.rs` | seeds that have failed once |
//! | `dice.rs`, `story.rs` | the choices, and what came of them |

mod checks;
mod clients;
mod cluster;
mod dice;
mod disk;
mod histories;
mod host;
mod machine;
mod net;
mod operator;
mod regressions;
mod run;
mod settings;
mod story;
mod time;
mod troubles;
mod world;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod net_tests;

pub use regressions::REGRESSIONS;
pub use run::{Outcome, run};
