//! Conclave as its users have it: real processes on loopback, real files, real signals.
//!
//! | files | what |
//! |---|---|
//! | `command_line`, `examples`, `serve_alone` | what a user does, end to end |
//! | `bad_requests`, `refusals`, `bad_files`, `bad_settings`, `start_refused`, `data_directory`, `no_quorum`, `full_disk` | what bad input gets |
//! | `leader_killed`, `all_killed`, `paused`, `cut_off`, `rollback`, `shutdown`, `restarts`, `snapshot`, `retries` | what must hold while things break |
//!
//! `stage` has what the tests begin with. They run one after the other (`make cluster`): each has the machine to
//! itself, as far as the machine allows.

#[cfg(test)]
mod all_killed;
#[cfg(test)]
mod bad_files;
#[cfg(test)]
mod bad_requests;
#[cfg(test)]
mod bad_settings;
#[cfg(test)]
mod command_line;
#[cfg(test)]
mod cut_off;
#[cfg(test)]
mod data_directory;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod full_disk;
#[cfg(test)]
mod leader_killed;
#[cfg(test)]
mod no_quorum;
#[cfg(test)]
mod paused;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod restarts;
#[cfg(test)]
mod retries;
#[cfg(test)]
mod rollback;
#[cfg(test)]
mod serve_alone;
#[cfg(test)]
mod shutdown;
#[cfg(test)]
mod snapshot;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod start_refused;
