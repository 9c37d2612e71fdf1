//! Fan-out of changes: the live tail, catch-up from history, and reset of slow watchers.
