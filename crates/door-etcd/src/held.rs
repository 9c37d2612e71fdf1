//! The locks of Conclave's own API that a change depends on. A message of etcd has no place for them: they are told in the
//! metadata of the request.

use conclave_core::lock::HeldLock;
use conclave_core::{FencingToken, LockName};
use conclave_door::Limits;
use tonic::metadata::MetadataMap;

use crate::refusal::Rule;

/// `NAME=TOKEN`; several of them stand one beside the other or with commas between.
const HEADER: &str = "conclave-held";

/// The locks that must be held.
pub(crate) fn held_locks(metadata: &MetadataMap) -> Result<Vec<HeldLock>, Rule> {
    let mut held = Vec::new();
    for told in metadata.get_all(HEADER) {
        let told = told.to_str().map_err(|_| Rule::HeldUnreadable)?;
        for lock in told.split(',') {
            held.push(lock_of(lock.trim()).ok_or(Rule::HeldUnreadable)?);
        }
    }
    if held.len() > Limits::HELD_LOCKS_MAX { Err(Rule::HeldMany) } else { Ok(held) }
}

fn lock_of(text: &str) -> Option<HeldLock> {
    let (name, token) = text.split_once('=')?;
    let token = token.parse().ok().filter(|token| *token > 0)?;
    Some(HeldLock { name: LockName::parse(name).ok()?, token: FencingToken::new(token) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(told: &[&str]) -> Result<Vec<(String, u64)>, Rule> {
        let mut metadata = MetadataMap::new();
        for told in told {
            metadata.append(HEADER, told.parse().unwrap());
        }
        let held = held_locks(&metadata)?;
        Ok(held.iter().map(|it| (it.name.to_string(), it.token.get())).collect())
    }

    #[test]
    fn locks_are_named_with_their_tokens() {
        let locks = |locks: &[(&str, u64)]| -> Vec<(String, u64)> {
            locks.iter().map(|(name, token)| ((*name).to_owned(), *token)).collect()
        };
        assert_eq!(read(&[]), Ok(Vec::new()));
        assert_eq!(read(&["orders/42=7"]), Ok(locks(&[("orders/42", 7)])));
        assert_eq!(read(&["a=1, b=2", "c=3"]), Ok(locks(&[("a", 1), ("b", 2), ("c", 3)])));
    }

    #[test]
    fn what_names_no_lock_is_refused_and_never_passed_over() {
        for told in ["", "a", "a=", "=1", "a=0", "a=-1", "a=1x", "a b=1", "a=1,", ",a=1", "a:1"] {
            assert_eq!(read(&[told]), Err(Rule::HeldUnreadable), "{told:?}");
        }
        let mut metadata = MetadataMap::new();
        metadata.append(HEADER, "a=1".parse().unwrap());
        metadata.append(HEADER, tonic::metadata::MetadataValue::try_from(&b"\xff"[..]).unwrap());
        assert_eq!(held_locks(&metadata), Err(Rule::HeldUnreadable));
    }

    #[test]
    fn they_are_not_too_many() {
        assert_eq!(read(&["a=1"; 16]).unwrap().len(), 16);
        assert_eq!(read(&["a=1"; 17]), Err(Rule::HeldMany));
    }
}
