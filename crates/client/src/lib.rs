//! The Rust SDK of Conclave: failover, safe retries, and watches that resume.
