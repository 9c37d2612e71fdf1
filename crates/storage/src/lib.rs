//! RocksDB: the log store, the state store, checkpoints, and the threads that block.
