//! The deterministic simulation: whole nodes on a simulated network, clock and disk, every choice from one seed.

mod dice;
mod host;
mod net;
mod story;
mod world;

#[cfg(test)]
mod net_tests;
