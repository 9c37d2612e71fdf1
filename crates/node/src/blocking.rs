//! Work that blocks: done on the threads that the node was given, and waited for when it stops.

use std::future::Future;
use std::io;

use conclave_mvcc::ReadMap;
use conclave_storage::WorkKind;

use crate::handle::Shared;

/// Does `work` where it may block.
pub(crate) fn blocking<T, F>(
    shared: &Shared,
    work: F,
) -> impl Future<Output = io::Result<T>> + Send + use<T, F>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    conclave_storage::run(shared.state.threads(), WorkKind::Awaited, shared.reading.token(), work)
}

/// Reads the state where that may block.
pub(crate) fn read_state<T, F>(
    shared: &Shared,
    read: F,
) -> impl Future<Output = io::Result<T>> + Send + use<T, F>
where
    F: FnOnce(&dyn ReadMap) -> T + Send + 'static,
    T: Send + 'static,
{
    let state = shared.state.clone();
    blocking(shared, move || state.read(read))
}
