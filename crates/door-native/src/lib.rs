//! The gRPC services of Conclave itself: configuration and cluster.
