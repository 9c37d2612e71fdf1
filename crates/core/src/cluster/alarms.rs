//! The alarm of space that somebody raised, of which members: while there is one, what takes room is refused.
//!
//! What a node finds out about its own disk is no part of the state. This is what clients of etcd know: a switch that
//! stands until it is taken back.

use std::collections::BTreeSet;

use conclave_mvcc::{MapError, ReadMap, Transaction};

use super::command::SetAlarm;
use super::outcome::ClusterOutcome;
use crate::encoding::{decode, encode};
use crate::tables::ALARMS;

const FORMAT: u8 = 1;
const ROW: &[u8] = b"";

/// The members of which somebody raised the alarm of space, in order of id.
///
/// # Errors
/// If the map cannot be read.
pub fn alarms(view: &dyn ReadMap) -> Result<BTreeSet<u64>, MapError> {
    let Some(row) = ALARMS.get(view, ROW)? else { return Ok(BTreeSet::new()) };
    decode(FORMAT, &row).map_err(|_| MapError::damaged("unknown alarms", &ALARMS.row_key(ROW)))
}

/// Raises it or takes it back.
pub(super) fn set(transaction: &mut Transaction<'_>, command: SetAlarm) -> Result<ClusterOutcome, MapError> {
    let SetAlarm { member_id, raised } = command;
    let mut members = alarms(transaction.view())?;
    let is_news = if raised { members.insert(member_id) } else { members.remove(&member_id) };
    if is_news {
        write(transaction, &members);
    }
    Ok(ClusterOutcome::AlarmSet { is_news })
}

/// Takes all of them back.
pub(super) fn clear(transaction: &mut Transaction<'_>) {
    write(transaction, &BTreeSet::new());
}

fn write(transaction: &mut Transaction<'_>, members: &BTreeSet<u64>) {
    if members.is_empty() {
        transaction.side_delete(ALARMS, ROW);
    } else {
        transaction.side_put(ALARMS, ROW, encode(FORMAT, members));
    }
}

#[cfg(test)]
mod tests {
    use conclave_mvcc::MemoryMap;

    use super::*;

    #[test]
    fn golden_bytes() {
        assert_eq!(encode(FORMAT, &BTreeSet::from([1_u64, 300])).as_ref(), b"\x01\x02\x01\xac\x02");
    }

    #[test]
    fn an_alarm_stands_until_it_is_taken_back() {
        let mut map = MemoryMap::default();
        let mut set_of = |member_id, raised| {
            let mut transaction = Transaction::begin(&map).unwrap();
            let outcome = set(&mut transaction, SetAlarm { member_id, raised }).unwrap();
            let writes = transaction.seal().writes;
            map.write(&writes);
            (outcome == ClusterOutcome::AlarmSet { is_news: true }, alarms(&map).unwrap())
        };
        assert_eq!(set_of(2, true), (true, BTreeSet::from([2])));
        assert_eq!(set_of(2, true), (false, BTreeSet::from([2])));
        assert_eq!(set_of(1, true), (true, BTreeSet::from([1, 2])));
        assert_eq!(set_of(3, false), (false, BTreeSet::from([1, 2])));
        assert_eq!(set_of(2, false), (true, BTreeSet::from([1])));
        assert_eq!(set_of(1, false), (true, BTreeSet::new()));
    }
}
