//! Backups in every kind of place.

#[cfg(test)]
mod places;
#[cfg(test)]
mod prune;
