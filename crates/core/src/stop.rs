//! Why something was not done: refused, or the map cannot be read.

use conclave_mvcc::MapError;

use crate::rejection::Rejection;

/// Both ends of the way through a command or a read, so that `?` serves for both. Where it ends they part
/// again: a rejection is an answer, a broken map is fatal.
#[derive(Debug)]
pub(crate) enum Stop {
    Rejected(Rejection),
    Broken(MapError),
}

impl From<Rejection> for Stop {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<MapError> for Stop {
    fn from(error: MapError) -> Self {
        Self::Broken(error)
    }
}

/// Parts the two: the map's errors outside, the answer within.
pub(crate) fn part<T>(done: Result<T, Stop>) -> Result<Result<T, Rejection>, MapError> {
    match done {
        Ok(value) => Ok(Ok(value)),
        Err(Stop::Rejected(rejection)) => Ok(Err(rejection)),
        Err(Stop::Broken(error)) => Err(error),
    }
}
