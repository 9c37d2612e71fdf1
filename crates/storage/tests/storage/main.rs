//! The stores as their callers see them, over restarts, crashes and damage.

#[cfg(test)]
mod data_dir;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod log_damage;
#[cfg(test)]
mod log_store;
#[cfg(test)]
mod staging;
#[cfg(test)]
mod state_store;
#[cfg(test)]
mod support;
