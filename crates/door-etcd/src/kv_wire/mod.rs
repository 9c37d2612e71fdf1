//! Keys on the wire: requests as queries and commands, answers as messages.

mod answers;
mod requests;
mod txn;

pub(crate) use answers::{key_value, range_answer, txn_answer};
pub(crate) use requests::{compact, delete_range, key_range, put, range};
pub(crate) use txn::{is_local, txn};
