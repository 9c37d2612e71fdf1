//! Whether there is room for what is proposed, on this node's disk and on those of most voters.
//!
//! With less than `space_reserve_bytes` free, only what gives room back is done: deletions, compaction, the steps of
//! collection, the end of leases and of locks. So a full store can be made smaller. With less than half of that, nothing
//! is: what was begun must still find some.

use std::collections::{BTreeMap, BTreeSet};

use conclave_raft::NodeStatus;

use crate::alarms::Alarm;
use crate::handle::Shared;

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Room {
    /// None for anything new.
    None,
    /// Enough for what gives some back.
    Little,
    /// Enough.
    Enough,
}

impl Room {
    /// Whether it is enough for something that gives some back, or not.
    pub(crate) fn suffices(self, frees: bool) -> bool {
        match self {
            Self::None => false,
            Self::Little => frees,
            Self::Enough => true,
        }
    }

    fn of(has_alarm: bool, free_bytes: u64, reserve_bytes: u64) -> Self {
        match has_alarm {
            false => Self::Enough,
            true if free_bytes >= reserve_bytes / 2 => Self::Little,
            true => Self::None,
        }
    }
}

/// How much there is for what this node proposes.
pub(crate) fn room(shared: &Shared) -> Room {
    let free_bytes = shared.alarms.borrow().space.map_or(0, |space| space.free_bytes);
    let own = Room::of(shared.is_raised(Alarm::NoSpace), free_bytes, shared.space_reserve_bytes);
    own.min(*shared.room_of_most.borrow())
}

/// How much a majority of the voters has. One that does not answer may have enough.
pub(crate) fn room_of_most(
    voters: &BTreeSet<u64>,
    members: &BTreeMap<u64, NodeStatus>,
    reserve_bytes: u64,
) -> Room {
    let of = |status: &NodeStatus| {
        let has_alarm = status.alarms.iter().any(|alarm| alarm == Alarm::NoSpace.name());
        Room::of(has_alarm, status.disk.free_bytes, reserve_bytes)
    };
    let mut rooms: Vec<Room> = voters.iter().map(|id| members.get(id).map_or(Room::Enough, of)).collect();
    rooms.sort_unstable_by(|a, b| b.cmp(a));
    rooms.get(voters.len() / 2).copied().unwrap_or(Room::Enough)
}

#[cfg(test)]
mod tests {
    use conclave_raft::NodeDisk;

    use super::*;
    use crate::status::tests::status;

    #[test]
    fn what_gives_room_back_may_use_half_of_the_reserve() {
        assert_eq!(Room::of(false, 0, 100), Room::Enough);
        assert_eq!([50, 49].map(|free| Room::of(true, free, 100)), [Room::Little, Room::None]);
        let seen =
            [Room::Enough, Room::Little, Room::None].map(|room| [false, true].map(|it| room.suffices(it)));
        assert_eq!(seen, [[true, true], [false, true], [false, false]]);
    }

    #[test]
    fn a_majority_must_have_room() {
        let told = |id, free_bytes, alarms: &[&str]| {
            let disk = NodeDisk { free_bytes, ..NodeDisk::default() };
            let alarms = alarms.iter().map(|alarm| (*alarm).to_owned()).collect();
            (id, NodeStatus { alarms, disk, ..status(id, 1, 1) })
        };
        let free = |id| told(id, 1_000, &[]);
        let little = |id| told(id, 60, &["no-space"]);
        let none = |id| told(id, 40, &["no-space"]);
        let voters = BTreeSet::from([1, 2, 3]);
        let most =
            |members: &[(u64, NodeStatus)]| room_of_most(&voters, &members.iter().cloned().collect(), 100);
        assert_eq!(most(&[free(1), free(2), none(3)]), Room::Enough);
        assert_eq!(most(&[free(1), little(2), none(3)]), Room::Little);
        assert_eq!(most(&[free(1), none(2), none(3)]), Room::None);
        assert_eq!(most(&[free(1), none(4), none(3)]), Room::Enough, "a learner is not needed");
        assert_eq!(most(&[none(1)]), Room::Enough, "who does not answer may have room");
        let two = BTreeSet::from([1, 2]);
        assert_eq!(room_of_most(&two, &[free(1), little(2)].into(), 100), Room::Little);
    }
}
