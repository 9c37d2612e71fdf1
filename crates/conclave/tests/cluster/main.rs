//! Conclave as its users have it: real processes on loopback, real files, real signals.
//!
//! | files | what |
//! |---|---|
//! | `command_line`, `documents`, `tags`, `snapshots_of_namespaces`, `retention`, `namespaces`, `trees`, `examples`, `serve_alone`, `run_program`, `run_copy`, `lock_program`, `lock_lost`, `lock_terminal`, `lock_commands`, `held_writes`, `elections`, `wait_version`, `members_typed`, `observing`, `locks`, `locks_watched`, `etcd_keys`, `etcd_watch`, `etcd_held` | what a user does, end to end |
//! | `bad_requests`, `etcd_bad_requests`, `locks_refused`, `locks_crowded`, `refusals`, `bad_files`, `bad_settings`, `start_refused`, `data_directory`, `no_quorum`, `full_disk`, `full_disk_freed`, `full_disk_snapshots` | what bad input gets |
//! | `leader_killed`, `all_killed`, `paused`, `cut_off`, `rollback`, `shutdown`, `restarts`, `snapshot`, `retries`, `members`, `members_join`, `members_killed`, `members_guards`, `lost_data`, `corrupt`, `transfers_killed`, `far_behind`, `backup`, `backups_killed`, `etcd_maintenance`, `etcd_doubt`, `cache`, `lock_pauses`, `lock_queue`, `locks_reset`, `locks_given_up` | what must hold while things break |
//!
//! `fake_bucket` stands for S3, `small_disk` for a disk that is full, `valve` for a slow way; `transfers` has snapshots
//! on their way, `lock_holder` is a worker as a process of its own, `worker` one that speaks to one node with the
//! generated code alone, `running` a command that goes on, `stage` what the tests begin with. They run one after the
//! other (`make cluster`): each has the machine to itself, as far as the machine allows.

#[cfg(test)]
mod all_killed;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod backups_killed;
#[cfg(test)]
mod bad_files;
#[cfg(test)]
mod bad_requests;
#[cfg(test)]
mod bad_settings;
#[cfg(test)]
mod cache;
#[cfg(test)]
mod command_line;
#[cfg(test)]
mod corrupt;
#[cfg(test)]
mod cut_off;
#[cfg(test)]
mod data_directory;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod elections;
#[cfg(test)]
mod etcd_bad_requests;
#[cfg(test)]
mod etcd_doubt;
#[cfg(test)]
mod etcd_held;
#[cfg(test)]
mod etcd_keys;
#[cfg(test)]
mod etcd_maintenance;
#[cfg(test)]
mod etcd_watch;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod fake_bucket;
#[cfg(test)]
mod far_behind;
#[cfg(test)]
mod full_disk;
#[cfg(test)]
mod full_disk_freed;
#[cfg(test)]
mod full_disk_snapshots;
#[cfg(test)]
mod held_writes;
#[cfg(test)]
mod leader_killed;
#[cfg(test)]
mod lock_commands;
#[cfg(test)]
mod lock_holder;
#[cfg(test)]
mod lock_lost;
#[cfg(test)]
mod lock_pauses;
#[cfg(test)]
mod lock_program;
#[cfg(test)]
mod lock_queue;
#[cfg(test)]
mod lock_terminal;
#[cfg(test)]
mod locks;
#[cfg(test)]
mod locks_crowded;
#[cfg(test)]
mod locks_given_up;
#[cfg(test)]
mod locks_refused;
#[cfg(test)]
mod locks_reset;
#[cfg(test)]
mod locks_watched;
#[cfg(test)]
mod lost_data;
#[cfg(test)]
mod members;
#[cfg(test)]
mod members_guards;
#[cfg(test)]
mod members_join;
#[cfg(test)]
mod members_killed;
#[cfg(test)]
mod members_typed;
#[cfg(test)]
mod namespaces;
#[cfg(test)]
mod no_quorum;
#[cfg(test)]
mod observing;
#[cfg(test)]
mod paused;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod restarts;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod retries;
#[cfg(test)]
mod rollback;
#[cfg(test)]
mod run_copy;
#[cfg(test)]
mod run_program;
#[cfg(test)]
mod running;
#[cfg(test)]
mod serve_alone;
#[cfg(test)]
mod shutdown;
#[cfg(test)]
mod small_disk;
#[cfg(test)]
mod snapshot;
#[cfg(test)]
mod snapshots_of_namespaces;
#[cfg(test)]
mod spans;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod start_refused;
mod state_damaged;
#[cfg(test)]
mod tags;
#[cfg(test)]
mod transfers;
#[cfg(test)]
mod transfers_killed;
#[cfg(test)]
mod trees;
#[cfg(test)]
mod valve;
#[cfg(test)]
mod wait_version;
#[cfg(test)]
mod worker;
