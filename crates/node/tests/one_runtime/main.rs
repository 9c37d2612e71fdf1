//! Whole nodes on a machine that is none: one thread, no sockets, no I/O of the runtime, and a clock that only the
//! test moves. What they stand on is passed in, so all of it can be simulated.

#[cfg(test)]
mod network;
#[cfg(test)]
mod nodes;
