//! Nodes of one cluster in one process, over loopback and real stores.

mod agree;
mod leave;
mod nodes;
mod refuse;
mod snapshot;
mod stop;
