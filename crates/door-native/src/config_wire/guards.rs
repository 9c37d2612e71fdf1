//! The locks that a change depends on.

use conclave_core::lock::HeldLock;
use conclave_door::Limits;
use conclave_proto::config::v1 as wire;

use crate::fields::Fields;

/// Reads the locks that must be held.
pub(super) fn held_locks(fields: &mut Fields<'_>, held: Vec<wire::HeldLock>) -> Option<Vec<HeldLock>> {
    let (count, most) = (held.len(), Limits::HELD_LOCKS_MAX);
    if count > most {
        fields.refuse("held_locks", format_args!("they are {count}, of which {most} are allowed"));
        return None;
    }
    let read: Vec<_> = held
        .into_iter()
        .enumerate()
        .map(|(index, held)| {
            let name = fields.lock_name(format_args!("held_locks[{index}].name"), &held.name);
            let token = fields.token(format_args!("held_locks[{index}].token"), held.token);
            name.zip(token).map(|(name, token)| HeldLock { name, token })
        })
        .collect();
    read.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::tests::told;

    fn held(name: &str, token: u64) -> wire::HeldLock {
        wire::HeldLock { name: name.into(), token }
    }

    #[test]
    fn every_lock_is_named_with_a_token() {
        let limits = Limits::default();
        let mut fields = Fields::new(&limits);
        let read = held_locks(&mut fields, vec![held("orders/42", 7), held("b", 1)]).unwrap();
        let read: Vec<_> = read.iter().map(|it| (it.name.as_str(), it.token.get())).collect();
        assert_eq!(read, [("orders/42", 7), ("b", 1)]);

        let read = held_locks(&mut fields, vec![held("", 7), held("b", 0)]);
        assert_eq!(
            told(fields.finish(read)),
            [
                "held_locks[0].name: it is empty: give at least one character",
                "held_locks[1].token: it is 0: give the token of the grant",
            ]
        );
    }

    #[test]
    fn they_are_not_too_many() {
        let limits = Limits::default();
        let mut fields = Fields::new(&limits);
        let read = held_locks(&mut fields, vec![held("a", 1); 17]);
        assert_eq!(told(fields.finish(read)), ["held_locks: they are 17, of which 16 are allowed"]);
    }
}
