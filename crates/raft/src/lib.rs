//! Consensus: openraft's adapters, the peer network, the read gate and bootstrap.
