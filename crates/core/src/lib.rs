//! The commands of Conclave and what they do to the keyspace.
