//! Histories by hand and by chance: those that one store can have told pass, all others are found.

mod brute_force;
mod config;
mod equivalence;
mod explanations;
mod kv;
mod lock;
mod many;
mod noted;
mod pages;
mod register;
mod simulated;
