//! The replicated store as a Rust API: propose, read, watch, status; the owner of every task.
