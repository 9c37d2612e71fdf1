//! Nodes of one cluster in one process, over loopback and real stores.

#[cfg(test)]
mod agree;
#[cfg(test)]
mod leave;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod refuse;
#[cfg(test)]
mod snapshot;
#[cfg(test)]
mod state_fetch;
#[cfg(test)]
mod stop;
