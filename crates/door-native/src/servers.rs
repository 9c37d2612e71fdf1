//! The generated servers. They differ from those of `conclave-proto` in their codec: a request that would
//! grow out of all proportion in memory is refused while it is decoded.

/// Configuration.
#[allow(missing_docs, unreachable_pub, unused_qualifications, rustdoc::all, clippy::all, clippy::pedantic)]
pub(crate) mod config {
    tonic::include_proto!("conclave.config.v1");
}

/// The cluster itself.
#[allow(missing_docs, unreachable_pub, unused_qualifications, rustdoc::all, clippy::all, clippy::pedantic)]
pub(crate) mod cluster {
    tonic::include_proto!("conclave.cluster.v1");
}

/// Sessions, locks and elections.
#[allow(missing_docs, unreachable_pub, unused_qualifications, rustdoc::all, clippy::all, clippy::pedantic)]
pub(crate) mod lock {
    tonic::include_proto!("conclave.lock.v1");
}

#[cfg(test)]
mod tests;
